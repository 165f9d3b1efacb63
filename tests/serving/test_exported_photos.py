"""What a loaded SavedModel answers for photos of any kind, size and number.

Law: a row depends on its own photo alone, and says what `serve_pixels` says of the pixels that a
client without TensorFlow makes of it.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tiny_world import SIZE_PX, paint

from serving.photo_kinds import ANIMATED_WEBP, NO_BYTES, NO_PHOTO
from serving.prepare_each import NOT_WHOLE
from serving.prepare_file import prepare_bytes

SIGNATURES = ("serving_default", "predict_scores", "embed")
NOTHING = {"classes": -1, "taxon_ids": 0, "scores": 0, "features": 0}
"""Of a photo without an answer."""

SIZES = [(SIZE_PX, SIZE_PX), (1, 1), (3, 200), (200, 3), (31, 33), (500, 375)]
TOLERANCE = 2e-3
"""Of a score or feature: the tiny network's leap with the last bit of a pixel."""


@cache
def photo(kind: str, width: int = 60, height: int = 45, *, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    if kind == "animated GIF":
        kind, options = "GIF", {"save_all": True, "append_images": [Image.new("RGB", (60, 45))]}
    paint(width, height).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def animated_webp() -> bytes:
    buffer = io.BytesIO()
    first = paint(60, 45)
    first.save(buffer, "WEBP", save_all=True, append_images=[first.rotate(180)])
    return buffer.getvalue()


BAD = {
    NO_BYTES: b"",
    NO_PHOTO: b"<html>",
    NOT_WHOLE: photo("JPEG")[:-500],
    ANIMATED_WEBP: animated_webp(),
}


@pytest.fixture(scope="module")
def exported(saved_model: Path) -> Any:
    return tf.saved_model.load(str(saved_model))


def answer(exported: Any, name: str, photos: list[bytes]) -> dict[str, np.ndarray]:
    given = exported.signatures[name](image=tf.constant(photos, tf.string))
    return {output: values.numpy() for output, values in given.items()}


def by_pixels(exported: Any, content: bytes) -> dict[str, np.ndarray]:
    """Scores and features of a photo that was made ready without TensorFlow."""
    pixels = prepare_bytes(content, SIZE_PX, name="photo", max_pixels=10**6)
    given = exported.signatures["serve_pixels"](pixels=tf.constant(pixels[None]))
    return {output: values.numpy()[0] for output, values in given.items()}


def check_row(given: dict[str, np.ndarray], row: int, expected: dict[str, np.ndarray]) -> None:
    assert given["error"][row] == b""
    scores = expected["scores"]
    if "classes" in given:
        classes = given["classes"][row]
        assert sorted(classes) == list(range(len(scores)))
        np.testing.assert_allclose(given["scores"][row], scores[classes], atol=TOLERANCE)
        assert (np.diff(given["scores"][row]) <= 0).all()
    elif "scores" in given:
        np.testing.assert_allclose(given["scores"][row], scores, atol=TOLERANCE)
    else:
        np.testing.assert_allclose(given["features"][row], expected["features"], atol=TOLERANCE)


@pytest.mark.parametrize("name", SIGNATURES)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "animated GIF", "WEBP"])
def test_photos_of_each_kind(exported: Any, name: str, kind: str) -> None:
    given = answer(exported, name, [photo(kind)])

    check_row(given, 0, by_pixels(exported, photo(kind)))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "L"), ("GIF", "L"), ("WEBP", "RGBA")]
    + [("PNG", mode) for mode in ("L", "LA", "P", "RGBA", "1")],
)
def test_photos_of_each_colour_mode(exported: Any, kind: str, mode: str) -> None:
    content = photo(kind, mode=mode)

    check_row(answer(exported, "predict_scores", [content]), 0, by_pixels(exported, content))


@pytest.mark.parametrize("name", SIGNATURES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_photos_of_any_size(exported: Any, name: str, size: tuple[int, int]) -> None:
    content = photo("PNG", *size)

    check_row(answer(exported, name, [content]), 0, by_pixels(exported, content))


@pytest.mark.parametrize("name", SIGNATURES)
@pytest.mark.parametrize("count", [0, 1, 2, 33])
def test_any_number_of_photos(exported: Any, name: str, count: int) -> None:
    photos = [photo("JPEG", 40 + place, 70) for place in range(count)]

    given = answer(exported, name, photos)

    assert {len(values) for values in given.values()} == {count}
    one = answer(exported, name, [b"<html>"])
    assert {output: (values.shape[1:], values.dtype) for output, values in given.items()} == {
        output: (values.shape[1:], values.dtype) for output, values in one.items()
    }
    for row in range(0, count, 8):
        check_row(given, row, by_pixels(exported, photos[row]))


@pytest.mark.parametrize("name", SIGNATURES)
@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("reason", BAD)
def test_one_bad_photo_among_good_ones(exported: Any, name: str, place: int, reason: str) -> None:
    photos = [photo(kind) for kind in ("JPEG", "PNG", "GIF", "WEBP")]
    batch = [*photos[:place], BAD[reason], *photos[place:]]

    given = answer(exported, name, batch)

    assert given["error"].tolist() == [
        reason.encode() if row == place else b"" for row in range(len(batch))
    ]
    for output, values in given.items():
        if output != "error":
            assert (values[place] == NOTHING[output]).all()
    for row, content in enumerate(batch):
        if row != place:
            check_row(given, row, by_pixels(exported, content))


def test_the_evaluators_doors_answer_for_no_photo(exported: Any) -> None:
    none = {"image": tf.constant([], tf.string)}

    for name, more in {"serve_topk": {}, "evaluate": {"label": tf.constant([], tf.int64)}}.items():
        outputs = exported.signatures[name](**none, **more)
        assert {len(values) for values in outputs.values()} == {0}
