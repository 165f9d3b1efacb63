from __future__ import annotations

import csv
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from tfx.types import Channel

from components.artifacts import PhotoIndex
from components.duplicate_gate.artifact import NearDuplicates
from components.duplicate_gate.component import DuplicateGate
from components.duplicate_gate.config import DuplicateSettings
from components.duplicate_gate.executor import Executor
from schemas.errors import FieldmarkError
from schemas.events import EVENTS_VARIABLE
from schemas.photo_index import SCHEMA, index_file

PHOTO = 0x0000_FFFF_0000_FFFF


def indexed(directory: Path, **splits: list[tuple[int, int, str]]) -> PhotoIndex:
    """What ExportExampleGen leaves; a photo is (bits of its hash that are turned, taxon, file)."""
    photo_id = 0
    for split, photos in splits.items():
        rows = []
        for turned, taxon, contents in photos:
            photo_id += 1
            rows.append(
                {
                    "photo_id": photo_id,
                    "observation_id": photo_id,
                    "taxon_id": taxon,
                    "row_number": photo_id,
                    "path": f"photos/{photo_id}/medium.jpg",
                    "sha256": hashlib.sha256(contents.encode()).hexdigest(),
                    "phash": PHOTO ^ turned,
                }
            )
        path = index_file(directory, split, 0, 1)
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), path)
    artifact = PhotoIndex()
    artifact.uri = str(directory)
    return artifact


def judge(index: PhotoIndex, directory: Path, **settings: Any) -> dict[str, Any]:
    """Runs the gate; returns its verdict."""
    output = NearDuplicates()
    directory.mkdir()
    output.uri = str(directory)
    properties = DuplicateSettings(**settings).model_dump()
    Executor().Do({"photo_index": [index]}, {"near_duplicates": [output]}, properties)
    return json.loads((directory / "verdict.json").read_text())


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    events = tmp_path / "events.jsonl"
    monkeypatch.setenv(EVENTS_VARIABLE, str(events))
    return events


def texts(events: Path) -> list[str]:
    return [json.loads(line)["text"] for line in events.read_text().splitlines()]


def test_splits_without_twins_pass_with_a_line(tmp_path: Path, notes: Path) -> None:
    index = indexed(tmp_path / "index", train=[(0, 1, "a")], val=[(0xFF, 1, "b")])

    verdict = judge(index, tmp_path / "gate", max_share=0)

    assert verdict == {
        "splits": {"val": {"photos": 1, "twins": 0, "identical": 0, "other_taxa": 0, "share": 0.0}},
        "pairs": 0,
        "pairs_listed": 0,
    }
    assert texts(notes) == [
        "near-duplicates: val 0 of 1 photos (0.00%) have a twin in train",
    ]


def test_twins_up_to_the_share_pass_and_are_listed(tmp_path: Path, notes: Path) -> None:
    index = indexed(
        tmp_path / "index",
        train=[(0, 1, "a"), (0xFF0000, 2, "b")],
        val=[(0, 1, "a"), (0xFF0001, 3, "c")],
        test=[(0b11, 1, "d"), (0xF0F0F0F0, 1, "e"), (0x0F0F0F0F, 1, "f")],
    )
    judge(index, tmp_path / "gate", max_share=0.5)

    with (tmp_path / "gate" / "near_duplicates.csv").open(newline="") as file:
        rows = [(r["kind"], r["distance"], r["path_a"], r["path_b"]) for r in csv.DictReader(file)]
    assert rows == [
        ("identical", "0", "photos/3/medium.jpg", "photos/1/medium.jpg"),
        ("same taxon", "2", "photos/5/medium.jpg", "photos/1/medium.jpg"),
        ("same taxon", "2", "photos/5/medium.jpg", "photos/3/medium.jpg"),
        ("other taxon", "1", "photos/4/medium.jpg", "photos/2/medium.jpg"),
    ]
    assert texts(notes) == [
        "near-duplicates: val 1 of 2 photos (50.00%) have a twin in train, 1 of them the very "
        "file; near a photo of another taxon only: 1; "
        "test 1 of 3 photos (33.33%) have a twin in train",
    ]


