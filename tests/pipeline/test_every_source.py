"""iNaturalist's formats go the whole way, from their own files to a pushed phone model.

Of the three tables of observations one does, painted and real: from the export that is built of
them on, the other two are the same, and end once its photos are read.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import other_formats
import pyarrow.parquet as pq
import pytest
from tiny_run import TinyRun, versions

from schemas.open_source import open_source

pytestmark = [pytest.mark.pipeline, pytest.mark.timeout(900)]

SHORT = (
    *("--set", "mobile_export.variants=[float32, dynamic_range_int8]"),
    "--set",
    "trainer.schedule={stages: [{image_size_px: 32, global_batch: 16, epochs: 1, "
    "learning_rate: 0.002}]}",
)
SMALL_SELECTION = (
    "--set",
    "selection={train_per_leaf: [4, 100], val_per_leaf: [1, 3], test_per_leaf: [1, 2]}",
)


def push(export: Path, work_dir: Path, *arguments: str) -> TinyRun:
    tiny = TinyRun(work_dir, export)
    result = tiny.run(*SHORT, *arguments)
    assert result.returncode == 0, result.stderr
    return tiny


def read(tiny: TinyRun, *arguments: str) -> str:
    """What a run said that was killed once the photos were read, in the gate that compares them."""
    return tiny.run_killed_at_the_ends_of(["DuplicateGate"], *SHORT, *SMALL_SELECTION, *arguments)


def labels(tiny: TinyRun) -> list[str]:
    (version,) = versions(tiny.root / "pushed" / "mobile")
    (file,) = version.glob("fieldmark-*/labels.txt")
    return file.read_text().splitlines()


def credits(tiny: TinyRun) -> set[tuple[str, str]]:
    files = sorted((tiny.root / "artifacts" / "ExportExampleGen").rglob("index-*.parquet"))
    table = pq.ParquetDataset(files).read(["license", "observer"]).to_pylist()
    return {(row["license"], row["observer"]) for row in table}


def test_table_of_observations_becomes_an_export_and_a_model_and_is_found_again(
    tiny_export: Path, tmp_path: Path
) -> None:
    source = other_formats.write_open_data(tiny_export, tmp_path / "source")
    tiny = push(source, tmp_path, *SMALL_SELECTION)
    assert 2 <= len(labels(tiny)) <= 6
    assert {license for license, _ in credits(tiny)} == {"CC-BY-NC"}
    assert {observer for _, observer in credits(tiny)} <= set(other_formats.LOGINS)
    (built,) = (tiny.root / "exports").iterdir()
    selection = json.loads((built / "selection.json").read_text())
    assert len(selection["leaves"]) == len(labels(tiny))

    again = tiny.run(*SHORT, *SMALL_SELECTION)
    assert again.returncode == 0, again.stderr
    assert " ran " not in again.stderr

    other = read(tiny, "--set", "selection.seed=2")
    assert "the export changed" in other
    assert len(list((tiny.root / "exports").iterdir())) == 2


@pytest.mark.parametrize(
    "write", [other_formats.write_observations_csv, other_formats.write_darwin_core]
)
def test_table_of_observations_becomes_an_export_whose_photos_are_read(
    write: Callable[[Path, Path], Path], tiny_export: Path, tmp_path: Path
) -> None:
    tiny = TinyRun(tmp_path, write(tiny_export, tmp_path / "source"))
    read(tiny)
    assert {license for license, _ in credits(tiny)} == {"CC-BY-NC"}
    assert {observer for _, observer in credits(tiny)} <= set(other_formats.LOGINS)
    (built,) = (tiny.root / "exports").iterdir()
    num_leaves = open_source(built).taxonomy().num_leaves
    assert 2 <= num_leaves <= 6
    assert len(json.loads((built / "selection.json").read_text())["leaves"]) == num_leaves


def test_competition_json_keeps_its_splits_and_categories(
    tiny_export: Path, tmp_path: Path
) -> None:
    source = other_formats.write_competition(tiny_export, tmp_path / "source")
    tiny = push(source, tmp_path, "--set", "evaluation.splits=[val]")
    with (source / "val.json").open() as file:
        val = json.load(file)
    assert labels(tiny) == [category["name"] for category in val["categories"]]
    index = tiny.root / "artifacts" / "ExportExampleGen" / "photo_index"
    kept = pq.ParquetDataset(sorted(index.rglob("Split-val/*.parquet"))).read()
    assert set(kept["photo_id"].to_pylist()) == {image["id"] for image in val["images"]}
    assert not (tiny.root / "exports").exists()


def test_real_open_data_goes_the_whole_way(shared_data: Path, tmp_path: Path) -> None:
    source = tmp_path / "open-data-flora"
    shutil.copytree(shared_data / "open-data-flora", source)
    tiny = push(source, tmp_path, *SMALL_SELECTION)
    assert "Leucanthemum vulgare" in labels(tiny)


def test_table_without_photos_says_how_to_fetch_them(tiny_export: Path, tmp_path: Path) -> None:
    source = other_formats.write_open_data(tiny_export, tmp_path / "source")
    (source / "photos").unlink()
    tiny = TinyRun(tmp_path, source)
    result = tiny.run(*SHORT, *SMALL_SELECTION)
    assert result.returncode == 2
    (built,) = (tiny.root / "exports").iterdir()
    assert (
        f"The export is built, but none of its photos is on disk: {built}. Fetch them with "
        f"`fieldmark fetch-photos {built}`, then give the same command again."
    ) in result.stderr
