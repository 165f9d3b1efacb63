"""The doors of an exported model: what a SavedModel answers, and to what.

For clients; a photo that cannot be decoded is told of in its row, and the others are answered:

| signature         | takes                         | gives                                      |
|-------------------|-------------------------------|--------------------------------------------|
| `serving_default` | `image` string [B]            | `classes` int64 [B, k], `scores` float32   |
|                   |                               | [B, k], `taxon_ids` int64 [B, k], `error`  |
|                   |                               | string [B]                                 |
| `predict_scores`  | `image` string [B]            | `scores` float32 [B, N], `error`           |
| `embed`           | `image` string [B]            | `features` float32 [B, C], `error`         |
| `serve_pixels`    | `pixels` float32 [B, S, S, 3] | `scores` float32 [B, N], `features`        |
|                   |                               | float32 [B, C]                             |

For the Evaluator, whose photos are whole; one that is not fails the batch:

| signature    | takes                    | gives                                                |
|--------------|--------------------------|------------------------------------------------------|
| `serve_topk` | `image` string [B]       | `classes`, `scores` and `taxon_ids` as above         |
| `evaluate`   | `image` string [B],      | `topk_classes` int64 [B, e], `topk_scores` float32   |
|              | `label` int64 [B]        | [B, e], `label_rank` int64 [B], `label_score`        |
|              |                          | float32 [B]; of a calibrated model                   |
|              |                          | `calibrated_label_score` and                         |
|              |                          | `calibrated_top_score` float32 [B]                   |

`image` is the bytes of an upright photo of any size (see `serving.preprocess`), `pixels` RGB
0..255, k is 10 and e is 15, or N if that is less; the features are those of `serving.penultimate`.
B may be 0, but for `serve_pixels`, which the phone's model is made of.
`error` is "" or what is wrong with the bytes; such a row holds class -1, taxon 0, and scores and
features of 0, so that a client that does not look at `error` has no answer rather than a wrong one.

TFMA feeds `evaluate` the features of the same names: at 80,000 leaves a dense row of scores a photo
must not leave the model. All scores but the calibrated ones are those of the network as it is
(see `serving.temperature`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from serving.prepare_each import prepare_each
from serving.preprocess import prepare_batch
from serving.rollup import DEFAULT
from serving.top_k import NO_CLASS, NO_TAXON, TOP_K

EVALUATE_TOP_K = DEFAULT.max_leaves
"""Answers that `evaluate` gives: as many as the common ancestor is taken over."""

SIGNATURES = (
    "serving_default",
    "predict_scores",
    "embed",
    "serve_pixels",
    "serve_topk",
    "evaluate",
)

Tensors = dict[str, tf.Tensor]

Network = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""float32 [B, S, S, 3] -> scores float32 [B, N], features float32 [B, C]."""


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
    network: Network,
    *,
    image_size_px: int,
    leaf_taxon_ids: npt.NDArray[np.int64],
    temperature: float | None = None,
) -> Mapping[str, Signature]:
    """Returns the signatures of a model, by name.

    Args:
        network: scores and features of pixels.
        image_size_px: S.
        leaf_taxon_ids: int64 [N], taxon id of each leaf class.
        temperature: of a calibrated model.
    """
    images = tf.TensorSpec([None], tf.string, name="image")
    labels = tf.TensorSpec([None], tf.int64, name="label")
    squares = tf.TensorSpec([None, image_size_px, image_size_px, 3], tf.float32, name="pixels")
    # Traced once and called by every signature: each would else hold a copy of the whole graph.
    network = tf.function(network, input_signature=[squares], autograph=False)
    look = also_of_none(network)

    def serving_default(image: tf.Tensor) -> Tensors:
        pixels, error = prepare_each(image, image_size_px)
        best = top_taxa(look(pixels)[0], leaf_taxon_ids)
        none = {"classes": NO_CLASS, "scores": 0, "taxon_ids": NO_TAXON}
        return {
            **{name: _where_whole(best[name], error, none[name]) for name in best},
            "error": error,
        }

    def predict_scores(image: tf.Tensor) -> Tensors:
        pixels, error = prepare_each(image, image_size_px)
        return {"scores": _where_whole(look(pixels)[0], error, 0), "error": error}

    def embed(image: tf.Tensor) -> Tensors:
        pixels, error = prepare_each(image, image_size_px)
        return {"features": _where_whole(look(pixels)[1], error, 0), "error": error}

    def serve_pixels(pixels: tf.Tensor) -> Tensors:
        scores, features = network(pixels)
        return {"scores": scores, "features": features}

    def serve_topk(image: tf.Tensor) -> Tensors:
        return top_taxa(look(prepare_batch(image, image_size_px))[0], leaf_taxon_ids)

    def evaluate(image: tf.Tensor, label: tf.Tensor) -> Tensors:
        _check_labels(label, len(leaf_taxon_ids))
        scores = look(prepare_batch(image, image_size_px))[0]
        own = {} if temperature is None else calibrated(scores, label, temperature)
        return {**judged(scores, label), **own}

    return {
        "serving_default": Signature(serving_default, (images,)),
        "predict_scores": Signature(predict_scores, (images,)),
        "embed": Signature(embed, (images,)),
        "serve_pixels": Signature(serve_pixels, (squares,)),
        "serve_topk": Signature(serve_topk, (images,)),
        "evaluate": Signature(evaluate, (images, labels)),
    }


