from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipeline.commands.inspect import command
from schemas.errors import ConfigError, DataError

TAXONOMY = "parent_taxon_id,taxon_id,rank_level,leaf_class_id,name\n,1,10,0,Aus bus\n"
HEADER = "photo_id,photo_url,observation_id,leaf_class_id,taxon_id\n"


@pytest.fixture
def export(tmp_path: Path) -> Path:
    (tmp_path / "taxonomy.csv").write_text(TAXONOMY)
    for split, photo in (("train", 1), ("val", 2), ("test", 3)):
        row = f"{photo},https://x/photos/{photo}/medium.jpg,{photo},0,1\n"
        (tmp_path / f"{split}_data.csv").write_text(HEADER + row)
    return tmp_path


def run(*arguments: object) -> Any:
    """Runs the command as `main` does."""
    result = CliRunner().invoke(command, [*map(str, arguments)], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result


def test_a_readable_export_ends_with_zero_whatever_the_notes(export: Path) -> None:
    result = run(export)
    assert result.return_value == 0
    assert result.stdout.startswith(f"{export}: vision export, columns of 2022\n")
    assert "3 of 3 photos are not on disk" in result.stdout
    assert result.stdout.endswith("\nNo faults.\n")
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


def test_faults_end_with_one(export: Path) -> None:
    (export / "val_data.csv").write_text(HEADER + "x,,1,0,1\n")
    result = run(export)
    assert result.return_value == 1
    assert "Faults: 1. A run refuses them.\n" in result.stdout
    assert (
        "    row 2, column photo_id: is not a positive integer. Received: 'x'.\n" in result.stdout
    )


def test_json_alone_on_standard_output(export: Path) -> None:
    result = run(export, "--json")
    assert result.return_value == 0
    figures = json.loads(result.stdout)
    assert figures["photos"] == 3
    assert [split["name"] for split in figures["splits"]] == ["train", "val", "test"]
    (export / "val_data.csv").unlink()
    result = run(export, "--json")
    assert result.return_value == 1
    assert json.loads(result.stdout)["faults"][0]["count"] == 1


def test_an_output_that_is_not_utf8(export: Path) -> None:
    (export / "taxonomy.csv").write_text(TAXONOMY.replace("bus", "×"))
    runner = CliRunner(charset="ascii")
    result = runner.invoke(command, [str(export)], standalone_mode=False)
    assert result.exception is None
    assert "  2-4  1  ##################################################\n" in result.stdout
    assert "  most   Aus ? 3\n" in result.stdout
    result = runner.invoke(command, [str(export), "--json"], standalone_mode=False)
    assert json.loads(result.stdout)["per_taxon"]["most"][0]["name"] == "Aus ×"


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        run(tmp_path / "nowhere")


def test_a_format_may_be_said(export: Path) -> None:
    assert run(export, "--format", "vision").return_value == 0
    with pytest.raises(DataError, match=r"lacks observations\.csv\.gz"):
        run(export, "--format", "open-data")
