from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import pipeline.photo_hashes
from pipeline.commands.near_duplicates import command, progress
from pipeline.photo_hashes import Hashed, hash_photos
from schemas.errors import ConfigError, DataError, FieldmarkError
from schemas.vision_export import VisionExport

HEADER = "photo_id,observation_id,leaf_class_id,taxon_id,obs_taxon_id,community"


def scene(seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8))
    return small.resize((160, 120), Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


class Export:
    """A vision export of two taxa, filled photo by photo."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        (directory / "taxonomy.csv").write_text(
            "parent_taxon_id,taxon_id,rank_level,leaf_class_id,iconic_class_id,"
            "spatial_class_id,name\n,1,70,,,,Animalia\n1,11,10,0,,,Aa\n1,12,10,1,,,Bb\n"
        )
        for split in ("train", "val"):
            (directory / f"{split}_data.csv").write_text(f"{HEADER}\n")

    def add(self, split: str, photo_id: int, data: bytes | None, taxon: int = 11) -> None:
        with (self.directory / f"{split}_data.csv").open("a") as file:
            file.write(f"{photo_id},{photo_id},{taxon - 11},{taxon},{taxon},1\n")
        if data is not None:
            self.path(photo_id).parent.mkdir(parents=True)
            self.path(photo_id).write_bytes(data)

    def path(self, photo_id: int) -> Path:
        return self.directory / "photos" / str(photo_id) / "medium.jpg"


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Four photos in train, three in val: a file of train's, a smaller copy, one of its own."""
    made = Export(tmp_path / "export")
    for number in range(1, 5):
        made.add("train", number, jpeg(scene(number)))
    made.add("val", 5, jpeg(scene(1)))
    made.add("val", 6, jpeg(scene(2).resize((80, 60)), quality=60))
    made.add("val", 7, jpeg(scene(7)))
    return made


def run(*arguments: object) -> tuple[int, str, str]:
    """Runs the command as `main` does: (exit code, output, what stands on standard error)."""
    result = CliRunner().invoke(
        command, [*map(str, arguments), "--jobs", "1"], standalone_mode=False
    )
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.stdout, result.stderr


def listed(path: Path) -> list[tuple[str, str, str]]:
    with path.open(newline="") as file:
        return [(row["kind"], row["path_a"], row["path_b"]) for row in csv.DictReader(file)]


def test_lists_copies_with_both_paths(export: Export) -> None:
    code, output, errors = run(export.directory)

    lines = output.splitlines()
    assert (code, errors) == (0, "")
    assert lines[:4] == [
        "7 photos hashed, 0 were hashed before",
        "val: 2 of 3 photos (66.67%) have a twin in train, 1 of them the very file",
        f"2 pairs: {export.directory}/near_duplicates.csv",
        "  identical: val photos/5/medium.jpg = train photos/1/medium.jpg",
    ]
    assert lines[4].endswith("same taxon: val photos/6/medium.jpg = train photos/2/medium.jpg")
    assert listed(export.directory / "near_duplicates.csv") == [
        ("identical", "photos/5/medium.jpg", "photos/1/medium.jpg"),
        ("same taxon", "photos/6/medium.jpg", "photos/2/medium.jpg"),
    ]


def test_second_run_reads_only_what_changed(export: Export, tmp_path: Path) -> None:
    first = run(export.directory)[1].splitlines()
    second = run(export.directory)[1].splitlines()
    export.path(6).write_bytes(jpeg(scene(60)))
    third = run(export.directory)[1].splitlines()

    assert second == ["0 photos hashed, 7 were hashed before", *first[1:]]
    assert third[0] == "1 photos hashed, 6 were hashed before"
    assert third[1].startswith("val: 1 of 3 photos")


def test_another_taxonomy_needs_no_hashing(export: Export) -> None:
    run(export.directory)
    path = export.directory / "val_data.csv"
    path.write_text(path.read_text().replace(",0,11,11,", ",1,12,12,"))
    _, output, _ = run(export.directory)

    assert output.splitlines()[:2] == [
        "0 photos hashed, 7 were hashed before",
        "val: 1 of 3 photos (33.33%) have a twin in train, 1 of them the very file; "
        "near a photo of another taxon only: 1",
    ]


def test_all_looks_inside_a_split_too(export: Export) -> None:
    export.add("train", 8, jpeg(scene(3), quality=70))
    across, inside = export.directory / "across.csv", export.directory / "all.csv"
    run(export.directory, "--across", "--out", across)
    run(export.directory, "--all", "--out", inside)

    assert set(listed(inside)) - set(listed(across)) == {
        ("same taxon", "photos/8/medium.jpg", "photos/3/medium.jpg")
    }


def test_ends_with_one_above_the_share(export: Export) -> None:
    assert run(export.directory, "--max-share", "0.7")[0] == 0
    code, _, errors = run(export.directory, "--max-share", "0.5")

    assert code == 1
    assert errors == "More than --max-share allows (50.00%): val.\n"


def test_photos_missing_or_unreadable_are_left_out_and_counted(export: Export) -> None:
    export.add("val", 8, None)
    export.add("val", 9, b"")
    export.add("train", 10, b"<html>not found</html>")
    code, output, _ = run(export.directory)

    assert code == 0
    assert output.splitlines()[:5] == [
        "7 photos hashed, 0 were hashed before",
        "1 are not on disk and were left out",
        "2 cannot be read and were left out:",
        "  photo 10: no picture: the file starts with b'<html>not fo'",
        "  photo 9: the file is empty",
    ]


def test_without_any_photo_it_says_how_to_fetch_them(export: Export) -> None:
    shutil.rmtree(export.directory / "photos")

    with pytest.raises(FieldmarkError) as caught:
        run(export.directory)
    assert str(caught.value) == (
        f"No photo of '{export.directory}' is on disk. `fieldmark fetch-photos "
        f"{export.directory}` fetches them."
    )


def test_faulty_rows_are_told_before_any_photo_is_read(export: Export) -> None:
    with (export.directory / "val_data.csv").open("a") as file:
        file.write("x,1,0,11,11,1\n")

    with pytest.raises(DataError, match="row 5, column photo_id"):
        run(export.directory)
    assert not (export.directory / ".fieldmark").exists()


def test_list_has_to_have_a_place(export: Export) -> None:
    with pytest.raises(ConfigError) as caught:
        run(export.directory, "--out", export.directory / "none" / "pairs.csv")
    assert str(caught.value) == (
        f"The list cannot be written into '{export.directory}/none': the directory does not "
        "exist, or must not be written to. Name another place with --out FILE."
    )


def test_cache_that_cannot_be_written_is_named(export: Export, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError) as caught:
        run(export.directory, "--cache", tmp_path / "file" / "cache")
    assert str(caught.value) == (
        "The hashes of the photos cannot be kept in "
        f"{tmp_path}/file/cache/medium/Split-train: Not a directory. "
        "Name a directory that can be written to with --cache DIR."
    )


@pytest.mark.parametrize("jobs", [1, 2])
def test_processes_give_the_same_files_and_go_on_after_a_stop(
    jobs: int, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.photo_hashes, "ROWS_PER_FILE", 2)
    source, cache = VisionExport.open(export.directory), tmp_path / "cache"
    whole = hash_photos(source, cache, jobs=jobs)
    whole.files["train"][1].write_bytes(whole.files["train"][1].read_bytes()[:100])
    whole.files["val"][0].unlink()
    again = hash_photos(source, cache, jobs=jobs)

    assert (whole.read, whole.cached, again.read, again.cached) == (7, 0, 4, 3)
    assert again.files == whole.files
    assert [path.name for path in again.files["val"]] == [
        "index-0000000.parquet",
        "index-0000001.parquet",
    ]


def test_files_of_rows_that_are_gone_are_deleted(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.photo_hashes, "ROWS_PER_FILE", 1)
    source = VisionExport.open(export.directory)
    hash_photos(source, tmp_path / "cache")
    path = export.directory / "val_data.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    hashed = hash_photos(source, tmp_path / "cache")

    assert list((tmp_path / "cache" / "medium" / "Split-val").iterdir()) == hashed.files["val"]


@pytest.mark.parametrize("live", [True, False])
def test_progress_shows_rate_and_time_left(live: bool) -> None:
    stream: Any = io.StringIO()
    stream.isatty = lambda: live
    seconds = [0.0]
    show = progress(stream, 1000, clock=lambda: seconds[0])
    for done in (100, 200, 1000):
        seconds[0] += 10
        show(Hashed(read=done))

    if live:
        assert stream.getvalue() == (
            "\rphotos 100 of 1,000, 10 photos/s, 1 min 30 s left\x1b[K"
            "\rphotos 200 of 1,000, 10 photos/s, 1 min 20 s left\x1b[K"
            "\rphotos 1,000 of 1,000, 45 photos/s, 0.0 s left\x1b[K\n"
        )
    else:
        assert stream.getvalue() == "photos 200 of 1,000, 10 photos/s, 1 min 20 s left\n"