def also_of_none(network: Network) -> Network:
    """Returns the network, which now answers for no photo, too: by no rows.

    oneDNN's convolution gives a wrong shape for an empty batch (TensorFlow 2.21), and whatever
    comes after it fails. So it is given one that nobody sent.
    """

    def look(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        photos = tf.shape(pixels)[0]
        black = tf.zeros([1, *pixels.shape[1:]], pixels.dtype)
        scores, features = network(tf.cond(photos == 0, lambda: black, lambda: pixels))
        return scores[:photos], features[:photos]

    return look


def top_taxa(scores: tf.Tensor, leaf_taxon_ids: npt.NDArray[np.int64]) -> Tensors:
    """Returns `classes`, `scores` and `taxon_ids` [B, k] of the best leaves, best first.

    Args:
        scores: float32 [B, N].
        leaf_taxon_ids: int64 [N].
    """
    k = min(TOP_K, len(leaf_taxon_ids))
    best, classes = tf.math.top_k(scores, k, index_type=tf.int64)
    taxon_ids = tf.gather(tf.constant(leaf_taxon_ids, tf.int64), classes)
    return {"classes": classes, "scores": best, "taxon_ids": taxon_ids}


def judged(scores: tf.Tensor, label: tf.Tensor) -> Tensors:
    """Returns what `evaluate` gives.

    Args:
        scores: float32 [B, N].
        label: int64 [B], 0..N-1.
    """
    top = min(EVALUATE_TOP_K, scores.shape[1])
    top_scores, top_classes = tf.math.top_k(scores, top, index_type=tf.int64)
    return {
        "topk_classes": top_classes,
        "topk_scores": top_scores,
        "label_rank": label_rank(scores, label),
        "label_score": tf.gather(scores, label, batch_dims=1),
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


def _where_whole(values: tf.Tensor, error: tf.Tensor, otherwise: int) -> tf.Tensor:
    """[B, ...]: the values of photos that could be decoded, `otherwise` in other rows."""
    return tf.where((error == "")[:, None], values, tf.constant(otherwise, values.dtype))


def _check_labels(label: tf.Tensor, num_leaves: int) -> Any:
    """A gather out of range fails on a CPU, but gives 0 on a GPU."""
    message = f"label must be 0..{num_leaves - 1}, a leaf class of this model's taxonomy."
    tf.debugging.assert_greater_equal(label, tf.constant(0, tf.int64), message=message)
    tf.debugging.assert_less(label, tf.constant(num_leaves, tf.int64), message=message)
