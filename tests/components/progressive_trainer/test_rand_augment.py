from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps

from components.progressive_trainer.rand_augment import OPERATIONS, rand_augment

DRAWS_PLUS = tf.constant([0.9, 0.5])


def photo(size: tuple[int, int] = (40, 56)) -> np.ndarray:
    """Smooth, with some noise: what resampling and histograms can be compared on."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[: size[0], : size[1]]
    base = np.stack([x * 3.0 + 20, y * 4.0 + 30, (x + y) * 1.5 + 10], axis=-1)
    return np.clip(np.round(base + rng.normal(0, 6, base.shape)), 0, 255).astype(np.float32)


def apply(name: str, strength: float, draws: tf.Tensor = DRAWS_PLUS) -> np.ndarray:
    changed = OPERATIONS[name](tf.constant(photo()), tf.constant(strength), draws)
    return np.clip(changed.numpy(), 0, 255)


def pillow() -> Image.Image:
    return Image.fromarray(photo().astype(np.uint8))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Invert", ImageOps.invert),
        ("AutoContrast", ImageOps.autocontrast),
        ("Posterize", lambda image: ImageOps.posterize(image, 4)),
        ("Solarize", lambda image: ImageOps.solarize(image, 128)),
        ("Color", lambda image: ImageEnhance.Color(image).enhance(1.45)),
        ("Contrast", lambda image: ImageEnhance.Contrast(image).enhance(1.45)),
        ("Brightness", lambda image: ImageEnhance.Brightness(image).enhance(1.45)),
        ("Sharpness", lambda image: ImageEnhance.Sharpness(image).enhance(1.45)),
        ("Rotate", lambda image: image.rotate(15, Image.Resampling.BILINEAR)),
    ],
)
def test_operation_is_pillows(name: str, expected: object) -> None:
    strength = 1.0 if name == "Posterize" else 0.5
    wanted = np.asarray(expected(pillow()), np.float32)  # type: ignore[operator]
    difference = np.abs(apply(name, strength) - wanted)
    # Corners come in from outside: grey here, black there.
    assert np.median(difference) <= 1.0
    assert np.mean(difference[10:-10, 14:-14]) <= 1.5


def test_equalize_spreads_the_histogram_over_the_range() -> None:
    equalized = apply("Equalize", 1.0)
    for channel in range(3):
        levels = np.sort(equalized[..., channel].ravel())
        assert levels[0] == 0
        assert levels[-1] == 255
        assert abs(np.median(levels) - 127.5) < 8


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_constant_photo_stays_finite_and_in_range(name: str) -> None:
    flat = tf.fill([12, 10, 3], 77.0)
    changed = OPERATIONS[name](flat, tf.constant(2.5), DRAWS_PLUS)
    assert changed.shape == (12, 10, 3)
    assert np.isfinite(changed.numpy()).all()


@pytest.mark.parametrize(
    "name", sorted(set(OPERATIONS) - {"AutoContrast", "Equalize", "Invert", "Posterize"})
)
def test_strength_zero_changes_nothing_and_more_changes_more(name: str) -> None:
    original = photo()
    np.testing.assert_allclose(apply(name, 0.0), original, atol=1e-3)
    changes = [np.abs(apply(name, strength) - original).mean() for strength in (0.3, 0.6, 1.0)]
    assert changes == sorted(changes)
    assert changes[0] > 0


def test_photo_is_a_function_of_its_seed() -> None:
    image = tf.constant(photo())
    same = [rand_augment(image, tf.constant([5, 6]), magnitude=9.0).numpy() for _ in range(2)]
    np.testing.assert_array_equal(*same)
    others = {
        rand_augment(image, tf.constant([5, seed]), magnitude=9.0).numpy().tobytes()
        for seed in range(12)
    }
    assert len(others) > 9


def test_all_operations_are_drawn_and_only_the_drawn_one_is_computed() -> None:
    image = tf.constant(photo())
    calls: list[str] = []

    def spy(name: str) -> object:
        def operation(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
            tf.py_function(lambda: calls.append(name), [], [])
            return image

        return operation

    with pytest.MonkeyPatch.context() as patch:
        for name in OPERATIONS:
            patch.setitem(OPERATIONS, name, spy(name))
        step = tf.function(lambda seed: rand_augment(image, seed, magnitude=9.0))
        for seed in range(120):
            step(tf.constant([1, seed]))
    assert len(calls) == 240
    assert set(calls) == set(OPERATIONS)


def test_magnitude_zero_is_the_photo_itself() -> None:
    image = tf.constant(photo())
    np.testing.assert_array_equal(rand_augment(image, tf.constant([1, 2]), magnitude=0.0), image)
