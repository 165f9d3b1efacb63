from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

sys.path.insert(0, str(Path(__file__).parents[1] / "lineage"))

from mlmd_world import RunWorld, index_row

from pipeline.commands.attribution import command
from schemas.errors import DataError

SITE = "https://www.inaturalist.org"
URL = "https://photos.example.org/photos"
HEADER = (
    "split,photo_id,photo_page,photo_url,observation,observer,rights_holder,license,license_url,"
    "taxon_id,taxon_name\n"
)
ADA = (
    f"train,1,{SITE}/photos/1,{URL}/1/medium.jpg,{SITE}/observations/1001,ada,"
    '"Ada ""A"", Countess",CC-BY-NC,https://creativecommons.org/licenses/by-nc/4.0/,51,'
    "Coccinella septempunctata\n"
)
EVE = (
    f"val,3,{SITE}/photos/3,{URL}/3/medium.jpg,{SITE}/observations/1003,eve,,,,51,"
    "Coccinella septempunctata\n"
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a pushed model that has credits, and a newer one that has none."""
    runs = tmp_path_factory.mktemp("work") / "runs"
    world = RunWorld(runs / "ladybirds")
    ada = {"observer": "ada", "rights_holder": 'Ada "A", Countess', "license": "CC-BY-NC"}
    rows = {"train": [index_row(1, **ada)], "val": [index_row(3, observer="eve")]}
    trained = world.train(world.read_export(rows))
    world.push(trained, 17, world.evaluate(trained, blessed=True))
    bare = RunWorld(runs / "bare")
    bare.train(bare.read_export({"train": [index_row(1)]}))
    return runs


def invoke(runs: Path, *arguments: object) -> Result:
    result = CliRunner().invoke(command, [*map(str, arguments), "--runs", str(runs)])
    assert result.exit_code == 0 or result.exception, result.output
    return result


def stderr(result: Result) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "2026-05-04 03:02", result.stderr)


def test_csv_on_the_output_and_the_summary_beside_it(runs: Path) -> None:
    result = invoke(runs, "ladybirds")
    assert result.stdout == HEADER + ADA
    assert stderr(result) == (
        "ladybirds, execution 3 (trained 2026-05-04 03:02 UTC): its newest pushed version, "
        "saved_model/17\n"
        "1 photo in train, by 1 observer\n"
        "  CC-BY-NC           1\n"
        "1 photo under licences that forbid commercial use (NC).\n"
        "Before you sell or publish the model, settle whether such photos may be in it; Fieldmark "
        "cannot.\n"
    )


def test_other_splits(runs: Path) -> None:
    assert invoke(runs, "ladybirds", "--splits", "train, val").stdout == HEADER + ADA + EVE


def test_pushed_version_by_its_path(runs: Path) -> None:
    result = invoke(runs, runs / "ladybirds" / "pushed" / "mobile" / "17")
    assert result.stdout == HEADER + ADA
    assert "pushed as saved_model/17 and mobile/17\n" in result.stderr


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("credits.md", "# Photo credits of ladybirds\n\nladybirds, execution 3 (trained "),
        ("credits.HTML", "<!DOCTYPE html>\n"),
        ("credits.csv", "split,photo_id,"),
        ("credits", "split,photo_id,"),
    ],
)
def test_format_follows_the_name(runs: Path, tmp_path: Path, name: str, start: str) -> None:
    result = invoke(runs, "ladybirds", "--out", tmp_path / name)
    assert (tmp_path / name).read_text().startswith(start)
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == [tmp_path / name]


def test_same_command_gives_the_same_bytes(runs: Path) -> None:
    arguments = ("ladybirds", "--format", "html", "--splits", "train,val")
    assert invoke(runs, *arguments).stdout_bytes == invoke(runs, *arguments).stdout_bytes


def test_page_of_an_export_without_credits_says_so(runs: Path) -> None:
    result = invoke(runs, "bare", "--format", "md")
    assert "its newest trained model; none was pushed" in result.stderr
    assert "The export carried no credits: " in result.stderr
    assert "\n\n1 photo in train" not in result.stdout
    paragraphs = result.stdout.split("\n\n")
    assert paragraphs[2].startswith("The export carried no credits: ")
    assert paragraphs[3] == "## Creator not known (1 photo)"
    assert paragraphs[4].startswith(f"- Coccinella septempunctata, [photo 1](<{SITE}/photos/1>)")


def test_file_that_cannot_be_written(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "nowhere" / "credits.csv"
    result = invoke(runs, "ladybirds", "--out", out)
    assert isinstance(result.exception, DataError)
    assert str(result.exception) == (
        f"{out}: cannot be written: No such file or directory. Give another --out."
    )


def test_faulty_index_leaves_the_old_file_alone(tmp_path: Path) -> None:
    world = RunWorld(tmp_path / "runs" / "ladybirds")
    read = world.read_export({"train": [index_row(1)]})
    world.train(read)
    out = tmp_path / "credits.csv"
    out.write_text("old")
    path = Path(read["photo_index"].uri) / "Split-train" / "index-00000-of-00002.parquet"
    path.write_bytes(path.read_bytes()[:200])

    result = invoke(tmp_path / "runs", "ladybirds", "--out", out)

    assert isinstance(result.exception, DataError)
    assert str(result.exception).startswith(f"{path}: cannot be read as a photo index: ")
    assert out.read_text() == "old"
    assert {item.name for item in tmp_path.iterdir()} == {"credits.csv", "runs"}
