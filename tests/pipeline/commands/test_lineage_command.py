from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

sys.path.insert(0, str(Path(__file__).parents[1] / "lineage"))

from mlmd_world import CACHED, FAILED, RunWorld, index_row, left_out

from pipeline.commands.lineage import command
from schemas.errors import ConfigError, DataError

ROWS = {"train": [index_row(1), index_row(2, taxon_id=52)], "val": [index_row(3)]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`birds` knows no index; `ladybirds` has two models of one index; `molluscs` failed."""
    runs = tmp_path_factory.mktemp("work") / "runs"
    birds = RunWorld(runs / "birds")
    birds.train(birds.read_export(None))
    ladybirds = RunWorld(runs / "ladybirds")
    set_aside = [left_out("train", 7, 4, "unusable", "the file is empty")]
    read = ladybirds.read_export(ROWS, set_aside=set_aside)
    first = ladybirds.train(read)
    ladybirds.push(first, 17, ladybirds.evaluate(first, blessed=True))
    again = {key: read[key] for key in ("examples", "taxonomy", "set_aside", "photo_index")}
    ladybirds.execute("ExportExampleGen", {}, {}, state=CACHED, reused=again)
    second = ladybirds.train(read)
    blessing = ladybirds.evaluate(second, blessed=False)
    ladybirds.push_one("PushSavedModel", second["model"], "saved_model", 0, blessing)
    molluscs = RunWorld(runs / "molluscs")
    molluscs.train(molluscs.read_export(ROWS), state=FAILED)
    return runs


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def table(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "2026-05-04 03:02", result.stdout)


def test_photo_in_training(runs: Path) -> None:
    assert table(invoke("--photo-id", 2, "--runs", runs)) == (
        "Was photo 2 in training?\n"
        "\n"
        "run        execution  trained (UTC)     blessed     pushed as       the photo\n"
        "birds      3          2026-05-04 03:02  not judged  not pushed      unknown: trained "
        "before Fieldmark kept an index of its photos\n"
        "ladybirds  3          2026-05-04 03:02  yes         saved_model/17  train: photo 2, taxon "
        "52 Adalia bipunctata, photos/2/medium.jpg\n"
        "                                                    mobile/17\n"
        "ladybirds  11         2026-05-04 03:02  no          not pushed      train: photo 2, taxon "
        "52 Adalia bipunctata, photos/2/medium.jpg\n"
        "\n"
        "In training of 2 of 3 models. Only photos of train change a model's weights; those of val "
        "and test judge it.\n"
        "1 model: unknown, which is not a no. What is trained from now on keeps an index of its "
        "photos.\n"
        "Without a trained model: molluscs.\n"
    )


def test_photo_set_aside_and_photo_not_found_are_answers_too(runs: Path) -> None:
    text = table(invoke("--photo-id", 4, "--runs", runs))
    assert text.count("set aside: train_data.csv row 7, unusable: the file is empty\n") == 2
    text = table(invoke("--photo-id", 5, "--runs", runs))
    assert text.count("  not in the export\n") == 2
    assert "In training of 0 of 3 models." in text


def test_json_of_an_observation(runs: Path) -> None:
    result = invoke("--observation-id", 1003, "--runs", runs, "--json")

    report = json.loads(result.stdout)
    assert report["question"] == {"observation": "1003"}
    assert report["runs_without_model"] == ["molluscs"]
    assert [(model["run"], model["place"], model["in_training"]) for model in report["models"]] == [
        ("birds", "unknown", None),
        ("ladybirds", "val", False),
        ("ladybirds", "val", False),
    ]


def test_runs_without_any_model(tmp_path: Path) -> None:
    RunWorld(tmp_path / "new")
    assert table(invoke("--photo-id", 1, "--runs", tmp_path)) == (
        "Was photo 1 in training?\n"
        "\n"
        "There is no trained model yet, so it was in no training.\n"
        "Without a trained model: new.\n"
    )


@pytest.mark.parametrize("arguments", [(), ("--photo-id", "1", "--observation-id", "2")])
def test_one_photo_has_to_be_named(runs: Path, arguments: tuple[str, ...]) -> None:
    result = invoke(*arguments, "--runs", runs)
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == (
        "Say which photo: exactly one of --photo-id N, --photo FILE and --observation-id N."
    )


def test_faults_are_the_users(runs: Path, tmp_path: Path) -> None:
    result = invoke("--photo", tmp_path / "gone.jpg", "--runs", runs)
    assert isinstance(result.exception, DataError)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "metadata.sqlite").write_text("no database" * 100)
    result = invoke("--photo-id", 1, "--runs", tmp_path)
    assert isinstance(result.exception, DataError)
    assert str(result.exception) == (
        f"{tmp_path}/broken/metadata.sqlite: cannot be read as a store of ML Metadata: file is not "
        "a database. Put back a copy of the file, or move the directory of this run elsewhere."
    )
