"""A SavedModel converted for the phone, and proven.

What is converted is the `serve_pixels` signature with its batch fixed to one photo: float32
[1, S, S, 3] of 0..255 in, softmax probabilities float32 [1, N] out, built-in operators only, so
that the apps' plain runtime can load it.

A conversion can lose all weights and say nothing; the file is then small and answers NaN. So the
size is checked, and the answers are held against the SavedModel's.

    converter = Converter("model/Format-Serving", representative=photos)
    content = converter.convert("float16")
"""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError

from schemas.errors import ConfigError, FieldmarkError
from serving.float_softmax import with_float_softmax
from serving.low_rank import low_rank_function
from serving.saved_model import load_manifest
from serving.tflite_classifier import TFLiteClassifier
from serving.variants import BYTES_PER_WEIGHT, Form, Weights, form_of

__all__ = ["MAX_SCORE_ERROR", "Converter", "TFLiteClassifier", "check_weights", "convert"]

MAX_SCORE_ERROR = {"float32": 1e-3, "float16": 0.25, "dynamic_range_int8": 1.0, "full_int8": 1.0}
"""Largest difference in a score on random pixels. It finds broken files, not lost accuracy: on
pixels unlike any photo a sound int8 model may answer anything (so 1.0: no bound), and what it does
on photos is the MobileValidator's task. A head of a lower rank is another model: no bound, too."""

_MAX_SUM_ERROR = 1e-2
_MIN_WEIGHT_SHARE = 0.5
"""Share of the kernels' bytes that a whole file has at least; a weightless one has next to none."""


class Converter:
    """Converts one SavedModel, again and again.

    Args:
        saved_model_dir: an export of `serving.saved_model`.
        representative: float32 [P, S, S, 3], 0..255: photos that full_int8 is quantised by.

    Raises:
        DataError: if the directory is no export of ours.
    """

    def __init__(
        self,
        saved_model_dir: str | PathLike[str],
        *,
        representative: npt.NDArray[np.float32] | None = None,
    ) -> None:
        self._size = int(load_manifest(saved_model_dir)["image_size_px"])
        self._representative = representative
        # Owns the variables; without it the converter would not find them.
        self._exported = tf.saved_model.load(str(saved_model_dir))
        self._serve_pixels = self._exported.signatures["serve_pixels"]

    def convert(self, variant: str) -> bytes:
        """Returns the content of a `.tflite` file.

        Args:
            variant: see `serving.variants`.

        Raises:
            ConfigError: if there is no such variant, or it needs what is not there.
            FieldmarkError: if the model needs operators that phones lack, or the result is
                weightless or answers otherwise than the SavedModel.
        """
        try:
            form = form_of(variant)
        except ValueError as error:
            raise ConfigError(f"Unknown variant: {error}.") from error
        function, num_weights = self._function(), self._num_weights()
        if form.head_rank is not None:
            function, saved = low_rank_function(function, rank=form.head_rank)
            num_weights -= saved
        content = self._convert(function, form.weights, variant)
        check_weights(content, num_weights, form.weights)
        self._check_answers(content, form, variant)
        return content

    def _function(self) -> Any:
        """The network for one photo."""
        photo = tf.TensorSpec([1, self._size, self._size, 3], tf.float32, name="pixels")

        @tf.function(input_signature=[photo])
        def one_photo(pixels: tf.Tensor) -> tf.Tensor:
            return self._serve_pixels(pixels=pixels)["scores"]

        return one_photo.get_concrete_function()

    def _convert(self, function: Any, weights: Weights, variant: str) -> bytes:
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function], self._exported)
        if weights != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if weights == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if weights == "full_int8":
            converter.representative_dataset = self._photos
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        try:
            content = bytes(converter.convert())
        except ConverterError as error:
            raise FieldmarkError(
                f"The model cannot be converted to {variant} TFLite with built-in operators alone: "
                f"{str(error).strip().splitlines()[0]} Use layers that TFLite knows."
            ) from error
        return with_float_softmax(content) if weights == "full_int8" else content

    def _photos(self) -> Iterator[list[npt.NDArray[np.float32]]]:
        if self._representative is None or not len(self._representative):
            raise ConfigError(
                "full_int8 is quantised by photos, and none were given. Give representative "
                "photos, or leave full_int8 out."
            )
        for photo in self._representative:
            yield [photo[None]]

    def _num_weights(self) -> int:
        variables = self._serve_pixels.variables
        return sum(int(np.prod(v.shape)) for v in variables if len(v.shape) >= 2)

    def _check_answers(self, content: bytes, form: Form, variant: str) -> None:
        pixels = _random_photos(self._size)
        expected = self._serve_pixels(pixels=tf.constant(pixels))["scores"].numpy()
        scores = TFLiteClassifier(content, name=f"the {variant} conversion").scores(pixels)
        error = np.abs(scores - expected).max()
        sum_error = np.abs(scores.sum(axis=1) - 1).max()
        allowed = 1.0 if form.head_rank is not None else MAX_SCORE_ERROR[form.weights]
        if not (error <= allowed and sum_error <= _MAX_SUM_ERROR):  # NaN fails, too
            raise FieldmarkError(
                f"The {variant} conversion answers otherwise than the SavedModel. Allowed: a "
                f"difference of {allowed:g} in a score and of {_MAX_SUM_ERROR:g} from 1 in their "
                f"sum. Received: {error:.3g} and {sum_error:.3g} on random pixels. Leave the "
                "variant out, or end the model with softmax if it does not."
            )


def convert(
    saved_model_dir: str | PathLike[str],
    variant: str,
    *,
    representative: npt.NDArray[np.float32] | None = None,
) -> bytes:
    """Returns the content of one `.tflite` file: see `Converter`."""
    return Converter(saved_model_dir, representative=representative).convert(variant)


def check_weights(content: bytes, num_weights: int, weights: Weights) -> None:
    """Raises:
    FieldmarkError: if a file is too small to hold the weights.

    Args:
        content: the `.tflite` file.
        num_weights: elements of all kernels, that is of the variables with two dimensions or more;
            those with fewer may be folded away.
        weights: how they are stored.
    """
    expected = int(num_weights * BYTES_PER_WEIGHT[weights] * _MIN_WEIGHT_SHARE)
    if len(content) < expected:
        raise FieldmarkError(
            f"The {weights} conversion has lost its weights. Expected at least {expected:,} bytes "
            f"for {num_weights:,} weights. Received: {len(content):,}. Export the model with "
            "serving.saved_model.export_saved_model, which keeps its variables reachable."
        )


def _random_photos(size: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype(np.float32)
