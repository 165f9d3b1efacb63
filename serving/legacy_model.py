"""A SavedModel of ours as iNaturalist's vision API loads it: a Keras 2 `.h5` of five layers.

    Input (0..1) -> backbone (nested) -> GlobalAveragePooling2D -> Dense -> softmax

The API takes scores from the last layer and features from the third, so these five it must be.
Dropout is left out, as it does nothing when answering; the two kernels of a low-rank head are
multiplied into one.

Law: a file that stands answers as the SavedModel does, to `MAX_SCORE_ERROR` and `MAX_SHARE`; it was
read again before it was put there.

    export_legacy("pushed/saved_model/1700000000", "birds.h5")

Source: inaturalist/inatVisionAPI.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.errors import ConfigError, FieldmarkError
from schemas.taxonomy_csv import write_taxonomy
from serving.legacy_networks import NETWORKS, legacy_backbone
from serving.same_answers import Difference, difference, smooth_pictures
from serving.saved_model import load_manifest, load_model_taxonomy, load_weights
from serving.saved_model_classifier import SavedModelClassifier

MAX_SCORE_ERROR = 1e-4
MAX_SHARE = 0.01
"""Of what an answer changes by between pictures (see `same_answers`): above what GPUs round, below
what a wrong scaling does."""

SERVER_SIZE_PX = 299
"""Side of the square that iNaturalist's server sends."""

Weights = list[npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Legacy:
    """What was written.

    Attributes:
        model_path: the `.h5`.
        taxonomy_path: the taxonomy beside it.
        network: what it was rebuilt as.
        trained_size_px: side of the photos of the last training stage.
        difference: to the SavedModel.
    """

    model_path: Path
    taxonomy_path: Path
    network: str
    trained_size_px: int
    difference: Difference


def export_legacy(
    saved_model_dir: str | PathLike[str],
    path: str | PathLike[str],
    *,
    network: str | None = None,
) -> Legacy:
    """Writes the `.h5`, and `<its name>_taxonomy.csv` beside it.

    Args:
        saved_model_dir: an export of `serving.saved_model`.
        path: ends in `.h5`; replaced if it is there.
        network: of the trainer; None for what the model's manifest says.

    Raises:
        ConfigError: if the network has no Keras 2 form, or the weights are not its.
        DataError: if the directory is no export of ours.
        FieldmarkError: if the file would answer otherwise than the SavedModel.
    """
    target = Path(path)
    if target.suffix != ".h5":
        raise ConfigError(f"A Keras 2 model is a file that ends in .h5. Received: {str(path)!r}.")
    manifest = load_manifest(saved_model_dir)
    name = network or manifest.get("network")
    if name is None:
        raise ConfigError(
            f"{saved_model_dir} does not say which network it is. Name it with --network: one of "
            f"{', '.join(NETWORKS)}."
        )
    model = _rebuilt(name, load_weights(saved_model_dir))
    unproven = target.with_name(f".{target.stem}.unfinished.h5")
    try:
        model.save(str(unproven), save_format="h5")
        found = _prove(unproven, SavedModelClassifier(saved_model_dir))
        unproven.replace(target)
    finally:
        unproven.unlink(missing_ok=True)
    taxonomy_path = target.with_name(f"{target.stem}_taxonomy.csv")
    write_taxonomy(load_model_taxonomy(saved_model_dir), taxonomy_path)
    return Legacy(target, taxonomy_path, name, manifest["image_size_px"], found)


def _rebuilt(name: str, weights: Weights) -> Any:
    """The five layers, with our weights."""
    import tf_keras

    backbone = legacy_backbone(name)
    kernel, bias, rest = _head(weights)
    expected = [tuple(weight.shape) for weight in backbone.weights]
    received = [weight.shape for weight in rest]
    if expected != received:
        different = next(
            (pair for pair in zip(expected, received, strict=False) if pair[0] != pair[1]), None
        )
        detail = f", the first that differs {different[1]} for {different[0]}" if different else ""
        raise ConfigError(
            f"The model is no {name}. Expected {len(expected)} weights of a backbone. Received: "
            f"{len(received)}{detail}. Name the network with --network: one of "
            f"{', '.join(NETWORKS)}."
        )
    backbone.set_weights(rest)
    photo = tf_keras.Input((None, None, 3))
    features = tf_keras.layers.GlobalAveragePooling2D()(backbone(photo))
    dense = tf_keras.layers.Dense(len(bias))
    scores = tf_keras.layers.Activation("softmax")(dense(features))
    dense.set_weights([kernel, bias])
    return tf_keras.Model(photo, scores)


def _head(weights: Weights) -> tuple[npt.NDArray[Any], npt.NDArray[Any], Weights]:
    """Kernel [C, N], bias [N], and the weights below; a projection is multiplied in."""
    *rest, kernel, bias = weights
    # Only a low-rank head's projection is a matrix below the last kernel.
    if rest and rest[-1].ndim == 2:
        projection = rest.pop()
        kernel = (projection.astype(np.float64) @ kernel.astype(np.float64)).astype(np.float32)
    return kernel, bias, rest


def _prove(path: Path, original: SavedModelClassifier) -> Difference:
    """How much the file, read again, differs from the original."""
    import tf_keras

    model = tf_keras.models.load_model(str(path), compile=False)
    both = tf_keras.Model(model.inputs, [model.layers[-1].output, model.layers[2].output])
    pixels = smooth_pictures(original.image_size_px)
    scores, features = both(pixels / 255, training=False)
    found = difference(original.outputs(pixels), (np.asarray(scores), np.asarray(features)))
    if not found.within(score=MAX_SCORE_ERROR, share=MAX_SHARE):
        raise FieldmarkError(
            "The Keras 2 model answers otherwise than the SavedModel. Allowed: a difference of "
            f"{MAX_SCORE_ERROR:g} in a score, and {MAX_SHARE:g} of what the network's answers "
            f"change by between pictures. Received: {found.words}. Was it made of another network "
            "than --network says?"
        )
    return found
