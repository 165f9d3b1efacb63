"""A SavedModel converted for the phone, and proven.

What is converted is the `serve_pixels` signature with its batch fixed to one photo: float32
[1, S, S, 3] of 0..255 in, softmax probabilities float32 [1, N] out, built-in operators only, so
that the apps' plain runtime can load it.

A conversion can lose all weights and say nothing; the file is then small and answers NaN. So the
size is checked, and the answers are held against the SavedModel's.

    content = convert("model/Format-Serving", "float16")
"""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError

from schemas.errors import FieldmarkError
from serving.saved_model import load_manifest
from serving.tflite_classifier import TFLiteClassifier
from serving.variants import BYTES_PER_WEIGHT, VARIANTS, Variant

__all__ = ["MAX_SCORE_ERROR", "TFLiteClassifier", "check_weights", "convert"]

MAX_SCORE_ERROR = {"float32": 1e-3, "float16": 0.25, "dynamic_range_int8": 1.0}
"""Largest difference in a score on random pixels. It finds broken files, not lost accuracy: on
pixels unlike any photo a sound int8 model may answer anything (so 1.0: no bound), and what it does
on photos is the MobileValidator's task."""

_MAX_SUM_ERROR = 1e-2
_MIN_WEIGHT_SHARE = 0.5
"""Share of the kernels' bytes that a whole file has at least; a weightless one has next to none."""


def convert(saved_model_dir: str | PathLike[str], variant: Variant) -> bytes:
    """Returns the content of a `.tflite` file.

    Args:
        saved_model_dir: an export of `serving.saved_model`.
        variant: one of `serving.variants.VARIANTS`.

    Raises:
        DataError: if the directory is no export of ours.
        FieldmarkError: if the model needs operators that phones lack, or the result is weightless
            or answers otherwise than the SavedModel.
    """
    if variant not in VARIANTS:
        raise FieldmarkError(
            f"Unknown variant. Allowed: {', '.join(VARIANTS)}. Received: {variant!r}."
        )
    size = load_manifest(saved_model_dir)["image_size_px"]
    exported = tf.saved_model.load(str(saved_model_dir))
    serve_pixels = exported.signatures["serve_pixels"]
    content = _convert(exported, serve_pixels, size, variant)
    check_weights(content, _num_weights(exported), variant)
    _check_answers(content, serve_pixels, size, variant)
    return content


def check_weights(content: bytes, num_weights: int, variant: Variant) -> None:
    """Raises:
    FieldmarkError: if a file is too small to hold the weights.

    Args:
        content: the `.tflite` file.
        num_weights: elements of all kernels, that is of the variables with two dimensions or more;
            those with fewer may be folded away.
        variant: how they are stored.
    """
    expected = int(num_weights * BYTES_PER_WEIGHT[variant] * _MIN_WEIGHT_SHARE)
    if len(content) < expected:
        raise FieldmarkError(
            f"The {variant} conversion has lost its weights. Expected at least {expected:,} bytes "
            f"for {num_weights:,} weights. Received: {len(content):,}. Export the model with "
            "serving.saved_model.export_saved_model, which keeps its variables reachable."
        )


def _convert(exported: Any, serve_pixels: Any, size: int, variant: Variant) -> bytes:
    photo = tf.TensorSpec([1, size, size, 3], tf.float32, name="pixels")

    @tf.function(input_signature=[photo])
    def one_photo(pixels: tf.Tensor) -> tf.Tensor:
        return serve_pixels(pixels=pixels)["scores"]

    # `exported` owns the variables; without it the converter would not find them.
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [one_photo.get_concrete_function()], exported
    )
    if variant != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    try:
        return bytes(converter.convert())
    except ConverterError as error:
        raise FieldmarkError(
            f"The model cannot be converted to {variant} TFLite with built-in operators alone: "
            f"{str(error).strip().splitlines()[0]} Use layers that TFLite knows."
        ) from error


def _num_weights(exported: Any) -> int:
    variables = exported.signatures["serve_pixels"].variables
    return sum(int(np.prod(v.shape)) for v in variables if len(v.shape) >= 2)


def _check_answers(content: bytes, serve_pixels: Any, size: int, variant: Variant) -> None:
    pixels = _random_photos(size)
    expected = serve_pixels(pixels=tf.constant(pixels))["scores"].numpy()
    scores = TFLiteClassifier(content, name=f"the {variant} conversion").scores(pixels)
    error = np.abs(scores - expected).max()
    sum_error = np.abs(scores.sum(axis=1) - 1).max()
    if not (error <= MAX_SCORE_ERROR[variant] and sum_error <= _MAX_SUM_ERROR):  # NaN fails, too
        raise FieldmarkError(
            f"The {variant} conversion answers otherwise than the SavedModel. Allowed: a "
            f"difference of {MAX_SCORE_ERROR[variant]:g} in a score and of "
            f"{_MAX_SUM_ERROR:g} from 1 in their sum. Received: {error:.3g} and {sum_error:.3g} on "
            "random pixels. Leave the variant out, or end the model with softmax if it does not."
        )


def _random_photos(size: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype(np.float32)
