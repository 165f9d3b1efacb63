"""Searches the photo index for near-duplicates, writes the list and stops the run on too many."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from components.duplicate_gate.verdict import describe_excess, splits_in_excess, summary
from components.outliving import outliving
from schemas.duplicate_pairs import PAIRS_FILE, look_up, write_pairs
from schemas.errors import FieldmarkError
from schemas.events import emit
from schemas.near_duplicates import Found, find_near_duplicates
from schemas.photo_index import index_files
from schemas.record import SPLITS
from schemas.split_hashes import SplitHashes

VERDICT_FILE = "verdict.json"
FAILED_LIST_PREFIX = "fieldmark-near-duplicates-"


class Executor(BaseExecutor):
    """See `component.DuplicateGate`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        splits = read_splits(Path(artifact_utils.get_single_uri(input_dict["photo_index"])))
        max_share = exec_properties["max_share"]
        max_distance = exec_properties["max_distance"]
        found = find_near_duplicates(splits, max_distance=max_distance)
        pairs = look_up(found.listed, splits)
        folder = Path(artifact_utils.get_single_uri(output_dict["near_duplicates"]))
        write_pairs(pairs, folder / PAIRS_FILE)
        write_verdict(found, folder / VERDICT_FILE)
        emit("note", text=summary(found.counts))
        if not splits_in_excess(found.counts, max_share):
            return
        fail = exec_properties["on_excess"] == "fail"
        message = describe_excess(
            found.counts,
            pairs,
            max_distance=max_distance,
            max_share=max_share,
            listed_in=(
                outliving(folder / PAIRS_FILE, FAILED_LIST_PREFIX) if fail else folder / PAIRS_FILE
            ),
        )
        if fail:
            raise FieldmarkError(message)
        emit("note", text=message)


def read_splits(directory: Path) -> list[SplitHashes]:
    """Returns the photos of each split of a photo index, in the order train, val, test."""
    files = {split: index_files(directory, split) for split in SPLITS}
    return [SplitHashes.read(split, paths) for split, paths in files.items() if paths]


def write_verdict(found: Found, path: Path) -> None:
    """Writes the counts as JSON."""
    splits = {
        split: {**asdict(counts), "share": counts.share} for split, counts in found.counts.items()
    }
    verdict = {"splits": splits, "pairs": found.num_pairs, "pairs_listed": len(found.listed)}
    path.write_text(json.dumps(verdict, indent=1))
