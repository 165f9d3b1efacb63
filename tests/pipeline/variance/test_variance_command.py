"""The command on runs and on directories of tables."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from mlmd_world import TAXONOMY_CSV, RunWorld
from tiny_run import TinyRun, versions

from components.taxon_evaluator.tables.photo_columns import PhotoColumns
from components.taxon_evaluator.tables.photo_figures import Answers
from components.taxon_evaluator.tables.tables import Photos, tables_of
from components.taxon_evaluator.tables.taxon_tree import TaxonTree
from components.taxon_evaluator.tables.write_tables import TableSettings, write_tables
from pipeline.commands import evaluate
from pipeline.commands.variance import command
from pipeline.evaluate.evaluated_file import write_evaluated
from pipeline.variance.find_run import find_run
from schemas.errors import ConfigError, DataError, FieldmarkError
from schemas.taxonomy_csv import read_taxonomy

PHOTOS = (30, 20)
"""Evaluated of each of the two leaves."""


def write_evaluation(directory: Path, hits: tuple[int, int]) -> None:
    """Tables of a model that is right so often of each leaf."""
    directory.mkdir(parents=True)
    (directory / "taxonomy.csv").write_text(TAXONOMY_CSV)
    tree = TaxonTree(read_taxonomy(directory / "taxonomy.csv"), ("genus",))
    truths = np.repeat([0, 1], PHOTOS)
    right = np.concatenate([np.arange(n) < hit for n, hit in zip(PHOTOS, hits, strict=True)])
    best = np.where(right, truths, 1 - truths)
    answers = Answers(
        truths=truths,
        classes=np.stack([best, 1 - best], axis=1),
        scores=np.tile([0.7, 0.3], (len(truths), 1)),
        ranks=np.where(right, 1, 2),
        truth_scores=np.where(right, 0.7, 0.3),
    )
    columns = PhotoColumns(tree.ranks, 10)
    photos = Photos(answers, np.arange(len(truths)), {})
    tables = tables_of(photos, tree, columns, max_photos=1)
    settings = TableSettings(bucket_edges=(), min_slice_photos=1, confusions_per_leaf=1)
    write_tables(tables, tree, columns, np.zeros(2, np.int64), settings, directory)


def write_run(root: Path, hits: tuple[int, int], *, export: str, seed: int) -> Path:
    """A run whose newest model was evaluated; an older one was, too. Returns the tables."""
    world = RunWorld(root)
    read = world.read_export(None, export=export)
    for number, of_model in enumerate(((1, 1), hits)):
        trained = world.train(read, settings={"seed": seed, "epochs": number})
        written = world.evaluate_with_tables(trained, blessed=False)
        tables = Path(written["evaluation"].uri) / "tables"
        write_evaluation(tables, of_model)
    return tables


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("variance") / "runs"
    for name, hits, export, seed in (
        ("a1", (27, 15), "e1", 1),
        ("a2", (26, 17), "e1", 2),
        ("b1", (24, 16), "e2", 1),
        ("b2", (21, 16), "e2", 2),
    ):
        write_run(directory / name, hits, export=export, seed=seed)
    return directory


def said(*arguments: str) -> str:
    result = CliRunner().invoke(command, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str) -> FieldmarkError:
    result = CliRunner().invoke(command, list(arguments))
    assert isinstance(result.exception, FieldmarkError), result.output
    return result.exception


def test_runs_are_grouped_by_the_export_that_ml_metadata_names(runs: Path, tmp_path: Path) -> None:
    table = tmp_path / "taxa.csv"
    names = ("a1", "a2", "b1", "b2")

    content = json.loads(said(*names, "--runs", str(runs), "--json", "--csv", str(table)))

    assert [run["trained_on"] for run in content["runs"]] == ["e1", "e1", "e2", "e2"]
    assert [run["seed"] for run in content["runs"]] == [1, 2, 1, 2]
    top1 = content["figures"]["top-1"]
    assert top1["values"] == [42 / 50, 43 / 50, 40 / 50, 37 / 50]
    within = 2 * (0.01**2 + 0.03**2) / 2
    assert top1["parts"]["training"]["variance"] == pytest.approx(within)
    assert top1["parts"]["training"]["degrees"] == 2
    between = 2 * 2 * 0.04**2
    photos = top1["parts"]["evaluation_photos"]["variance"]
    expected = (between - within) / 2 - photos
    assert top1["parts"]["sampling"]["raw"] == pytest.approx(expected)
    rows = {row["taxon_id"]: row for row in csv.DictReader(table.open())}
    assert float(rows["51"]["spread"]) == pytest.approx(
        np.std(np.array([27, 26, 24, 21]) / 30, ddof=1), rel=1e-5
    )
    assert rows["52"]["photos b1"] == "20"


def test_report_for_people(runs: Path) -> None:
    text = said("a1", "b1", "--runs", str(runs))

    assert "2 runs of 2 exports; each its own photos" in text
    assert "sampling and chance" in text
    assert "no two runs are of one export" in text


def test_tables_of_a_run_are_found_by_their_directory(runs: Path) -> None:
    tables = sorted((runs / "a1").rglob("metrics.parquet"))
    older, newest = (path.parent.parent for path in tables)

    found = find_run(str(newest), runs=Path("none"), trained_on={})

    assert found.trained_on == "e1"
    assert found.hits.tolist() == [27, 15]
    assert find_run(str(older), runs=Path("none"), trained_on={}).hits.tolist() == [1, 1]
    assert find_run(str(runs / "a1"), runs=Path("none"), trained_on={}).hits.tolist() == [27, 15]


def write_own(directory: Path, hits: tuple[int, int], **content: Any) -> str:
    write_evaluation(directory, hits)
    write_evaluated({"photos_digest": "d1", **content}, directory)
    return str(directory)


def test_tables_of_the_evaluate_command_say_or_are_told_what_trained_them(tmp_path: Path) -> None:
    known = write_own(
        tmp_path / "known", (20, 20), training={"export": "e1", "settings": {"seed": 4}}
    )
    one, two = (write_own(tmp_path / name, (25, 18)) for name in ("one", "two"))

    assert f"Give --trained-on {one}=NAME" in str(refused(known, one))
    told = ["--trained-on", f"{one}=e2", "--trained-on", f"{two}=e2", "--json"]
    content = json.loads(said(known, one, two, *told))

    assert [run["trained_on"] for run in content["runs"]] == ["e1", "e2", "e2"]
    assert content["same_evaluation_photos"]
    assert "evaluation_photos" not in content["figures"]["top-1"]["parts"]
    assert any("settings are not known" in text for text in content["cautions"])


def test_what_cannot_be_compared_is_the_users_error(runs: Path, tmp_path: Path) -> None:
    at = ("--runs", str(runs))
    assert "two runs at least" in str(refused("a1", *at))
    assert "Did you mean 'a1'?" in str(refused("a1", "a11", *at))
    wrong = refused("a1", "b1", *at, "--trained-on", "c1=x")
    assert "--trained-on takes RUN=NAME, RUN being one of a1, b1. Received: 'c1=x'" in str(wrong)
    tables = tmp_path / "tables"
    write_evaluation(tables, (1, 1))
    assert "nothing says on which photos" in str(refused("a1", str(tables), *at))
    write_evaluated({"photos_digest": "d1"}, tables)
    mixed = refused("a1", "a2", str(tables), *at, "--trained-on", f"{tables}=e1")
    assert isinstance(mixed, ConfigError)
    assert "Runs must have answered all the same photos, or each export's" in str(mixed)
    (tables / "taxa.parquet").unlink()
    assert isinstance(refused("a1", str(tables), *at, "--trained-on", f"{tables}=e3"), DataError)


def test_run_without_an_evaluation(tmp_path: Path) -> None:
    world = RunWorld(tmp_path / "runs" / "young")
    world.train(world.read_export(None, export="e1"))

    error = refused("young", "--runs", str(tmp_path / "runs"))

    assert "young, execution 3 (trained" in str(error)
    assert "has no evaluation with tables. Let `fieldmark run` end" in str(error)


@pytest.mark.pipeline
def test_a_whole_run_and_its_model_evaluated_again(
    whole_run: TinyRun, tiny_export: Path, tmp_path: Path
) -> None:
    (version,) = versions(whole_run.root / "pushed" / "saved_model")
    for name in ("one", "two"):
        arguments = [str(version), "--export", str(tiny_export), "--out", str(tmp_path / name)]
        result = CliRunner().invoke(evaluate.command, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output

    run = find_run("tiny", runs=whole_run.work_dir, trained_on={})
    content = json.loads(said(str(tmp_path / "one"), str(tmp_path / "two"), "--json"))

    assert {one["trained_on"] for one in content["runs"]} == {run.trained_on}
    assert len(run.trained_on) == 16
    assert run.settings["network"] == "small"
    assert content["figures"]["top-1"]["parts"]["training"]["variance"] == 0
    assert any("the same export and the same seed" in text for text in content["cautions"])
