from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import imagehash
import pytest
from example_gen_run import Row, photo, photo_ids, photos, run, write_export
from hostile_photos import ORIENTATION_TAG, encoded, exif_block, hostile_photos, scene
from PIL import Image

from schemas import record
from schemas.errors import FieldmarkError

pytestmark = [
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin"),
]


def test_index_says_of_each_record_what_it_was(tmp_path: Path) -> None:
    turned = encoded(scene(), exif=exif_block(6))
    rows = {"train": [Row(1, 21), Row(2, 22), Row(9, 29)], "val": [Row(3, 23, 12)]}
    export = write_export(tmp_path / "export", rows, {1: photo(1), 2: turned, 3: photo(3)})

    outcome = run(export, tmp_path / "run", max_unusable_share=0.5)

    index = {row["photo_id"]: row for row in outcome.index("train")}
    assert set(index) == {1, 2}
    with Image.open(io.BytesIO(turned)) as image:
        assert image.getexif()[ORIENTATION_TAG] == 6
        upright = image.transpose(Image.Transpose.ROTATE_270)
    phash = index[2].pop("phash")
    assert (phash ^ int(str(imagehash.phash(upright)), 16)).bit_count() <= 4
    assert index[2] == {
        "photo_id": 2,
        "observation_id": 22,
        "observation_uuid": None,
        "taxon_id": 11,
        "row_number": 3,
        "path": "photos/2/medium.jpg",
        "photo_url": "https://x.org/2/medium.jpg",
        "sha256": hashlib.sha256(turned).hexdigest(),
        "license": None,
        "rights_holder": None,
        "observer": None,
    }
    assert [row["taxon_id"] for row in outcome.index("val")] == [12]


def test_index_lies_beside_the_records_in_their_order(tmp_path: Path) -> None:
    rows = {"train": [Row(n, 1000 + n) for n in range(1, 21)], "val": [Row(30, 1030)]}
    export = write_export(tmp_path / "export", rows, photos(*range(1, 21), 30))

    outcome = run(export, tmp_path / "run", photos_per_file=6)

    in_records = [
        example.features.feature[record.PHOTO_ID].int64_list.value[0]
        for example in outcome.records("train")
    ]
    assert [row["photo_id"] for row in outcome.index("train")] == in_records
    names = [path.name for path in (outcome.root / "photo_index").rglob("*") if path.is_file()]
    assert len(outcome.files("train")) == len(names) - 1
    assert all(name.startswith("index-") and name.endswith(".parquet") for name in names)


def test_credits_go_into_records_and_index(tmp_path: Path) -> None:
    rows = {"train": [Row(1, 21)], "val": [Row(2, 22)]}
    export = write_export(tmp_path / "export", rows, photos(1, 2))
    path = export / "train_data.csv"
    header, line = path.read_text().splitlines()
    columns = ",observation_uuid,license,rights_holder,observer"
    path.write_text(f"{header}{columns}\n{line},0b7c,CC-BY-NC,Ana María,ana\n")

    outcome = run(export, tmp_path / "run")

    (example,), (row,) = outcome.records("train"), outcome.index("train")
    texts = {
        name: example.features.feature[name].bytes_list.value[0].decode()
        for name in (record.LICENSE, record.RIGHTS_HOLDER, record.OBSERVER)
    }
    assert texts == {"license": "CC-BY-NC", "rights_holder": "Ana María", "observer": "ana"}
    assert texts | {"observation_uuid": "0b7c"} == {
        name: row[name] for name in (*texts, "observation_uuid")
    }
    (without,) = outcome.records("val")
    assert not {record.LICENSE, record.RIGHTS_HOLDER, record.OBSERVER} & set(
        without.features.feature
    )