def test_too_many_twins_stop_the_run_with_the_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    index = indexed(
        tmp_path / "index",
        train=[(0, 1, "a")],
        val=[(0, 1, "a"), (0b1, 1, "b"), (0b10, 2, "other taxon"), (0xFFFF, 1, "c")],
        test=[(0xFFFF00, 1, "d")],
    )
    with pytest.raises(FieldmarkError) as caught:
        judge(index, tmp_path / "17", max_share=0.25)

    (saved,) = tmp_path.glob("fieldmark-near-duplicates-*.csv")
    assert str(caught.value) == (
        "Too many held-out photos stand in train, too, the same or nearly so (at most 4 of 64 "
        "bits differ):\n"
        "  val: 2 of 4 photos (50.00%) have a twin in train, 1 of them the very file; near a "
        "photo of another taxon only: 1\n"
        "duplicates.max_share allows 25.00%. What a network has trained on it need not recognise, "
        "so its accuracy would come out too high. The pairs:\n"
        "  identical: val photos/2/medium.jpg = train photos/1/medium.jpg\n"
        "  1 bit, same taxon: val photos/3/medium.jpg = train photos/1/medium.jpg\n"
        f"The whole list: {saved}. Delete the rows of its photos (photo_id_a) from the files of "
        "those splits, or set duplicates.max_share to allow more, or duplicates.on_excess to warn."
    )
    assert saved.read_bytes() == (tmp_path / "17" / "near_duplicates.csv").read_bytes()
    assert len(saved.read_text().splitlines()) == 4


def test_first_twenty_pairs_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    index = indexed(
        tmp_path / "index", train=[(0, 1, "a")], val=[(1, 1, f"{n}") for n in range(23)]
    )
    with pytest.raises(FieldmarkError, match=r"\n  \.\.\. and 3 more\.\nThe whole list") as caught:
        judge(index, tmp_path / "gate")

    assert len(re.findall(r"\n  1 bit, same taxon: ", str(caught.value))) == 20


def test_too_many_twins_are_only_noted_when_asked(tmp_path: Path, notes: Path) -> None:
    index = indexed(tmp_path / "index", train=[(0, 1, "a")], val=[(0, 1, "a")])

    judge(index, tmp_path / "gate", on_excess="warn")

    line, message = texts(notes)
    assert line.startswith("near-duplicates: val 1 of 1 photos")
    assert message.startswith("Too many held-out photos stand in train, too")
    assert f"The whole list: {tmp_path / 'gate' / 'near_duplicates.csv'}. " in message


def test_photos_of_other_taxa_do_not_count(tmp_path: Path) -> None:
    index = indexed(tmp_path / "index", train=[(0, 1, "a")], val=[(0, 2, "b")])

    assert judge(index, tmp_path / "gate", max_share=0)["splits"]["val"]["other_taxa"] == 1


def test_distance_is_a_setting(tmp_path: Path) -> None:
    index = indexed(tmp_path / "index", train=[(0, 1, "a")], val=[(0b111111, 1, "b")])

    assert judge(index, tmp_path / "4", max_share=0)["splits"]["val"]["twins"] == 0
    with pytest.raises(FieldmarkError, match="at most 6 of 64 bits differ"):
        judge(index, tmp_path / "6", max_distance=6, max_share=0)


@pytest.mark.parametrize(
    "values", [{"max_distance": 9}, {"max_share": 1.1}, {"on_excess": "ignore"}]
)
def test_settings_out_of_range_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DuplicateSettings(**values)


def test_component_carries_its_settings_and_its_code() -> None:
    gate = DuplicateGate(Channel(type=PhotoIndex), DuplicateSettings(max_share=0.1))

    properties = gate.spec.exec_properties
    assert (properties["max_distance"], properties["max_share"]) == (4, 0.1)
    assert properties["on_excess"] == "fail"
    assert len(properties["code_version"]) == 16
    assert gate.outputs["near_duplicates"].type is NearDuplicates
