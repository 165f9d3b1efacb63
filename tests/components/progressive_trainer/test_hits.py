from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from components.progressive_trainer.hits import TOP, leaf_ranks, top_hits


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Scores of few values, so that ties are common, and a leaf for each photo."""
    photos, leaves = draw(st.integers(1, 5)), draw(st.integers(1, 8))
    values = st.sampled_from([-np.inf, -1.5, 0.0, 1.0, np.inf])
    scores = draw(arrays.arrays(np.float32, (photos, leaves), elements=values))
    labels = draw(arrays.arrays(np.int64, photos, elements=st.integers(0, leaves - 1)))
    return labels, scores


@given(scored())
@settings(max_examples=60, deadline=None)
def test_rank_is_the_place_in_a_stable_sort_by_falling_score(
    given_scores: tuple[np.ndarray, np.ndarray],
) -> None:
    labels, scores = given_scores
    order = np.argsort(-scores, axis=1, kind="stable")
    places = [list(row).index(label) for row, label in zip(order, labels, strict=True)]

    assert leaf_ranks(labels, tf.constant(scores)).numpy().tolist() == places


@given(scored())
@settings(max_examples=60, deadline=None)
def test_first_hit_is_argmax_and_more_places_never_lose_one(
    given_scores: tuple[np.ndarray, np.ndarray],
) -> None:
    labels, scores = given_scores
    hits = top_hits(labels, tf.constant(scores)).numpy()

    assert (hits[:, 0] == (scores.argmax(axis=1) == labels)).all()
    assert (np.diff(hits, axis=1) >= 0).all()


@pytest.mark.parametrize(("leaves", "certain"), [(1, 3), (3, 2), (4, 1), (5, 1), (6, 0)])
def test_as_many_places_as_leaves_are_always_a_hit(leaves: int, certain: int) -> None:
    scores = tf.constant([np.arange(leaves, 0, -1)], tf.float32)
    last = tf.constant([leaves - 1], tf.int64)

    assert top_hits(last, scores).numpy().sum() == certain
    assert sum(k >= leaves for k in TOP) == certain


def test_score_that_is_no_number_is_no_hit() -> None:
    scores = tf.constant([[0.0, float("nan"), 1.0] + [0.0] * 5])

    assert top_hits(tf.constant([1], tf.int64), scores).numpy().tolist() == [[0.0, 0.0, 0.0]]