def test_whole_set_of_hostile_photos_is_gone_through(tmp_path: Path) -> None:
    hostile = dict(enumerate(hostile_photos().values(), start=1))
    rows = {
        split: [Row(first + n, 1000 + first + n) for n in hostile]
        for split, first in (("train", 0), ("val", 500))
    }
    files = {row.photo_id: hostile[row.photo_id % 500].data for s in rows.values() for row in s}
    export = write_export(tmp_path / "export", rows, files)

    outcome = run(export, tmp_path / "run", max_unusable_share=1)

    unusable = {n: item.reason for n, item in hostile.items() if item.reason}
    listed = {int(r["photo_id"]): r["reason"] for r in outcome.set_aside if r["file"] < "u"}
    assert set(listed) == set(unusable)
    assert all(listed[n].startswith(reason) for n, reason in unusable.items())
    assert set(photo_ids(outcome.records("train"))) == set(hostile) - set(unusable)
    assert len(outcome.records("val")) == len(outcome.records("train"))


def test_file_larger_than_any_photo_is_not_read(tmp_path: Path) -> None:
    rows = {"train": [Row(1, 21), Row(2, 22)], "val": [Row(3, 23)]}
    export = write_export(tmp_path / "export", rows, photos(1, 2, 3))
    with (export / "photos" / "2" / "medium.jpg").open("ab") as file:
        file.truncate(200_000_000_000)

    outcome = run(export, tmp_path / "run", max_unusable_share=0.5)

    assert outcome.reasons == [
        (
            "train_data.csv",
            "3",
            "unusable",
            "200,000,000,000 bytes are more than any photo allowed has",
        )
    ]


def test_competition_is_read_from_its_own_files(tmp_path: Path) -> None:
    export = write_competition(tmp_path / "export")

    outcome = run(export, tmp_path / "run", max_unusable_share=0.5)

    assert set(photo_ids(outcome.records("train"))) == {1, 2}
    assert set(photo_ids(outcome.records("val"))) == {4}
    missing = "no file on disk; `fieldmark fetch-photos` fetches it"
    assert [(kind, reason) for _, _, kind, reason in outcome.reasons] == [("unusable", missing)]
    assert outcome.set_aside[0]["file"] == "train.json"
    index = {row["photo_id"]: row for row in outcome.index("train")}
    assert index[2]["path"] == "train_val2019/2.jpg"
    assert {row["license"] for row in index.values()} == {"CC-BY-NC"}
    assert {row["rights_holder"] for row in index.values()} == {"ana"}


def write_competition(directory: Path) -> Path:
    """The competition's JSON with two species; photo 3 is missing."""
    (directory / "train_val2019").mkdir(parents=True)
    ranks = ("kingdom", "phylum", "class", "order", "family", "genus")
    lineage = {rank: rank.title() for rank in ranks}
    categories = [{"id": n, "name": f"Genus n{n}", **lineage} for n in range(2)]
    url = "http://creativecommons.org/licenses/by-nc/4.0/"
    for split, ids in (("train", (1, 2, 3)), ("val", (4,))):
        images = [
            {"id": n, "width": 80, "height": 60, "file_name": f"train_val2019/{n}.jpg",
             "license": 0, "rights_holder": "ana"}
            for n in ids
        ]  # fmt: skip
        content = {
            "info": {"year": 2019},
            "images": images,
            "categories": categories,
            "annotations": [{"id": n, "image_id": n, "category_id": n % 2} for n in ids],
            "licenses": [{"id": 0, "name": "Attribution-NonCommercial License", "url": url}],
        }
        (directory / f"{split}.json").write_text(json.dumps(content))
        for n in set(ids) - {3}:
            (directory / "train_val2019" / f"{n}.jpg").write_bytes(photo(n))
    return directory


def test_file_that_cannot_be_read_is_set_aside(tmp_path: Path) -> None:
    rows = {"train": [Row(1, 21), Row(2, 22)], "val": [Row(3, 23)]}
    export = write_export(tmp_path / "export", rows, photos(1, 3))
    (export / "photos" / "2").symlink_to(export / "photos" / "2")

    with pytest.raises(FieldmarkError) as caught:
        run(export, tmp_path / "run")

    assert "1 of 2 photos cannot be used" in str(caught.value)
    assert "Too many levels of symbolic links" in str(caught.value)
