"""Models of others, float and quantised, asked what they say of one-coloured photos."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "pipeline" / "evaluate"))

from colour_world import SIZE_PX, ColourModel, convert

from schemas.errors import ConfigError, DataError
from serving.any_tflite import AnyTFLite
from serving.tflite_classifier import TFLiteClassifier

MODEL = ColourModel.drawn(5)
COLOURS = np.array([[0, 0, 0], [255, 255, 255], [200, 30, 90], [17, 120, 240]])


def squares(colours: np.ndarray) -> np.ndarray:
    shape = (len(colours), SIZE_PX, SIZE_PX, 3)
    return np.broadcast_to(colours[:, None, None], shape).astype(np.float32)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tflite")


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("input_range", [None, "-1..1"])
def test_quantised_tensors_are_real_numbers_outside(
    made: Path, dtype: type, input_range: str | None
) -> None:
    path = made / f"{dtype.__name__}.tflite"
    if not path.is_file():
        convert(MODEL, path, ends=(-1, 1), quantised=dtype)

    model = AnyTFLite(path, num_labels=5, input_range=input_range)
    scores = model.scores(squares(COLOURS))

    assert model.output_step == 1 / 256
    # Weights and activations are rounded too; logits of 8 bits over some 20 units.
    np.testing.assert_allclose(scores, MODEL.scores(COLOURS), atol=0.05)
    assert (scores.argmax(axis=1) == MODEL.scores(COLOURS).argmax(axis=1)).all()


def test_range_that_a_quantised_input_cannot_hold_is_refused(made: Path) -> None:
    path = convert(MODEL, made / "narrow.tflite", ends=(-1, 1), quantised=np.int8)

    with pytest.raises(ConfigError) as error:
        AnyTFLite(path, num_labels=5, input_range="0..255")

    with pytest.raises(DataError, match=r"must take float32 .* Received: int8 \[1, "):
        TFLiteClassifier(path)  # the apps give float32, and would overrun its buffer
    assert "--input-range 0..255 does not fit" in str(error.value)
    assert "its int8 input holds -0.9961 to 1.004. Leave --input-range out" in str(error.value)


def test_photos_that_it_cannot_take_and_outputs_that_do_not_fit_are_told(made: Path) -> None:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([2, 8, 6, 3], tf.float32)])
    def wide(photo: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(photo, [1, 2])

    converter = tf.lite.TFLiteConverter.from_concrete_functions([wide.get_concrete_function()])
    (made / "wide.tflite").write_bytes(converter.convert())
    with pytest.raises(DataError, match=r"must take one photo: .* Received: float32 \[2, 8, 6, 3]"):
        AnyTFLite(made / "wide.tflite", num_labels=3)
    convert(MODEL, made / "five.tflite")
    with pytest.raises(DataError) as error:
        AnyTFLite(made / "five.tflite", num_labels=4)
    assert "has 5 outputs, and the label file 4 labels." in str(error.value)
    assert "A model with a class for the background has one more" in str(error.value)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        AnyTFLite(made / "gone.tflite", num_labels=4)
