"""Runs `ReadExport` on Beam, and writes the artifacts around it."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import apache_beam as beam
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from components.export_example_gen.config import ExportSettings
from components.export_example_gen.read_export import ReadExport, ReadPlan, SetAsideRow
from components.export_example_gen.set_aside import (
    SET_ASIDE_FILE,
    check_share,
    write_set_aside,
)
from schemas import record
from schemas.events import emit
from schemas.settings import load_settings
from schemas.taxonomy_csv import read_taxonomy, write_taxonomy
from schemas.vision_export import VisionExport

FAILED_LIST_PREFIX = "fieldmark-set-aside-"


class Executor(BaseBeamExecutor):
    """See `component.ExportExampleGen`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = load_settings(
            ExportSettings, json.loads(exec_properties["settings"]), source="export"
        )
        export = VisionExport.open(exec_properties["export_dir"])
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        self._write_taxonomy(export, artifact_utils.get_single_uri(output_dict["taxonomy"]))
        splits = list(export.split_paths)
        examples.split_names = artifact_utils.encode_split_names(splits)
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        plan = ReadPlan(
            export_dir=str(export.directory),
            split_dirs={split: artifact_utils.get_split_uri([examples], split) for split in splits},
            split_photos=_check_rows(export),
            settings=settings,
        )
        for directory in plan.split_dirs.values():
            Path(directory).mkdir(parents=True, exist_ok=True)
        set_aside, kept = self._read(plan)
        folder = Path(artifact_utils.get_single_uri(output_dict["set_aside"]))
        write_set_aside(set_aside, folder / SET_ASIDE_FILE)
        self._judge(set_aside, kept, settings, folder / SET_ASIDE_FILE)

    def _read(self, plan: ReadPlan) -> tuple[list[SetAsideRow], dict[str, int]]:
        """Runs the pipeline; results come back through files, as Beam may run elsewhere."""
        results = Path(tempfile.mkdtemp(prefix="results-", dir=Path(plan.split_dirs["train"])))
        try:
            with self._make_beam_pipeline() as pipeline:
                read = pipeline | "ReadExport" >> ReadExport(plan)
                _to_json(read["set_aside"], results / "set_aside", "SetAside")
                totals = read["kept"] | "Totals" >> beam.CombinePerKey(sum)
                _to_json(totals, results / "kept", "Kept")
            set_aside = [SetAsideRow(*row) for row in _from_json(results, "set_aside")]
            kept = dict.fromkeys(plan.split_dirs, 0) | dict(_from_json(results, "kept"))
        finally:
            shutil.rmtree(results)
        return set_aside, kept

    def _judge(
        self,
        set_aside: list[SetAsideRow],
        kept: dict[str, int],
        settings: ExportSettings,
        listed: Path,
    ) -> None:
        counts = ", ".join(f"{split} {count:,}" for split, count in kept.items())
        text = f"{sum(kept.values()):,} photos kept ({counts})"
        if set_aside:
            text += f"; {len(set_aside):,} set aside, listed in {listed}"
        emit("note", text=text)
        # TFX deletes the outputs of a step that fails; the list must outlive it.
        saved = Path(tempfile.gettempdir()) / f"{FAILED_LIST_PREFIX}{listed.parent.name}.csv"
        shutil.copyfile(listed, saved)
        check_share(set_aside, kept, max_share=settings.max_unusable_share, listed_in=saved)
        saved.unlink()

    def _write_taxonomy(self, export: VisionExport, uri: str) -> None:
        taxonomy = read_taxonomy(export.taxonomy_path)
        write_taxonomy(taxonomy, Path(uri) / record.TAXONOMY_FILE)
        lines = "".join(f"{taxon_id}\n" for taxon_id in taxonomy.leaf_taxon_ids)
        (Path(uri) / record.LEAF_TAXA_FILE).write_text(lines)


def _check_rows(export: VisionExport) -> dict[str, int]:
    """Returns rows by split, after checking each against the taxonomy.

    Raises:
        DataError: with all faulty rows of a file, before any photo is read.
    """
    taxonomy = read_taxonomy(export.taxonomy_path)
    return {
        split: sum(1 for _ in export.rows(split, taxonomy=taxonomy)) for split in export.split_paths
    }


def _to_json(rows: beam.PCollection, prefix: Path, name: str) -> None:
    lines = rows | f"{name}Json" >> beam.Map(json.dumps)
    _ = lines | f"{name}Write" >> beam.io.WriteToText(str(prefix))


def _from_json(folder: Path, name: str) -> list[Any]:
    return [
        json.loads(line)
        for path in sorted(folder.glob(f"{name}-*"))
        for line in path.read_text().splitlines()
    ]
