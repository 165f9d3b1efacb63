"""What `build_export` made, in figures and in words.

built = BuiltExport.read(Path("ladybirds"))
print(built.words())
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.build_export.selection_report import REPORT_FILE
from schemas.photo_store import PHOTOS_FOLDER
from schemas.ranks import LEVEL_OF_RANK
from schemas.record import SPLITS


@dataclass(frozen=True)
class BuiltExport:
    """An export on disk.

    Attributes:
        directory: the export.
        leaves_by_rank: number of leaves, species first.
        photos: number of photos by split.
        observations: number of observations in all splits.
        candidate_photos: photos at or below the root that passed the filters.
        candidate_observations: observations that they belong to.
        doubles: rows left out since their photo stands on another observation too.
        rolled_up_taxa: taxa that count for a leaf above them.
        left_out_taxa: taxa with photos that count for no leaf.
        left_out_photos: their photos.
        moved_taxa: taxa that the source's rows place in more than one way.
        leaves_below_minimum: leaves short of a minimum; only where the taxonomy was given.
        has_photos: whether a store of photos is linked.
        already_complete: whether it was there before, with the same settings and source.
    """

    directory: Path
    leaves_by_rank: Mapping[str, int]
    photos: Mapping[str, int]
    observations: int
    candidate_photos: int
    candidate_observations: int
    doubles: int
    rolled_up_taxa: int
    left_out_taxa: int
    left_out_photos: int
    moved_taxa: int
    leaves_below_minimum: tuple[str, ...]
    has_photos: bool
    already_complete: bool = False

    @classmethod
    def read(cls, directory: Path, *, already_complete: bool = False) -> BuiltExport:
        """Returns what the selection.json of a complete export says."""
        report: dict[str, Any] = json.loads((directory / REPORT_FILE).read_text())
        counts, leaves, left_out = report["counts"], report["leaves"], report["left_out"]
        ranks = Counter(leaf["rank"] for leaf in leaves)
        return cls(
            directory=directory,
            leaves_by_rank={
                rank: ranks[rank]
                for rank in sorted(ranks, key=lambda r: (LEVEL_OF_RANK.get(r, 0), r))
            },
            photos=counts["photos"],
            observations=counts["observations"],
            candidate_photos=counts["candidate_photos"],
            candidate_observations=counts["candidate_observations"],
            doubles=counts["photos_on_several_observations"],
            rolled_up_taxa=sum(len(leaf["rolled_up_taxa"]) for leaf in leaves),
            left_out_taxa=len({taxon["taxon_id"] for taxon in left_out}),
            left_out_photos=counts["left_out_photos"],
            # An export that was built earlier may not say.
            moved_taxa=len(report.get("moved_taxa", ())),
            leaves_below_minimum=tuple(leaf["name"] for leaf in leaves if leaf["below_minimum"]),
            has_photos=(directory / PHOTOS_FOLDER).is_dir(),
            already_complete=already_complete,
        )

    @property
    def num_leaves(self) -> int:
        """Leaves of all ranks."""
        return sum(self.leaves_by_rank.values())

    def words(self) -> str:
        """Returns a summary for people, several lines."""
        ranks = ", ".join(f"{count:,} {rank}" for rank, count in self.leaves_by_rank.items())
        splits = ", ".join(f"{split} {self.photos[split]:,}" for split in SPLITS)
        lines = [
            f"{self.num_leaves:,} leaves ({ranks})",
            f"{sum(self.photos.values()):,} photos of {self.observations:,} observations "
            f"({splits}), out of {self.candidate_photos:,} photos that passed the filters",
        ]
        if self.rolled_up_taxa:
            lines.append(
                f"{self.rolled_up_taxa:,} taxa short of photos rolled up into a leaf above"
            )
        if self.left_out_taxa:
            lines.append(
                f"{self.left_out_taxa:,} taxa with {self.left_out_photos:,} photos left out; "
                f"{REPORT_FILE} says why"
            )
        if self.doubles:
            lines.append(f"{self.doubles:,} photos stood on several observations, kept with one")
        if self.moved_taxa:
            lines.append(
                f"{self.moved_taxa:,} taxa stand in two places of the tree, and were put where "
                f"most rows have them; {REPORT_FILE} names them"
            )
        if self.leaves_below_minimum:
            lines.append(
                f"{len(self.leaves_below_minimum):,} leaves are below a minimum: "
                f"{', '.join(self.leaves_below_minimum[:5])}"
                + (" ..." if len(self.leaves_below_minimum) > 5 else "")
            )
        done = (
            "Built already with these settings, nothing to do" if self.already_complete else "Built"
        )
        return "\n".join([*lines, f"{done}: {self.directory}"])
