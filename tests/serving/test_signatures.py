from __future__ import annotations

import numpy as np
import tensorflow as tf

from serving.signatures import label_rank, make_signatures


def ranks(scores: list[list[float]], labels: list[int]) -> list[int]:
    return (
        label_rank(tf.constant(scores, tf.float32), tf.constant(labels, tf.int64)).numpy().tolist()
    )


def test_rank_counts_from_one() -> None:
    scores = [[0.5, 0.2, 0.3]] * 3

    assert ranks(scores, [0, 2, 1]) == [1, 2, 3]


def test_ties_rank_in_the_order_of_top_k() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, (200, 9)).astype(np.float32)
    labels = rng.integers(0, 9, 200)

    order = tf.math.top_k(scores, 9).indices.numpy()

    expected = 1 + np.argmax(order == labels[:, None], axis=1)
    assert ranks(scores.tolist(), labels.tolist()) == expected.tolist()


def test_scores_that_are_no_numbers_rank_last() -> None:
    nan = float("nan")

    assert ranks([[nan, nan, nan], [nan, 0.9, 0.1]], [0, 1]) == [4, 2]


def test_inputs_have_only_a_batch_dimension_for_tfma() -> None:
    """TFMA reshapes a [B, 1] feature to [B] by the spec, and refuses unknown inner dimensions."""
    signatures = make_signatures(
        lambda pixels: (pixels[:, 0, 0, :], pixels[:, 0, 0, :]),
        image_size_px=4,
        leaf_taxon_ids=np.array([7, 8, 9]),
    )

    takes = {spec.name: spec for spec in signatures["evaluate"].takes}

    assert takes["image"] == tf.TensorSpec([None], tf.string, name="image")
    assert takes["label"] == tf.TensorSpec([None], tf.int64, name="label")
