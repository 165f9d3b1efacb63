from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tiny_training import write_records

from components.progressive_trainer.leaf_weights import counts_of_leaves, leaf_weights, weigh
from components.progressive_trainer.mixing import Mixed
from components.progressive_trainer.photo_stream import count_labels, count_photos
from components.progressive_trainer.steps import mixed_crossentropy
from schemas.errors import FieldmarkError

COUNTS = st.lists(st.integers(0, 5000), min_size=1, max_size=50).filter(any)


@given(counts=COUNTS, power=st.floats(0, 1))
def test_mean_weight_over_the_training_photos_is_one(counts: list[int], power: float) -> None:
    photos = np.array(counts)

    weights = leaf_weights(photos, power=power)

    assert (photos * weights).sum() / photos.sum() == pytest.approx(1, rel=1e-5)


@given(counts=COUNTS)
def test_full_power_gives_all_leaves_with_photos_the_same_share(counts: list[int]) -> None:
    photos = np.array(counts)

    shares = (photos * leaf_weights(photos, power=1.0))[photos > 0]

    assert shares == pytest.approx(photos.sum() / (photos > 0).sum(), rel=1e-5)


def test_power_of_none_leaves_all_photos_alike() -> None:
    assert leaf_weights(np.array([900, 9, 1]), power=0.0).tolist() == [1, 1, 1]


def test_half_the_power_goes_by_the_root_of_the_count() -> None:
    common, rare = leaf_weights(np.array([900, 9]), power=0.5)

    assert rare / common == pytest.approx(10)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_each_label_of_a_mixed_photo_counts_by_its_own_leaf(smoothing: float) -> None:
    logits = tf.constant(np.random.default_rng(0).normal(0, 3, (4, 3)), tf.float32)
    weights = tf.constant([0.5, 2.0, 8.0])
    a, b = tf.constant([0, 1, 2, 0], tf.int64), tf.constant([1, 0, 0, 2], tf.int64)
    share = tf.constant([1.0, 0.5, 0.25, 0.0])
    mixed = Mixed(tf.zeros([4, 2, 2, 3]), a, b, share)

    weighted, weight = weigh(mixed, weights)
    losses = weight * mixed_crossentropy(weighted, logits, smoothing)

    own = mixed_crossentropy(mixed._replace(share=tf.ones(4)), logits, smoothing)
    other = mixed_crossentropy(mixed._replace(share=tf.zeros(4)), logits, smoothing)
    expected = share * tf.gather(weights, a) * own + (1 - share) * tf.gather(weights, b) * other
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_unmixed_photo_counts_by_its_leaf() -> None:
    labels = tf.constant([2, 0], tf.int64)
    plain = Mixed(tf.zeros([2, 2, 2, 3]), labels, labels, tf.ones(2))

    weighted, weight = weigh(plain, tf.constant([0.5, 2.0, 8.0]))

    assert weight.numpy().tolist() == [8.0, 0.5]
    assert weighted.share.numpy().tolist() == [1.0, 1.0]
    assert weighted.partner_labels is weighted.labels


def test_labels_are_counted_in_one_pass(tmp_path: Path) -> None:
    files = write_records(tmp_path, [4, 0, 0, 2, 4, 4, 0], files=2)

    counts = count_labels(files)

    assert counts.tolist() == [3, 0, 1, 0, 3]
    assert counts.sum() == count_photos(files)
    assert counts_of_leaves(counts, num_leaves=7).tolist() == [3, 0, 1, 0, 3, 0, 0]


def test_no_record_is_no_label(tmp_path: Path) -> None:
    assert count_labels(write_records(tmp_path, [], files=1)).tolist() == []


def test_label_beyond_the_taxonomy_is_refused() -> None:
    with pytest.raises(FieldmarkError) as caught:
        counts_of_leaves(np.array([3, 0, 1]), num_leaves=2)

    assert str(caught.value) == (
        "A training photo has the label 2, and the taxonomy has leaves 0 to 1. "
        "The records were made with another taxonomy: run Transform again."
    )
