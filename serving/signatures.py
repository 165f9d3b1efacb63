"""The doors of an exported model: what a SavedModel answers, and to what.

| signature         | takes                         | gives                                      |
|-------------------|-------------------------------|--------------------------------------------|
| `serving_default` | `image` string [B]            | `scores` float32 [B, N]                    |
| `serve_pixels`    | `pixels` float32 [B, S, S, 3] | `scores` float32 [B, N]                    |
| `serve_topk`      | `image` string [B]            | `classes` int64 [B, k], `scores` float32   |
|                   |                               | [B, k], `taxon_ids` int64 [B, k]           |
| `evaluate`        | `image` string [B], `label`   | `topk_classes` int64 [B, e], `topk_scores` |
|                   | int64 [B]                     | float32 [B, e], `label_rank` int64 [B],    |
|                   |                               | `label_score` float32 [B]; of a calibrated |
|                   |                               | model `calibrated_label_score` and         |
|                   |                               | `calibrated_top_score` float32 [B]         |

`image` is the bytes of an upright photo (see `serving.preprocess`), `pixels` RGB 0..255, k is 10
and e is 15, or N if that is less. `evaluate` is for TFMA, which feeds it the features of the same
names: at 80,000 leaves a dense row of scores a photo must not leave the model. All scores but the
calibrated ones are those of the network as it is (see `serving.temperature`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from serving.preprocess import prepare_batch
from serving.rollup import DEFAULT

TOP_K = 10
"""Answers that `serve_topk` gives for a photo, if there are as many leaves."""

EVALUATE_TOP_K = DEFAULT.max_leaves
"""Answers that `evaluate` gives: as many as the common ancestor is taken over."""

SIGNATURES = ("serving_default", "serve_pixels", "serve_topk", "evaluate")

Tensors = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Signature:
    """One door: its function and the tensors that it takes, in the order of its arguments."""

    function: Callable[..., Tensors]
    takes: tuple[tf.TensorSpec, ...]


def label_rank(scores: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Returns int64 [B]: the place of each label among the scores, 1 being the best.

    Leaves of a higher score stand before the label's, and of those with the same score the ones
    of a lower class, which is the order of `tf.math.top_k`. A score that is not a number counts as
    higher, so that a broken model ranks last, not first.

    Args:
        scores: float32 [B, N].
        label: int64 [B], 0..N-1.
    """
    own = tf.gather(scores, label[:, None], batch_dims=1)
    higher = tf.logical_not(scores <= own)
    classes = tf.range(tf.shape(scores)[1], dtype=tf.int64)[None, :]
    tied_before = (scores == own) & (classes < label[:, None])
    return 1 + tf.reduce_sum(tf.cast(higher | tied_before, tf.int64), axis=1)


def make_signatures(
    score: Callable[[tf.Tensor], tf.Tensor],
    *,
    image_size_px: int,
    leaf_taxon_ids: npt.NDArray[np.int64],
    temperature: float | None = None,
) -> Mapping[str, Signature]:
    """Returns the signatures of a model, by name.

    Args:
        score: the network, float32 [B, S, S, 3] -> float32 [B, N].
        image_size_px: S.
        leaf_taxon_ids: int64 [N], taxon id of each leaf class.
        temperature: of a calibrated model.
    """
    num_leaves = len(leaf_taxon_ids)
    k = min(TOP_K, num_leaves)
    images = tf.TensorSpec([None], tf.string, name="image")
    labels = tf.TensorSpec([None], tf.int64, name="label")
    squares = tf.TensorSpec([None, image_size_px, image_size_px, 3], tf.float32, name="pixels")

    def score_images(image: tf.Tensor) -> tf.Tensor:
        return score(prepare_batch(image, image_size_px))

    def serving_default(image: tf.Tensor) -> Tensors:
        return {"scores": score_images(image)}

    def serve_pixels(pixels: tf.Tensor) -> Tensors:
        return {"scores": score(pixels)}

    def serve_topk(image: tf.Tensor) -> Tensors:
        scores, classes = tf.math.top_k(score_images(image), k, index_type=tf.int64)
        taxon_ids = tf.gather(tf.constant(leaf_taxon_ids, tf.int64), classes)
        return {"classes": classes, "scores": scores, "taxon_ids": taxon_ids}

    def evaluate(image: tf.Tensor, label: tf.Tensor) -> Tensors:
        _check_labels(label, num_leaves)
        scores = score_images(image)
        top = min(EVALUATE_TOP_K, num_leaves)
        top_scores, top_classes = tf.math.top_k(scores, top, index_type=tf.int64)
        return {
            "topk_classes": top_classes,
            "topk_scores": top_scores,
            "label_rank": label_rank(scores, label),
            "label_score": tf.gather(scores, label, batch_dims=1),
            **({} if temperature is None else calibrated(scores, label, temperature)),
        }

    return {
        "serving_default": Signature(serving_default, (images,)),
        "serve_pixels": Signature(serve_pixels, (squares,)),
        "serve_topk": Signature(serve_topk, (images,)),
        "evaluate": Signature(evaluate, (images, labels)),
    }


def calibrated(scores: tf.Tensor, label: tf.Tensor, temperature: float) -> Tensors:
    """Returns float32 [B] each: the label's score and the best one's, calibrated.

    Args:
        scores: float32 [B, N].
        label: int64 [B], 0..N-1.
        temperature: of the model.
    """
    # As in `serving.temperature.apply_temperature`.
    sharpened = tf.pow(scores / tf.reduce_max(scores, axis=1, keepdims=True), 1 / temperature)
    total = tf.reduce_sum(sharpened, axis=1)
    return {
        "calibrated_label_score": tf.gather(sharpened, label, batch_dims=1) / total,
        "calibrated_top_score": 1 / total,
    }


def _check_labels(label: tf.Tensor, num_leaves: int) -> Any:
    """A gather out of range fails on a CPU, but gives 0 on a GPU."""
    message = f"label must be 0..{num_leaves - 1}, a leaf class of this model's taxonomy."
    tf.debugging.assert_greater_equal(label, tf.constant(0, tf.int64), message=message)
    tf.debugging.assert_less(label, tf.constant(num_leaves, tf.int64), message=message)
