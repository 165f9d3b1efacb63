"""Metadata as the schema's own rules of reading find it, field by field."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from flatbuffers import number_types
from forgery import forge
from tiny_world import SIZE_PX

from schemas.errors import DataError
from schemas.taxonomy import Taxonomy
from serving.app_contract import model_faults
from serving.mobile_bundle import load_bundle
from serving.tflite import TFLiteClassifier
from serving.tflite_metadata import ModelWords, metadata, metadata_inside, with_metadata
from serving.zip_bytes import labels_inside


class Table:
    """A flatbuffer table read by field numbers: the specification of flatbuffers, nothing else."""

    def __init__(self, buffer: bytes, place: int) -> None:
        self._table = flatbuffers.table.Table(bytearray(buffer), place)

    @classmethod
    def root(cls, buffer: bytes) -> Table:
        return cls(buffer, int.from_bytes(buffer[:4], "little"))

    def _offset(self, field: int) -> int:
        found = self._table.Offset(4 + 2 * field)
        assert found, f"field {field} is absent"
        return int(found) + self._table.Pos

    def text(self, field: int) -> str:
        return bytes(self._table.String(self._offset(field))).decode()

    def byte(self, field: int) -> int:
        return int(self._table.Get(number_types.Uint8Flags, self._offset(field)))

    def table(self, field: int) -> Table:
        return Table(self._table.Bytes, self._table.Indirect(self._offset(field)))

    def tables(self, field: int) -> list[Table]:
        relative = self._offset(field) - self._table.Pos
        start, count = self._table.Vector(relative), self._table.VectorLen(relative)
        return [Table(self._table.Bytes, self._table.Indirect(start + 4 * i)) for i in range(count)]

    def floats(self, field: int) -> list[float]:
        relative = self._offset(field) - self._table.Pos
        start, count = self._table.Vector(relative), self._table.VectorLen(relative)
        return np.frombuffer(self._table.Bytes, "<f4", count, start).tolist()


WORDS = ModelWords(name="fieldmark-owls-1", description="Owls.", version="1", license="CC0")


def test_every_field_stands_where_the_schema_has_it() -> None:
    buffer = metadata(WORDS)

    assert buffer[4:8] == b"M001"
    model = Table.root(buffer)
    assert [model.text(field) for field in (0, 1, 2, 4, 5, 7)] == [
        "fieldmark-owls-1",
        "Owls.",
        "1",
        "Fieldmark",
        "CC0",
        "1.0.0",
    ]
    (graph,) = model.tables(3)
    (image,), (scores,) = graph.tables(2), graph.tables(3)
    assert image.table(3).byte(0) == 2  # ImageProperties
    assert image.table(3).table(1).byte(0) == 1  # RGB
    (normalisation,) = image.tables(4)
    assert normalisation.byte(0) == 1  # NormalizationOptions
    assert normalisation.table(1).floats(0) == [0.0]
    assert normalisation.table(1).floats(1) == [1.0]
    assert (image.table(5).floats(0), image.table(5).floats(1)) == ([255.0], [0.0])
    (labels,) = scores.tables(6)
    assert (labels.text(0), labels.byte(2)) == ("labels.txt", 2)  # TENSOR_AXIS_LABELS


def test_models_of_a_bundle_carry_their_labels(bundle_dir: Path, taxonomy: Taxonomy) -> None:
    bundle = load_bundle(bundle_dir)

    for variant in bundle.variants:
        content = bundle.model_path(variant).read_bytes()
        assert labels_inside(content) == taxonomy.leaf_names
        described = metadata_inside(content)
        assert described is not None
        assert Table.root(described).text(0) == bundle_dir.name


def appended(name: str, content: bytes, **options: int) -> bytes:
    """A zip of one file, as metadata tools append it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", **options) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def test_a_zip_of_somebody_elses_is_told_of(
    bundle_dir: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    name = "model_float16.tflite"
    whole = (bundle_dir / name).read_bytes()
    model = whole[: whole.index(b"PK\x03\x04")]
    packed = appended("labels.txt", b"Strix", compression=zipfile.ZIP_DEFLATED)
    broken = packed.replace(packed[40:44], b"\xff\xff\xff\xff", 1)

    assert labels_inside(model) is None
    for foreign, words in (
        (appended("labelmap.txt", b"Strix"), "has a zip appended that holds no labels.txt."),
        (appended("labels.txt", b"\xff"), "has a zip appended whose labels.txt cannot be read: "),
        (broken, "has a zip appended whose labels.txt cannot be read: "),
    ):
        with pytest.raises(DataError, match=f"^{name}: {words}"):
            labels_inside(model + foreign, name=name)

    forged = forge(
        bundle_dir, tmp_path / "forged", {name: model + appended("labelmap.txt", b"Strix")}
    )
    assert model_faults(load_bundle(forged), "float16", taxonomy) == (
        f"{name}: has a zip appended that holds no labels.txt. Export the mobile bundle again.",
    )


def test_metadata_changes_no_answer_and_is_the_same_every_time(bundle_dir: Path) -> None:
    content = (bundle_dir / "model_float16.tflite").read_bytes()
    pixels = np.random.default_rng(0).uniform(0, 255, (2, SIZE_PX, SIZE_PX, 3)).astype(np.float32)

    again = [with_metadata(content, metadata(WORDS), ["a", "b"]) for _ in range(2)]

    assert again[0] == again[1]
    np.testing.assert_array_equal(
        TFLiteClassifier(again[0]).scores(pixels), TFLiteClassifier(content).scores(pixels)
    )
