"""The command, and the directory that it writes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from dump_writer import ALPHA_ONE, BETA_ONE, observations, write_dump

from pipeline.build_export.out_directory import partial_directory
from pipeline.build_export.progress_lines import Pace
from pipeline.commands.build_export import command
from schemas.errors import ConfigError

ROWS = observations((ALPHA_ONE, 20, 1), (BETA_ONE, 20, 1))
FEW = ("--train-per-leaf", "4:8", "--val-per-leaf", "2:3", "--test-per-leaf", "2:3")


def run(*arguments: object) -> str:
    """Returns what the command writes to standard output."""
    result = CliRunner().invoke(command, list(map(str, arguments)), standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.stdout


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    return write_dump(tmp_path / "dump", ROWS)


def test_builds_once_and_says_so(tmp_path: Path, dump: Path) -> None:
    out = tmp_path / "out"
    options = ("--open-data", dump, "--taxon", "Testidae", *FEW, "--out", out)
    assert run(*options) == (
        "2 leaves (2 species)\n"
        "28 photos of 28 observations (train 16, val 6, test 6), out of 40 photos that passed the "
        "filters\n"
        f"Built: {out}\nFetch its photos with: fieldmark fetch-photos {out}\n"
    )
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert f"Built already with these settings, nothing to do: {out}\n" in run(*options)
    assert before == {path: path.stat().st_mtime_ns for path in out.iterdir()}
    with pytest.raises(ConfigError) as caught:
        run(*options, "--seed", 2, "--licenses", "CC-BY")
    assert str(caught.value) == (
        f"{str(out)!r} holds an export of other settings:\n"
        "  licenses: built with None, asked for ['CC-BY']\n"
        "  seed: built with 0, asked for 2\n"
        "Give another directory, or remove this one to build it anew."
    )
    (dump / "photos.csv").write_text((dump / "photos.csv").read_text().replace("CC-BY", "CC0"))
    with pytest.raises(ConfigError, match="the tables of the source are others"):
        run(*options)


def test_drawn_anew_from_the_taxonomy_of_another(tmp_path: Path, dump: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    run("--open-data", dump, *FEW, "--out", first)
    run("--open-data", dump, *FEW, "--out", second, "--taxonomy-from", first, "--seed", 2)
    assert (first / "taxonomy.csv").read_bytes() == (second / "taxonomy.csv").read_bytes()
    assert (first / "train_data.csv").read_bytes() != (second / "train_data.csv").read_bytes()


def test_photos_become_a_link_that_moves_along(tmp_path: Path, dump: Path) -> None:
    (dump / "photos" / "1").mkdir(parents=True)
    out = tmp_path / "world" / "out"
    text = run("--open-data", dump, *FEW, "--out", out)
    assert "Fetch its photos" not in text
    assert (out / "photos").readlink() == Path("../../dump/photos")
    other = tmp_path / "store"
    other.mkdir()
    run("--open-data", dump, *FEW, "--out", tmp_path / "b", "--photos", other)
    assert (tmp_path / "b" / "photos").readlink() == Path("../store")
    with pytest.raises(ConfigError, match=r"The directory of photos .* does not exist"):
        run("--open-data", dump, *FEW, "--out", tmp_path / "c", "--photos", tmp_path / "no")


def test_what_is_there_is_left_alone(tmp_path: Path, dump: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError) as caught:
        run("--open-data", dump, *FEW, "--out", out)
    assert str(caught.value) == (
        f"{str(out)!r} is a directory that holds other things, and no export that build-export "
        "made. Give another directory for the export, or move what is there."
    )
    (out / "notes.txt").unlink()
    assert "2 leaves" in run("--open-data", dump, *FEW, "--out", out)


def test_two_builds_of_one_export_at_a_time_are_refused(tmp_path: Path, dump: Path) -> None:
    with (
        partial_directory(tmp_path / "out"),
        pytest.raises(ConfigError, match="is being built by another process"),
    ):
        run("--open-data", dump, *FEW, "--out", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_killed_build_leaves_no_export_and_can_be_repeated(tmp_path: Path, dump: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "import pipeline.build_export.build as build\n"
        "build._write_tables = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from pipeline.commands.build_export import command\n"
        "command(sys.argv[1:])\n"
    )
    options = ("--open-data", str(dump), *FEW, "--out", str(tmp_path / "out"))
    killed = subprocess.run(
        [sys.executable, "-c", script, *options], capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "out").exists()
    assert (tmp_path / ".out.partial").is_dir()
    assert "Built: " in run(*options)
    assert not (tmp_path / ".out.partial").exists()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("all_taxa.csv", "iconic_taxa.csv", "selection.json", "spatial_data.csv"),
        *("taxonomy.csv", "test_data.csv", "train_data.csv", "val_data.csv"),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            (),
            "Give exactly one source: --open-data, --observations, --darwin-core. Received: none.",
        ),
        (
            ("--open-data", "x", "--observations", "y"),
            "Give exactly one source: --open-data, --observations, --darwin-core. Received: "
            "--open-data, --observations.",
        ),
        (
            ("--open-data", "x", "--train-per-leaf", "50-1000"),
            "--train-per-leaf takes numbers parted by ':', such as 50:1000. Received: '50-1000'.",
        ),
        (
            ("--open-data", "x", "--place", "50,3,55"),
            "--place takes 4 numbers parted by ',', such as 50.7,3.3,53.6,7.3. Received: "
            "'50,3,55'.",
        ),
        (
            ("--open-data", "x", "--quality", "reserch"),
            "build-export: quality_grades.0: Input should be 'research', 'needs_id' or 'casual'. "
            "Received: 'reserch'.",
        ),
    ],
)
def test_options_that_cannot_be_used(tmp_path: Path, options: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        run("--out", tmp_path / "out", *options)
    assert str(caught.value) == message


def test_out_is_required() -> None:
    with pytest.raises(click.MissingParameter):
        run("--open-data", "x")


def test_the_line_of_progress() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    assert pace.line("reading", None) == "reading"
    now[0] = 30
    assert pace.line("reading", 0.25) == "reading: 25%, 1 min 30 s left"
    assert pace.line("reading", None) == "reading, 30 s"
    assert pace.line("writing", 0.5) == "writing: 50%"
