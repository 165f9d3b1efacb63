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
from components.export_example_gen.read_export import ReadExport
from components.export_example_gen.read_plan import ReadPlan, plan_ranges
from components.export_example_gen.read_rows import raise_fault
from components.export_example_gen.results import FILE_PREFIX, Results, read_results, to_line
from components.export_example_gen.set_aside import (
    SET_ASIDE_FILE,
    check_share,
    refuse_leaks,
    summary,
    write_set_aside,
)
from components.outliving import outliving
from components.storage import local_directory
from schemas import record
from schemas.events import emit
from schemas.open_source import open_source
from schemas.photo_index import WRITING_PREFIX
from schemas.settings import load_settings
from schemas.source import Source
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import write_taxonomy

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
        with tempfile.TemporaryDirectory(prefix="fieldmark-export-") as folder:
            export = local_directory(exec_properties["export_dir"], Path(folder))
            self._do(open_source(str(export), settings.format), settings, output_dict)

    def _do(
        self, source: Source, settings: ExportSettings, output_dict: dict[str, list[Artifact]]
    ) -> None:
        taxonomy, splits = source.taxonomy(), list(source.split_paths)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        examples.split_names = artifact_utils.encode_split_names(splits)
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        plan = ReadPlan(
            export_dir=str(source.directory),
            taxonomy_dir=artifact_utils.get_single_uri(output_dict["taxonomy"]),
            split_dirs={split: artifact_utils.get_split_uri([examples], split) for split in splits},
            index_dir=artifact_utils.get_single_uri(output_dict["photo_index"]),
            ranges=plan_ranges(source),
            has_places=source.has_places,
            settings=settings,
        )
        _write_taxonomy(taxonomy, plan.taxonomy_dir)
        for directory in plan.split_dirs.values():
            Path(directory).mkdir(parents=True, exist_ok=True)
        results = self._read(plan)
        raise_fault(source, taxonomy, results.faulty)
        folder = Path(artifact_utils.get_single_uri(output_dict["set_aside"]))
        self._judge(results, source, settings, folder / SET_ASIDE_FILE)

    def _read(self, plan: ReadPlan) -> Results:
        """Runs the pipeline; results come back through files."""
        folder = Path(tempfile.mkdtemp(prefix="results-", dir=Path(plan.split_dirs["train"])))
        try:
            with self._make_beam_pipeline() as pipeline:
                read = pipeline | "ReadExport" >> ReadExport(plan)
                # One file of all three: Beam takes a tenth of a second for each one it writes.
                lines = [
                    read[name] | f"{name}Lines" >> beam.Map(to_line, name)
                    for name in ("set_aside", "kept", "faulty")
                ]
                _ = (
                    lines
                    | "Results" >> beam.Flatten()
                    | "WriteResults" >> beam.io.WriteToText(str(folder / FILE_PREFIX))
                )
            return read_results(folder, plan.split_dirs)
        finally:
            shutil.rmtree(folder)
            _remove_halves(plan)

    def _judge(
        self, results: Results, source: Source, settings: ExportSettings, listed: Path
    ) -> None:
        files = {split: path.name for split, path in source.split_paths.items()}
        set_aside, kept, _ = results
        if settings.on_leak == "fail":
            refuse_leaks(set_aside, str(source.directory), files=files)
        write_set_aside(set_aside, listed, files=files)
        emit("note", text=summary(set_aside, kept, listed_in=listed))
        saved = outliving(listed, FAILED_LIST_PREFIX)
        check_share(
            set_aside,
            kept,
            max_share=settings.max_unusable_share,
            listed_in=saved,
            files=files,
        )
        saved.unlink()


def _write_taxonomy(taxonomy: Taxonomy, uri: str) -> None:
    write_taxonomy(taxonomy, Path(uri) / record.TAXONOMY_FILE)
    lines = "".join(f"{taxon_id}\n" for taxon_id in taxonomy.leaf_taxon_ids)
    (Path(uri) / record.LEAF_TAXA_FILE).write_text(lines)


def _remove_halves(plan: ReadPlan) -> None:
    """Removes what workers left that died while writing; others have written those files since."""
    for directory in (*plan.split_dirs.values(), plan.index_dir):
        for path in Path(directory).rglob(f"{WRITING_PREFIX}*"):
            path.unlink()
