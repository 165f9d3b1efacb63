from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tiny_world import paint, pixels_of, small_model, tiny_export

from schemas.errors import ConfigError
from schemas.taxonomy import Taxonomy
from serving.low_rank import factors
from serving.tflite import TFLiteClassifier, convert
from serving.variants import Form, form_of, model_file, variant_of_file


@given(
    kernel=arrays(np.float32, (5, 7), elements=st.floats(-3, 3, width=32)),
    rank=st.integers(1, 5),
)
def test_factors_are_the_nearest_of_their_rank(kernel: np.ndarray, rank: int) -> None:
    down, up = factors(kernel, rank)

    left, sizes, right = np.linalg.svd(kernel.astype(np.float64), full_matrices=False)
    nearest = (left[:, :rank] * sizes[:rank]) @ right[:rank]
    assert (down.shape, up.shape) == ((5, rank), (rank, 7))
    error = np.linalg.norm(kernel - down.astype(np.float64) @ up)
    assert error == pytest.approx(np.linalg.norm(kernel - nearest), abs=1e-4)


def test_a_head_of_that_rank_loses_nothing(taxonomy: Taxonomy, tmp_path: Path) -> None:
    model = small_model()
    weights = model.get_weights()
    down, up = factors(weights[-2], 2)
    weights[-2] = down @ up
    model.set_weights(weights)
    export = tiny_export(model, taxonomy, tmp_path / "model")
    pixels = np.stack([pixels_of(paint(50, 40, seed=seed)) for seed in range(4)])

    scores = TFLiteClassifier(convert(export, "fact2_float32")).scores(pixels)

    np.testing.assert_allclose(scores, model(pixels, training=False), atol=2e-4)


def test_a_rank_that_saves_nothing_is_refused(saved_model: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"16 features and 5 leaves saves nothing at rank 4\. All"
    ):
        convert(saved_model, "fact4_float16")


def test_a_low_rank_head_is_not_lowered_again(taxonomy: Taxonomy, tmp_path: Path) -> None:
    pixels = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(16, 3, activation="relu")(pixels))
    x = keras.layers.Dense(4, use_bias=False)(x)
    model = keras.Model(pixels, keras.layers.Dense(5, activation="softmax")(x))
    export = tiny_export(model, taxonomy, tmp_path / "model")

    with pytest.raises(ConfigError, match="is of a low rank already"):
        convert(export, "fact2_float16")


def test_names_of_variants() -> None:
    assert form_of("fact256_dynamic_range_int8") == Form("dynamic_range_int8", 256)
    assert form_of("full_int8") == Form("full_int8")
    assert variant_of_file(model_file("fact256_float16")) == "fact256_float16"
    assert variant_of_file("model_int4.tflite") is None
    assert variant_of_file("labels.txt") is None
    for name in ("fact0_float16", "fact256_full_int8", "fact256", "int4"):
        with pytest.raises(ValueError, match=f"not {name}"):
            form_of(name)
