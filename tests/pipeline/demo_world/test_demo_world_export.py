from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from pipeline.demo_world import export as export_module
from pipeline.demo_world.contact_sheet import MOST_BYTES, contact_sheet
from pipeline.demo_world.export import DemoExport, draw_export, photo_path
from schemas.errors import ConfigError, DataError, FieldmarkError

SETTINGS = {"species": 6, "photos": 48, "size_px": (64, 96), "seed": 5}


def draw(directory: Path, **changes: object) -> DemoExport:
    return draw_export(directory, **(SETTINGS | {"jobs": 1} | changes))  # type: ignore[arg-type]


def digests(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("demo") / "drawn"
    draw(directory)
    return directory


def test_every_row_has_its_photo_and_every_photo_its_row(tiny_export: Path) -> None:
    listed = set()
    for split in ("train", "val", "test"):
        with (tiny_export / f"{split}_data.csv").open(encoding="utf-8") as file:
            listed |= {int(row["photo_id"]) for row in csv.DictReader(file)}
    assert len(listed) == 120
    assert {int(path.name) for path in (tiny_export / "photos").iterdir()} == listed
    assert all(photo_path(tiny_export, photo_id).is_file() for photo_id in listed)


def test_photos_are_as_large_as_asked_and_some_are_stored_turned(tiny_export: Path) -> None:
    orientations = []
    for path in tiny_export.glob("photos/*/medium.jpg"):
        with Image.open(path) as image:
            assert 96 <= max(image.size) <= 160
            assert (image.mode, image.format) == ("RGB", "JPEG")
            orientations.append(image.getexif().get(0x0112))
            assert ImageOps.exif_transpose(image) is not None
    turned = [o for o in orientations if o not in (None, 1)]
    assert 0.01 < len(turned) / len(orientations) < 0.15
    assert None in orientations


def test_the_same_settings_give_the_same_bytes_on_two_processes(
    drawn: Path, tmp_path: Path
) -> None:
    draw(tmp_path / "two", jobs=2)
    assert digests(tmp_path / "two") == digests(drawn)


def test_an_interrupted_export_goes_on_to_the_same_bytes(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint, painted = export_module.paint_photo, []

    def paint_twenty(**kwargs: object) -> bytes:
        if len(painted) == 20:
            raise KeyboardInterrupt
        painted.append(kwargs["photo_id"])
        return paint(**kwargs)  # type: ignore[arg-type]

    directory = tmp_path / "cut"
    monkeypatch.setattr(export_module, "paint_photo", paint_twenty)
    with pytest.raises(KeyboardInterrupt):
        draw(directory)
    assert len(list(directory.glob("photos/*/medium.jpg"))) == 20
    assert not list(directory.glob("*.csv")), "an export with CSV files has all its photos"

    monkeypatch.setattr(export_module, "paint_photo", paint)
    calls: list[tuple[int, int]] = []
    result = draw(directory, on_progress=lambda done, total: calls.append((done, total)))
    assert (result.drawn_photos, result.already_complete) == (28, False)
    assert (calls[0], calls[-1]) == ((20, 48), (48, 48))
    assert digests(directory) == digests(drawn)


def test_a_complete_export_is_left_as_it_is(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_module, "paint_photo", None)
    before = {path: path.stat().st_mtime_ns for path in drawn.rglob("*")}
    result = draw(drawn)
    assert (result.drawn_photos, result.already_complete) == (0, True)
    assert (result.species, result.photos) == (6, 48)
    assert result.train_photos + result.val_photos + result.test_photos == 48
    assert {path: path.stat().st_mtime_ns for path in drawn.rglob("*")} == before


def test_a_photo_that_was_deleted_is_drawn_again(tmp_path: Path) -> None:
    draw(tmp_path / "demo", photos=42)
    before = digests(tmp_path / "demo")
    next(iter((tmp_path / "demo").glob("photos/*/medium.jpg"))).unlink()
    assert draw(tmp_path / "demo", photos=42).drawn_photos == 1
    assert digests(tmp_path / "demo") == before


def test_an_export_with_other_settings_is_left_alone(drawn: Path) -> None:
    with pytest.raises(DataError) as error:
        draw(drawn, photos=60, seed=6)
    assert str(error.value) == (
        f"{drawn}: holds a demo export drawn with other settings (photos 48 there, 60 here; "
        "seed 5 there, 6 here). Choose another directory, or repeat the settings it was drawn "
        "with."
    )


def test_a_directory_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError) as error:
        draw(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: is not empty and not a demo export (it has no demo_export.json). "
        "Choose a directory that is new or empty."
    )
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "demo"
    path.write_text("")
    with pytest.raises(DataError) as error:
        draw(path)
    assert str(error.value) == (
        f"{path}: is a file, a directory was expected. Choose a directory that is new or empty."
    )


def test_a_broken_marker_is_named(tmp_path: Path) -> None:
    (tmp_path / "demo_export.json").write_text("{}")
    with pytest.raises(DataError) as error:
        draw(tmp_path)
    assert str(error.value) == (
        f"{tmp_path / 'demo_export.json'}: is not what `fieldmark demo-export` writes. "
        "Choose another directory, or delete this one."
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jobs": 0}, "jobs must be 1 or more. Received: 0."),
        ({"seed": -1}, "seed must be 0 or more. Received: -1."),
        ({"species": 5}, "species must be between 6 and 145. Received: 5."),
        (
            {"size_px": (200, 100)},
            "size must be the least and the greatest long edge in px, both within 32..12000. "
            "Received: 200-100.",
        ),
    ],
    ids=["jobs", "seed", "species", "size"],
)
def test_numbers_out_of_bounds_are_refused_before_anything_is_written(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        draw(tmp_path / "demo", **change)
    assert str(error.value) == message
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_contact_sheet_is_a_small_picture(tiny_export: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"sheet{suffix}"
    contact_sheet(tiny_export, path, columns=4, rows=6, tile_px=60, seed=0)
    assert path.stat().st_size < MOST_BYTES
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        assert image.size == (4 * 63 - 3, 6 * 63 - 3)
    first = path.read_bytes()
    contact_sheet(tiny_export, path, columns=4, rows=6, tile_px=60, seed=0)
    assert path.read_bytes() == first


def test_a_contact_sheet_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FieldmarkError) as error:
        contact_sheet(tmp_path, tmp_path / "sheet.png")
    assert str(error.value) == (
        f"{tmp_path / 'train_data.csv'}: is not there. Give the directory of a complete export; "
        "`fieldmark demo-export` draws one."
    )
