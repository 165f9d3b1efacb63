from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tiny_world import SIZE_PX

from schemas.errors import DataError, FieldmarkError
from schemas.taxonomy import Taxonomy
from serving.saved_model import export_saved_model
from serving.tflite import Converter, TFLiteClassifier, check_weights, convert
from serving.tflite_flatbuffer import ALIGNMENT_BYTES, read_model, write_model
from serving.variants import VARIANTS

LOW_RANK = "fact2_dynamic_range_int8"

MOBILENET_PX = 96
TOLERANCE = {"float32": 2e-5, "float16": 0.02, "dynamic_range_int8": 0.15, "full_int8": 0.3}
"""Largest difference of a score. Measured: 3e-6, 0.005, 0.05 and ...; a trained network is
steadier."""


@pytest.fixture(scope="module")
def mobilenet_dir(taxonomy: Taxonomy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(3)
    shape = (MOBILENET_PX, MOBILENET_PX, 3)
    backbone = keras.applications.MobileNet(
        alpha=0.25, weights=None, include_top=False, input_shape=shape
    )
    _settle_batch_norm(backbone)
    pixels = keras.Input(shape)
    x = backbone(keras.layers.Rescaling(1 / 127.5, -1)(pixels))
    x = keras.layers.GlobalAveragePooling2D()(x)
    # Wide, so that the scores differ from one another although nothing is trained.
    spread = keras.initializers.RandomNormal(0, 0.05)
    x = keras.layers.Dense(5, activation="softmax", kernel_initializer=spread)(x)
    directory = tmp_path_factory.mktemp("mobilenet") / "model"
    export_saved_model(
        keras.Model(pixels, x),
        taxonomy,
        image_size_px=MOBILENET_PX,
        directory=directory,
        manifest={},
    )
    return directory


def _settle_batch_norm(backbone: keras.Model) -> None:
    """Gives an untrained network the statistics of photos; else its signal fades to nothing."""
    layers = [
        layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer in layers:
        layer.momentum = 0.0
    backbone(photos(16) / 127.5 - 1, training=True)


def photos(count: int) -> np.ndarray:
    """float32 [count, S, S, 3], 0..255: noise on grounds of different colours."""
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 30, (count, MOBILENET_PX, MOBILENET_PX, 3))
    return np.clip(rng.uniform(0, 255, (count, 1, 1, 3)) + noise, 0, 255).astype(np.float32)


@pytest.fixture(scope="module")
def mobilenet_files(mobilenet_dir: Path) -> dict[str, bytes]:
    converter = Converter(mobilenet_dir, representative=photos(24))
    return {variant: converter.convert(variant) for variant in [*VARIANTS, LOW_RANK]}


@pytest.mark.parametrize("variant", VARIANTS)
def test_mobilenet_answers_as_its_saved_model(
    mobilenet_dir: Path, mobilenet_files: dict[str, bytes], variant: str
) -> None:
    pixels = photos(12)
    exported = tf.saved_model.load(str(mobilenet_dir))
    expected = exported.signatures["serve_pixels"](pixels=tf.constant(pixels))["scores"].numpy()

    scores = TFLiteClassifier(mobilenet_files[variant], num_threads=2).scores(pixels)

    assert len(set(expected.argmax(axis=1))) > 2  # the answers differ
    np.testing.assert_allclose(scores, expected, atol=TOLERANCE[variant])
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-3)


def test_variants_are_as_small_as_they_promise(mobilenet_files: dict[str, bytes]) -> None:
    sizes = {variant: len(content) for variant, content in mobilenet_files.items()}

    assert 0.45 < sizes["float16"] / sizes["float32"] < 0.6
    assert 0.22 < sizes["dynamic_range_int8"] / sizes["float32"] < 0.4
    assert 0.22 < sizes["full_int8"] / sizes["float32"] < 0.5


@pytest.mark.parametrize("variant", [*VARIANTS, LOW_RANK])
def test_contract_of_the_apps(mobilenet_files: dict[str, bytes], variant: str) -> None:
    interpreter = Interpreter(model_content=mobilenet_files[variant])
    (takes,), (gives,) = interpreter.get_input_details(), interpreter.get_output_details()

    assert takes["shape_signature"].tolist() == [1, MOBILENET_PX, MOBILENET_PX, 3]
    assert gives["shape_signature"].tolist() == [1, 5]
    assert takes["dtype"] == gives["dtype"] == np.float32
    operators = {operator["op_name"] for operator in interpreter._get_ops_details()}
    assert not [name for name in operators if name.startswith(("Flex", "CUSTOM"))]


