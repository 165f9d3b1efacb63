from __future__ import annotations

from pathlib import Path

import pytest
from example_gen_run import Row, photo, photo_ids, photos, run, write_export
from hostile_photos import placeholder

from components.export_example_gen import read_plan, write_shard
from schemas.errors import DataError, FieldmarkError
from schemas.photo_index import WRITING_PREFIX


def leaked(directory: Path) -> Path:
    """An observation in two splits, and a photo in two observations and splits."""
    return write_export(
        directory,
        {
            "train": [Row(1, 21), Row(2, 22), Row(3, 23), Row(4, 24)],
            "val": [Row(5, 22), Row(3, 33, 12), Row(6, 36)],
        },
        photos(*range(1, 7)),
    )


def test_leaks_through_observation_or_photo_are_resolved_and_listed(tmp_path: Path) -> None:
    outcome = run(leaked(tmp_path / "export"), tmp_path / "run")

    assert set(photo_ids(outcome.records("train"))) == {1, 4}
    assert set(photo_ids(outcome.records("val"))) == {3, 5, 6}
    place = "is also in val, row"
    assert outcome.reasons == [
        ("train_data.csv", "3", "leak", f"leak: its observation {place} 2, under taxon 11"),
        ("train_data.csv", "4", "leak", f"leak: the photo {place} 3, under taxon 12"),
    ]


def test_leaks_fail_the_run_where_that_is_asked_for(tmp_path: Path) -> None:
    export = leaked(tmp_path / "export")

    with pytest.raises(DataError) as caught:
        run(export, tmp_path / "run", on_leak="fail")

    assert str(caught.value) == (
        f"{export}: 2 rows are in two splits or under two leaves:\n"
        "  train_data.csv, row 3, photo 2: leak: its observation is also in val, row 2, under "
        "taxon 11\n"
        "  train_data.csv, row 4, photo 3: leak: the photo is also in val, row 3, under taxon 12\n"
        " Export it again, or let export.on_leak: resolve keep one of each."
    )
    assert not any((tmp_path / "run" / "examples").rglob("data_tfrecord-*"))


def test_export_without_leaks_passes_where_they_would_fail(tmp_path: Path) -> None:
    rows = {"train": [Row(1, 21), Row(2, 22)], "val": [Row(3, 23)]}
    export = write_export(tmp_path / "export", rows, photos(1, 2, 3))

    outcome = run(export, tmp_path / "run", on_leak="fail")

    assert outcome.set_aside == []
    assert set(photo_ids(outcome.records("train"))) == {1, 2}


def removed(directory: Path, *, copies: int) -> Path:
    """Photos 101.. are the same placeholder, 201.. one photo of one observation, 301.. real."""
    fakes = [Row(101 + n, 1001 + n, 11 + n % 2) for n in range(copies)]
    bursts = [Row(201 + n, 2001) for n in range(12)]
    return write_export(
        directory,
        {"train": [*fakes, *bursts, Row(301, 3001)], "val": [Row(302, 3002)]},
        {row.photo_id: placeholder() for row in fakes}
        | {row.photo_id: photo(200) for row in bursts}
        | photos(301, 302),
    )


def test_placeholders_of_removed_photos_are_set_aside_and_not_called_unusable(
    tmp_path: Path,
) -> None:
    outcome = run(removed(tmp_path / "export", copies=10), tmp_path / "run", max_unusable_share=0)

    assert {row["kind"] for row in outcome.set_aside} == {"placeholder"}
    assert [int(row["photo_id"]) for row in outcome.set_aside] == list(range(101, 111))
    text = "placeholder: 10 photos of different observations are this very picture, photo {} among"
    assert outcome.set_aside[0]["reason"] == f"{text.format(102)} them"
    assert outcome.set_aside[1]["reason"] == f"{text.format(101)} them"
    assert set(photo_ids(outcome.records("train"))) == {*range(201, 213), 301}


@pytest.mark.parametrize(("copies", "setting"), [(9, 10), (10, 11), (12, 0)])
def test_fewer_copies_than_asked_for_are_photos_like_others(
    copies: int, setting: int, tmp_path: Path
) -> None:
    export = removed(tmp_path / "export", copies=copies)

    outcome = run(export, tmp_path / "run", placeholder_copies=setting)

    assert outcome.set_aside == []


def test_many_copies_of_an_error_page_stay_unusable(tmp_path: Path) -> None:
    html = b"<!DOCTYPE html><html>429 Too Many Requests</html>"
    rows = {"train": [Row(n, 1000 + n) for n in range(1, 21)], "val": [Row(30, 1030)]}
    pages = dict.fromkeys(range(1, 13), html)
    export = write_export(tmp_path / "export", rows, pages | photos(*range(13, 21), 30))

    with pytest.raises(FieldmarkError, match=r"^train_data\.csv: 12 of 20 photos cannot be used"):
        run(export, tmp_path / "run")


def test_faults_of_all_ranges_come_in_one_error_before_any_photo_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_plan, "ROWS_PER_RANGE", 7)
    rows = {"train": [Row(n, 1000 + n) for n in range(1, 51)], "val": [Row(60, 1060)]}
    export = write_export(tmp_path / "export", rows, {})
    path = export / "train_data.csv"
    header, *lines = path.read_text().splitlines()
    broken = [f"x{line}" if n % 2 else line for n, line in enumerate(lines)]
    broken[0] = broken[0].replace(",0,0,11,11,", ",1,0,11,11,")
    path.write_text("\n".join([header, *broken]) + "\n")

    with pytest.raises(DataError) as caught:
        run(export, tmp_path / "run", max_unusable_share=1)

    first, *shown, more, remedy = str(caught.value).splitlines()
    assert first == f"{path}: 26 faults:"
    assert shown[:2] == [
        "  row 2, column leaf_class_id: is 1, but taxon 11 has leaf class 0 in the taxonomy.",
        "  row 3, column photo_id: is not a positive integer. Received: 'x2'.",
    ]
    assert len(shown) == 20
    assert more == "  ... and 6 more."
    assert remedy == " Correct the row, or export it again."


def test_faulty_places_are_an_error_of_their_file(tmp_path: Path) -> None:
    rows = {"train": [Row(1, 21)], "val": [Row(2, 22)]}
    export = write_export(tmp_path / "export", rows, photos(1, 2))
    places = export / "spatial_data.csv"
    places.write_text("observation_id,latitude,longitude,observed_on\n21,95.0,8.5,2024-05-31\n")

    with pytest.raises(DataError) as caught:
        run(export, tmp_path / "run")

    assert str(caught.value).startswith(
        f"{places}: 1 fault:\n  row 2, column latitude: is not a number in -90..90."
    )


def test_result_does_not_depend_on_how_the_rows_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = removed(tmp_path / "export", copies=10)
    whole = run(export, tmp_path / "whole", photos_per_file=5)
    monkeypatch.setattr(read_plan, "ROWS_PER_RANGE", 3)

    pieces = run(export, tmp_path / "pieces", photos_per_file=5)

    assert pieces.digests() == whole.digests()


def test_half_written_files_of_dead_workers_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {"train": [Row(1, 21)], "val": [Row(2, 22)]}
    export = write_export(tmp_path / "export", rows, photos(1, 2))
    write_index = write_shard.write_index

    def after_a_death(entries: list[object], path: Path) -> None:
        write_index(entries, path)
        (path.parent / f"{WRITING_PREFIX}77-{path.name}").touch()

    monkeypatch.setattr(write_shard, "write_index", after_a_death)

    outcome = run(export, tmp_path / "run")

    assert list(outcome.root.rglob(f"{WRITING_PREFIX}*")) == []
