from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.photo_transform.preprocessing import leaf_classes, preprocessing_fn
from schemas import record

LEAVES = (500, 7, 48_460_001)


@pytest.fixture(scope="module")
def leaf_taxa(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("taxonomy") / record.LEAF_TAXA_FILE
    path.write_text("".join(f"{taxon}\n" for taxon in LEAVES))
    return str(path)


def top_red_jpeg(size: tuple[int, int]) -> bytes:
    """A photo with a red upper and a blue lower half, as stored."""
    image = Image.new("RGB", size, (20, 20, 220))
    image.paste((220, 20, 20), (0, 0, size[0], size[1] // 2))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def transformed(
    leaf_taxa: str,
    photos: list[bytes],
    *,
    orientations: list[int] | None = None,
    taxa: list[int] | None = None,
    side_px: int = 40,
    small_px: int = 0,
    **maybe_unknown: tf.SparseTensor,
) -> dict[str, np.ndarray]:
    count = len(photos)

    def column(values: list[Any]) -> tf.Tensor:
        return tf.constant(values)[:, None]

    inputs = {
        record.IMAGE: column(photos),
        record.ORIENTATION: column(orientations or [1] * count),
        record.TAXON_ID: tf.cast(column(taxa or [7] * count), tf.int64),
        record.PHOTO_ID: column(list(range(count))),
        record.OBSERVATION_ID: column(list(range(50, 50 + count))),
        record.ICONIC_TAXON: column(["Insecta"] * count),
        **maybe_unknown,
    }
    config = {
        "stored_size_px": side_px,
        "small_size_px": small_px,
        "jpeg_quality": 92,
        "leaf_taxa_path": leaf_taxa,
    }
    return {name: value.numpy() for name, value in preprocessing_fn(inputs, config).items()}


def decoded(jpeg: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.format == "JPEG"
        return np.asarray(image.convert("RGB"), np.float32)


def test_photos_are_shrunk_to_the_shorter_side_and_never_enlarged(leaf_taxa: str) -> None:
    sizes = [(320, 200), (60, 40), (30, 20), (100, 350)]

    out = transformed(leaf_taxa, [top_red_jpeg(size) for size in sizes])

    stored = [decoded(jpeg).shape[1::-1] for jpeg in out[record.IMAGE][:, 0]]
    assert stored == [(64, 40), (60, 40), (30, 20), (40, 140)]


@pytest.mark.parametrize(
    ("orientation", "size", "red_side"),
    [
        (1, (60, 40), np.s_[:15, :]),
        (3, (60, 40), np.s_[-15:, :]),
        (6, (40, 60), np.s_[:, -15:]),
        (8, (40, 60), np.s_[:, :15]),
    ],
)
def test_photos_are_stored_upright(
    leaf_taxa: str, orientation: int, size: tuple[int, int], red_side: Any
) -> None:
    out = transformed(leaf_taxa, [top_red_jpeg((300, 200))], orientations=[orientation])

    image = decoded(out[record.IMAGE][0, 0])
    assert image.shape[1::-1] == size
    assert image[red_side].mean(axis=(0, 1)) == pytest.approx([220, 20, 20], abs=12)


def test_small_copy_is_the_stored_photo_made_smaller(leaf_taxa: str) -> None:
    photos = [top_red_jpeg(size) for size in [(320, 200), (100, 350), (60, 30)]]

    out = transformed(leaf_taxa, photos, small_px=20, orientations=[6, 1, 1])

    pairs = zip(out[record.IMAGE][:, 0], out[record.IMAGE_SMALL][:, 0], strict=True)
    sizes = []
    for photo, small in pairs:
        sizes.append(decoded(small).shape[1::-1])
        shrunk = tf.image.resize(decoded(photo), sizes[-1][::-1], antialias=True).numpy()
        assert np.abs(decoded(small) - shrunk).mean() < 4
    assert sizes == [(20, 32), (20, 70), (40, 20)]


def test_photo_no_larger_than_the_copy_would_be_has_none(leaf_taxa: str) -> None:
    photos = [top_red_jpeg(size) for size in [(60, 20), (15, 18), (60, 21)]]

    small = transformed(leaf_taxa, photos, small_px=20)[record.IMAGE_SMALL][:, 0]

    assert small[0] == small[1] == b""
    assert decoded(small[2]).shape == (20, 57, 3)


def test_stored_photo_carries_no_orientation(leaf_taxa: str) -> None:
    # Turned here and marked as unturned still, it would be turned twice by whoever reads it.
    out = transformed(leaf_taxa, [top_red_jpeg((300, 200))], orientations=[6])

    with Image.open(io.BytesIO(out[record.IMAGE][0, 0])) as image:
        assert 0x0112 not in image.getexif()


def test_label_is_the_line_of_the_taxon(leaf_taxa: str) -> None:
    photos = [top_red_jpeg((20, 20))] * 4

    out = transformed(leaf_taxa, photos, taxa=[7, 48_460_001, 500, 7])

    assert out[record.LABEL].tolist() == [[1], [2], [0], [1]]
    assert out[record.LABEL].dtype == np.int64


def test_identities_pass_as_they_are_and_raw_features_end_here(leaf_taxa: str) -> None:
    out = transformed(leaf_taxa, [top_red_jpeg((20, 20))] * 2, taxa=[7, 500])

    assert set(out) == {
        record.IMAGE,
        record.LABEL,
        record.PHOTO_ID,
        record.OBSERVATION_ID,
        record.TAXON_ID,
        record.ICONIC_TAXON,
    }
    assert out[record.PHOTO_ID].tolist() == [[0], [1]]
    assert out[record.OBSERVATION_ID].tolist() == [[50], [51]]
    assert out[record.TAXON_ID].tolist() == [[7], [500]]
    assert out[record.ICONIC_TAXON].tolist() == [[b"Insecta"], [b"Insecta"]]
    assert all(values.shape == (2, 1) for values in out.values())


def test_empty_batch_gives_an_empty_batch(leaf_taxa: str) -> None:
    inputs = {
        record.IMAGE: tf.zeros([0, 1], tf.string),
        record.ICONIC_TAXON: tf.zeros([0, 1], tf.string),
        **{
            name: tf.zeros([0, 1], tf.int64)
            for name in (
                record.ORIENTATION,
                record.TAXON_ID,
                record.PHOTO_ID,
                record.OBSERVATION_ID,
            )
        },
    }
    config = {
        "stored_size_px": 40,
        "small_size_px": 20,
        "jpeg_quality": 92,
        "leaf_taxa_path": leaf_taxa,
    }

    out = preprocessing_fn(inputs, config)

    assert record.IMAGE_SMALL in out

    assert {tuple(value.shape) for value in out.values()} == {(0, 1)}


@pytest.mark.parametrize("taxon", [8, 0, -1])
def test_taxon_that_is_no_leaf_stops_the_step(leaf_taxa: str, taxon: int) -> None:
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"A photo's taxon_id is not a leaf of the taxonomy\.",
    ):
        leaf_classes(tf.constant([[7], [taxon]], tf.int64), leaf_taxa)


def test_taxon_that_is_no_leaf_stops_the_step_in_a_graph_too(leaf_taxa: str) -> None:
    classes = tf.function(lambda taxa: leaf_classes(taxa, leaf_taxa))

    assert classes(tf.constant([[500]], tf.int64)).numpy().tolist() == [[0]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="is not a leaf of the taxonomy"):
        classes(tf.constant([[8]], tf.int64))


def test_what_an_export_does_not_know_is_filled(leaf_taxa: str) -> None:
    known = tf.SparseTensor([[1, 0]], [45.5], [3, 1])
    year = tf.SparseTensor([[0, 0], [2, 0]], ["2020-05-01", "2021-06-30"], [3, 1])
    nothing = tf.SparseTensor(tf.zeros([0, 2], tf.int64), tf.constant([], tf.string), [3, 0])

    out = transformed(
        leaf_taxa, [top_red_jpeg((20, 20))] * 3, latitude=known, observed_on=year, license=nothing
    )

    np.testing.assert_array_equal(out[record.LATITUDE], [[np.nan], [45.5], [np.nan]])
    assert out[record.OBSERVED_ON].tolist() == [[b"2020-05-01"], [b""], [b"2021-06-30"]]
    assert out[record.LICENSE].tolist() == [[b""]] * 3
