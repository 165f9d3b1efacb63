"""The evaluation that a person means: by a run's name or directory, or by a directory of tables.

ladybirds                                  the newest model of runs/ladybirds
runs/ladybirds/pushed/saved_model/17000    that version's
runs/ladybirds/artifacts/.../18[/tables]   one evaluation of a run
evaluation                                 what `fieldmark evaluate --out` wrote

run = find_run("ladybirds", runs=Path("runs"), trained_on={})
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from components.taxon_evaluator.tables.table_files import METRICS_FILE, TABLES_DIRECTORY
from pipeline.evaluate.evaluated_file import EVALUATED_FILE, read_evaluated
from pipeline.layout import Layout
from pipeline.lineage.chosen_model import choose_model, locate_run
from pipeline.lineage.evaluations import ModelEvaluation, model_evaluations
from pipeline.lineage.graph import read_graph
from pipeline.lineage.runs import is_run
from pipeline.variance.evaluated_run import EvaluatedRun, read_tables
from schemas.errors import ConfigError


def find_run(text: str, *, runs: Path, trained_on: Mapping[str, str]) -> EvaluatedRun:
    """Returns the evaluation that is meant.

    Args:
        text: see above; it becomes the run's name.
        runs: the directory of runs.
        trained_on: by such texts, exports that a person names: they go before what is found.

    Raises:
        ConfigError: if there is nothing, no evaluation, or nobody says what it was trained on.
        DataError: if a store or a table cannot be read.
    """
    tables = _tables_at(Path(text))
    if tables is None:
        return _of_newest_model(text, runs, trained_on)
    root = next((above for above in tables.absolute().parents if is_run(above)), None)
    if root is not None:
        found = _evaluation_at(tables.absolute(), root)
        if found is not None:
            return _read(text, found, trained_on)
    return _written_by_command(text, tables, trained_on)


def _tables_at(path: Path) -> Path | None:
    for directory in (path, path / TABLES_DIRECTORY):
        if (directory / METRICS_FILE).is_file():
            return directory
    return None


def _evaluation_at(tables: Path, root: Path) -> ModelEvaluation | None:
    evaluations = model_evaluations(read_graph(Layout(root).metadata_db), root)
    return next((one for one in evaluations if one.tables.samefile(tables)), None)


def _of_newest_model(text: str, runs: Path, trained_on: Mapping[str, str]) -> EvaluatedRun:
    model = choose_model(text, runs=runs, version=None).model
    root, _ = locate_run(text, runs)
    evaluations = [
        one
        for one in model_evaluations(read_graph(Layout(root).metadata_db), root)
        if one.training.execution_id == model.execution_id
    ]
    if not evaluations:
        raise ConfigError(
            f"{text!r}: {model.title} has no evaluation with tables. Let `fieldmark run` end, or "
            "make one with `fieldmark evaluate --out` and give its directory."
        )
    return _read(text, evaluations[-1], trained_on)


def _read(text: str, found: ModelEvaluation, trained_on: Mapping[str, str]) -> EvaluatedRun:
    export = found.training.export
    return read_tables(
        found.tables,
        name=text,
        trained_on=_known_export(text, export, trained_on),
        evaluated_on=f"{found.splits} of {export}",
        settings=found.training.settings,
    )


def _written_by_command(text: str, tables: Path, trained_on: Mapping[str, str]) -> EvaluatedRun:
    if not (tables / EVALUATED_FILE).is_file():
        raise ConfigError(
            f"{text!r} has tables, but nothing says on which photos: it lies in no run, and has no "
            f"{EVALUATED_FILE}. Give the directory that `fieldmark evaluate --out` wrote."
        )
    content = read_evaluated(tables)
    training = content.get("training") or {}
    return read_tables(
        tables,
        name=text,
        trained_on=_known_export(text, training.get("export", ""), trained_on),
        evaluated_on=f"photos {content['photos_digest']}",
        settings=training.get("settings"),
    )


def _known_export(text: str, found: str, trained_on: Mapping[str, str]) -> str:
    export = trained_on.get(text, found)
    if not export:
        raise ConfigError(
            f"Nothing says which export {text!r} was trained on. Give --trained-on "
            f"{text}=NAME, the same NAME for each run of the same export."
        )
    return export
