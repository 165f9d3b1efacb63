"""Scores of outputs against what sorting and counting by hand give."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluate.model_answers import NEVER, AnswerReader, best_leaves
from pipeline.evaluate.outputs import OutputReader, softmax
from schemas.errors import FieldmarkError
from serving.rollup import top_leaves
from serving.signatures import label_rank

SCORES = st.integers(1, 40).flatmap(
    lambda width: st.lists(
        # Few values, so that scores tie.
        st.lists(st.sampled_from([0.0, 1e-30, 0.125, 0.3, 0.5]), min_size=width, max_size=width),
        min_size=1,
        max_size=4,
    )
)


@given(SCORES, st.integers(1, 15))
def test_best_leaves_are_those_of_a_whole_sort(scores: list[list[float]], k: int) -> None:
    values = np.array(scores, np.float32)

    assert best_leaves(values, k).tolist() == top_leaves(values, k)[0].tolist()


@given(SCORES, st.data())
def test_where_outputs_are_leaves_it_is_the_evaluate_signature(
    scores: list[list[float]], data: st.DataObject
) -> None:
    values = np.array(scores, np.float32)
    leaves = st.integers(0, values.shape[1] - 1)
    truths = np.array([data.draw(leaves) for _ in values])

    answers = AnswerReader(np.arange(values.shape[1])).answers(values, truths)

    top = tf.math.top_k(values, min(15, values.shape[1]))
    assert answers.classes.tolist() == top.indices.numpy().tolist()
    assert answers.scores.tolist() == top.values.numpy().tolist()
    ranks = label_rank(tf.constant(values), tf.constant(truths, tf.int64))
    assert answers.ranks.tolist() == ranks.numpy().tolist()
    assert answers.truth_scores.tolist() == values[np.arange(len(values)), truths].tolist()


def test_scores_of_outputs_with_one_leaf_add_and_leaves_without_never_rank() -> None:
    reader = AnswerReader(np.array([4, 2, 4]))
    scores = np.array([[0.3, 0.4, 0.3], [0.0, 1.0, 0.0], [0.25, 0.5, 0.25]], np.float32)

    answers = reader.answers(scores, np.array([4, 3, 4]))

    assert answers.classes.tolist() == [[4, 2], [2, 4], [2, 4]]
    np.testing.assert_allclose(answers.scores, [[0.6, 0.4], [1, 0], [0.5, 0.5]], atol=1e-6)
    assert answers.ranks.tolist() == [1, NEVER, 2]
    assert answers.truth_scores[1] == 0


@pytest.mark.parametrize(
    ("outputs", "step", "kind", "said"),
    [
        ([[0.2, 0.8], [0.5, 0.5]], 0.0, "scores", ""),
        ([[2.0, -1.0], [0.5, 3.0]], 0.0, "logits", "taken as logits"),
        ([[0.9, 0.8], [0.1, 0.0]], 0.0, "scores", "not to 1"),
        # Rounded to 1/256, most of a thousand became 0.
        ([[0.625] + [0.0] * 999] * 2, 1 / 256, "scores", ""),
    ],
)
def test_what_outputs_are_is_told_from_the_first(
    outputs: list[list[float]], step: float, kind: str, said: str
) -> None:
    given_ = np.array(outputs, np.float32)
    reader = OutputReader("auto", step=step)

    scores = reader.scores(given_)

    np.testing.assert_allclose(scores, softmax(given_) if kind == "logits" else given_)
    assert said in reader.note
    assert bool(reader.note) == bool(said)
    # What was decided holds for all that come later.
    later = np.array([[0.25, 0.75]], np.float32)
    expected = softmax(later) if kind == "logits" else later
    np.testing.assert_allclose(reader.scores(later), expected)


def test_outputs_that_are_no_numbers_or_no_scores_are_refused() -> None:
    with pytest.raises(FieldmarkError, match="answers 1 of 2 photos with what is no finite number"):
        OutputReader("auto", step=0).scores(np.array([[1, 0], [np.nan, 1]], np.float32))
    with pytest.raises(FieldmarkError, match=r"cannot be scores: one is -2\. Give --outputs"):
        OutputReader("scores", step=0).scores(np.array([[3, -2]], np.float32))