def test_full_int8_keeps_small_scores(mobilenet_files: dict[str, bytes]) -> None:
    """An integer softmax would give multiples of 1/256."""
    scores = TFLiteClassifier(mobilenet_files["full_int8"]).scores(photos(4))

    assert np.abs(256 * scores - np.rint(256 * scores)).max() > 0.01
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)


def test_full_int8_computes_in_integers(mobilenet_files: dict[str, bytes]) -> None:
    graph = read_model(mobilenet_files["full_int8"]).subgraphs[0]
    last = {int(index) for operator in graph.operators[-2:] for index in operator.outputs}
    floats = [
        index
        for index, tensor in enumerate(graph.tensors)
        if tensor.type == 0 and index not in graph.inputs and index not in last
    ]

    assert floats == []


def test_rewriting_a_file_keeps_answers_and_alignment(mobilenet_files: dict[str, bytes]) -> None:
    written = write_model(read_model(mobilenet_files["float32"]))

    np.testing.assert_array_equal(
        TFLiteClassifier(written).scores(photos(2)),
        TFLiteClassifier(mobilenet_files["float32"]).scores(photos(2)),
    )
    weights = [buffer.data for buffer in read_model(written).buffers if buffer.data is not None]
    start = np.frombuffer(weights[0].base, np.uint8).ctypes.data
    assert all((w.ctypes.data - start) % ALIGNMENT_BYTES == 0 for w in weights if len(w) > 16)


def test_layers_of_training_are_out_of_the_way(saved_model: Path) -> None:
    """The small model flips and drops out in training; converted, it always answers the same."""
    classifier = TFLiteClassifier(convert(saved_model, "float32"))
    pixels = np.random.default_rng(0).uniform(0, 255, (1, SIZE_PX, SIZE_PX, 3)).astype(np.float32)

    np.testing.assert_array_equal(classifier.scores(pixels), classifier.scores(pixels))


def test_conversion_is_deterministic(saved_model: Path) -> None:
    assert convert(saved_model, "float16") == convert(saved_model, "float16")


def test_weightless_file_is_refused() -> None:
    check_weights(b"x" * 50, 100, "dynamic_range_int8")
    with pytest.raises(
        FieldmarkError,
        match=r"The float32 conversion has lost its weights\. Expected at least 200 bytes for 100 "
        r"weights\. Received: 50\.",
    ):
        check_weights(b"x" * 50, 100, "float32")


def test_operators_that_phones_lack_are_refused(taxonomy: Taxonomy, tmp_path: Path) -> None:
    pixels = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(pixels)
    x = keras.layers.Dense(5)(x)
    x = keras.layers.Softmax()(_Erfinv()(x))
    export_saved_model(
        keras.Model(pixels, x), taxonomy, image_size_px=8, directory=tmp_path / "m", manifest={}
    )

    with pytest.raises(FieldmarkError, match="cannot be converted to float32 TFLite with built-in"):
        convert(tmp_path / "m", "float32")


def test_model_without_softmax_is_refused(taxonomy: Taxonomy, tmp_path: Path) -> None:
    pixels = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(pixels)
    logits = keras.Model(pixels, keras.layers.Dense(5)(x))
    export_saved_model(
        logits, taxonomy, image_size_px=8, directory=tmp_path / "logits", manifest={}
    )

    with pytest.raises(FieldmarkError, match="end the model with softmax"):
        convert(tmp_path / "logits", "float32")


def test_unknown_variant(saved_model: Path) -> None:
    with pytest.raises(
        FieldmarkError,
        match=r"Unknown variant: a variant is float32, float16, .*, or fact<rank>_ .*, not int4",
    ):
        convert(saved_model, "int4")


def test_runner_refuses_what_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    with pytest.raises(DataError, match=r"model\.tflite: cannot be read: No such file"):
        TFLiteClassifier(path)
    path.write_bytes(b"not a model")
    with pytest.raises(DataError, match=r"model\.tflite: is not a TFLite model that runs here"):
        TFLiteClassifier(path)


def test_runner_refuses_another_shape(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((7,)), keras.layers.Dense(3)])
    content = tf.lite.TFLiteConverter.from_keras_model(model).convert()

    with pytest.raises(
        DataError, match=r"must take float32 \[1, S, S, 3\] .* Received: float32 \[1, 7\]"
    ):
        TFLiteClassifier(content)


@keras.saving.register_keras_serializable("tests")
class _Erfinv(keras.layers.Layer):
    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.math.erfinv(tf.sin(inputs) / 2)


def test_runner_reports_its_shape(saved_model: Path) -> None:
    classifier = TFLiteClassifier(convert(saved_model, "float32"))

    assert (classifier.image_size_px, classifier.num_leaves) == (SIZE_PX, 5)
    assert classifier.scores(np.zeros((0, SIZE_PX, SIZE_PX, 3), np.float32)).shape == (0, 5)
