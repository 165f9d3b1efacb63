from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.commands.demo_export import command, parse_size, progress_line
from pipeline.demo_world.species import FEWEST_SPECIES, MOST_SPECIES
from schemas.errors import ConfigError

TINY = ["--species", "6", "--photos", "42", "--size", "64-96", "--jobs", "1"]


def test_it_draws_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    first = CliRunner().invoke(command, [str(directory), *TINY], catch_exceptions=False)
    assert first.exit_code == 0
    assert "0/42 photos (0%)" in first.stderr
    assert "42/42 photos (100%), " in first.stderr
    lines = first.stdout.splitlines()
    assert lines[0].startswith("6 species, 42 photos of ")
    assert lines[1].startswith("Drew 42 photos in ")
    assert lines[1].endswith(f": {directory}")
    again = CliRunner().invoke(command, [str(directory), *TINY], catch_exceptions=False)
    nothing = f"Already drawn with these settings, nothing to do: {directory}"
    assert again.stdout.splitlines() == [nothing, lines[0]]


def test_help_loads_neither_opencv_nor_numpy() -> None:
    code = (
        "import sys\n"
        "from pipeline.commands.demo_export import command\n"
        "command(['--help'], standalone_mode=False)\n"
        "assert not {'cv2', 'numpy', 'rich'} & set(sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    for option in ("--species", "--photos", "--seed", "--size", "--jobs", "DIRECTORY"):
        assert option in run.stdout


def test_help_names_the_bounds_of_the_catalogue() -> None:
    text = CliRunner().invoke(command, ["--help"]).stdout
    assert f"{FEWEST_SPECIES} to {MOST_SPECIES}." in text


@pytest.mark.parametrize(
    ("text", "size"), [("300-2000", (300, 2000)), (" 96 - 160 ", (96, 160)), ("500", (500, 500))]
)
def test_sizes_are_read(text: str, size: tuple[int, int]) -> None:
    assert parse_size(text) == size


def test_another_size_is_refused() -> None:
    with pytest.raises(ConfigError) as error:
        parse_size("large")
    assert str(error.value) == (
        "size must be two numbers of px like 300-2000, or one like 500. Received: 'large'."
    )


def test_a_line_of_progress_tells_rate_and_time_left() -> None:
    line = progress_line(done=600, total=2400, begun_with=200, seconds=10.0)
    assert line == "600/2400 photos (25%), 40.0 photos/s, 45 s left"
    assert progress_line(200, 2400, 200, 0.0) == "200/2400 photos (8%)"
