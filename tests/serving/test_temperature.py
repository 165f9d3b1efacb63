from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from schemas.errors import ConfigError
from serving.signatures import calibrated
from serving.temperature import (
    HIGHEST_TEMPERATURE,
    LOWEST_TEMPERATURE,
    apply_temperature,
    temperature_of,
)

TEMPERATURES = st.floats(LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE)
# Neighbours, ties, zeros and the smallest float32 of all: what int8 models and 80,000 leaves give.
SCORES = st.sampled_from([0.0, 1e-45, 1e-38, 0.1, float(np.nextafter(np.float32(0.1), 1)), 0.5])


@st.composite
def rows(draw: st.DrawFn) -> np.ndarray:
    count = draw(st.integers(1, 9))
    row = draw(arrays.arrays(np.float32, count, elements=SCORES | st.floats(0, 1, width=32)))
    row[draw(st.integers(0, count - 1))] = 0.75
    return row


@given(row=rows(), temperature=TEMPERATURES)
def test_order_and_ties_stay_and_scores_sum_to_one(row: np.ndarray, temperature: float) -> None:
    scores = apply_temperature(row, temperature)

    order = np.argsort(-row, kind="stable")
    assert np.argsort(-scores, kind="stable").tolist() == order.tolist()
    assert (np.diff(scores[order]) == 0).tolist() == (np.diff(row[order]) == 0).tolist()
    assert scores.sum() == pytest.approx(1)


@given(row=rows())
def test_temperature_of_one_leaves_scores_that_sum_to_one(row: np.ndarray) -> None:
    np.testing.assert_allclose(apply_temperature(row, 1.0), row / row.astype(np.float64).sum())


@given(
    logits=arrays.arrays(np.float64, 6, elements=st.floats(-8, 8)),
    temperature=TEMPERATURES,
)
def test_it_is_the_softmax_of_logits_over_the_temperature(
    logits: np.ndarray, temperature: float
) -> None:
    def softmax(values: np.ndarray) -> np.ndarray:
        powers = np.exp(values - values.max())
        return np.asarray(powers / powers.sum())

    scores = apply_temperature(softmax(logits), temperature)

    np.testing.assert_allclose(scores, softmax(logits / temperature), atol=1e-12)


@pytest.mark.parametrize("temperature", [0.2, 0.7, 1.6, 5.0])
def test_signature_gives_what_the_function_gives(temperature: float) -> None:
    rng = np.random.default_rng(3)
    scores = rng.dirichlet(np.full(300, 0.05), 20).astype(np.float32)
    labels = rng.integers(0, 300, 20)
    labels[:10] = scores[:10].argmax(axis=1)

    given_scores = calibrated(tf.constant(scores), tf.constant(labels), temperature)

    expected = apply_temperature(scores, temperature)
    np.testing.assert_allclose(given_scores["calibrated_top_score"], expected.max(axis=1), 1e-4)
    np.testing.assert_allclose(
        given_scores["calibrated_label_score"], expected[np.arange(20), labels], 1e-4, 1e-30
    )


@pytest.mark.parametrize("temperature", [0.0, -1.0, 0.19, 6.0, float("nan")])
def test_temperature_out_of_range_is_refused(temperature: float) -> None:
    with pytest.raises(ConfigError, match=r"out of range\. Allowed: 0\.2 to 5\. Received: "):
        apply_temperature(np.array([0.4, 0.6]), temperature)


def test_model_without_a_temperature_says_what_to_do() -> None:
    assert temperature_of({"temperature": 0.75}, source="a model") == 0.75
    with pytest.raises(ConfigError) as error:
        temperature_of({"model_id": "1"}, source="pushed/1")
    assert str(error.value) == (
        "pushed/1 is not calibrated: its manifest has no temperature, because the model was "
        "trained before there was one. Train it again, or ask for its scores as they are."
    )
