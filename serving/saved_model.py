"""A trained model written as a SavedModel that carries all it needs to answer.

Beside the graph and the weights stand, in `assets.extra/`, which TF Serving leaves alone:

* `taxonomy.csv`: the tree whose leaves are the model's classes;
* `fieldmark.json`: the manifest, with model id, input size, number of leaves, the temperature of a
  calibrated model, and what the caller adds;
* `weights.json`: the names of the weights in the order of the Keras model, so that a later training
  can start from them.

An export is loaded again and held against the Keras model before it stands: a SavedModel can be
written without its weights, and nothing else would notice.

    export_saved_model(model, taxonomy, image_size_px=299, directory=uri, manifest={"run": "r1"})
    load_manifest(uri)["model_id"], load_model_taxonomy(uri).num_leaves
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.errors import DataError, FieldmarkError
from schemas.record import TAXONOMY_FILE
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy, write_taxonomy
from serving.fingerprint import EXTRAS, MANIFEST_FILE, MODEL_ID_DIGITS, model_fingerprint
from serving.full_precision import full_precision
from serving.penultimate import with_features
from serving.preprocess import PREPROCESSING_TEXT
from serving.same_answers import difference, smooth_pictures
from serving.signatures import SIGNATURES, make_signatures
from serving.temperature import TEMPERATURE
from serving.whole_directory import whole_directory

__all__ = [
    "OWN_KEYS",
    "export_saved_model",
    "is_exported_model",
    "load_manifest",
    "load_model_taxonomy",
    "load_weights",
    "model_fingerprint",
]

_GRAPH_FILE = "saved_model.pb"
WEIGHTS_FILE = "weights.json"

MAX_SCORE_ERROR = 1e-4
"""Largest difference between a score of the export and of the Keras model."""

MAX_SHARE = 0.05
"""Of what an answer changes by between pictures (see `same_answers`): far above what a GPU's short
floats make of one network in two graphs, far below what lost weights do."""

OWN_KEYS = ("model_id", "image_size_px", "num_leaves", "preprocessing", "signatures")
"""Of the manifest: what the export itself writes."""

_REMEDY = "Give a model directory that Fieldmark wrote, the one with saved_model.pb in it."


def export_saved_model(
    model: keras.Model,
    taxonomy: Taxonomy,
    *,
    image_size_px: int,
    directory: str | PathLike[str],
    manifest: Mapping[str, Any],
    temperature: float | None = None,
) -> None:
    """Writes a model with the signatures of `serving.signatures`, and proves it.

    May be called inside or outside a `tf.distribute` scope. The directory appears whole or not
    at all; what was there before is replaced.

    Args:
        model: built, float32 [B, S, S, 3] of 0..255 -> softmax probabilities [B, N]. A model in
            mixed precision is exported in float32.
        taxonomy: its N leaves are the model's classes.
        image_size_px: S.
        directory: where the SavedModel goes; its parents are made.
        manifest: JSON-able values that `fieldmark.json` shall carry besides our own.
        temperature: that calibrates the scores on request (see `serving.temperature`); None if
            there is none.

    Raises:
        FieldmarkError: if the model does not fit the taxonomy, or the export answers otherwise
            than the model.
    """
    _check_fit(model, taxonomy, manifest)
    network = full_precision(model)
    with whole_directory(directory) as unproven:
        _write_graph(network, taxonomy, image_size_px, temperature, unproven)
        _write_extras(taxonomy, image_size_px, temperature, unproven, manifest)
        _write_json(unproven / EXTRAS / WEIGHTS_FILE, [weight.path for weight in network.weights])
        _prove(network, image_size_px, unproven)


def load_manifest(directory: str | PathLike[str]) -> dict[str, Any]:
    """Returns `fieldmark.json` of an export.

    Raises:
        DataError: if there is none, or it is not one of ours.
    """
    path = Path(directory) / EXTRAS / MANIFEST_FILE
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            path, problem=f"cannot be read: {error.strerror}.", remedy=_REMEDY
        ) from error
    except ValueError as error:
        raise DataError(path, problem=f"is not JSON: {error}.", remedy=_REMEDY) from error
    missing = [key for key in OWN_KEYS if key not in manifest]
    if missing:
        raise DataError(path, problem=f"lacks {', '.join(missing)}.", remedy=_REMEDY)
    return dict(manifest)


def load_model_taxonomy(directory: str | PathLike[str]) -> Taxonomy:
    """Returns the taxonomy of an export.

    Raises:
        DataError: if it is missing or faulty.
    """
    return read_taxonomy(Path(directory) / EXTRAS / TAXONOMY_FILE)


def is_exported_model(directory: str | PathLike[str]) -> bool:
    """Returns whether a path is the directory of a SavedModel."""
    return (Path(directory) / _GRAPH_FILE).is_file()


def load_weights(directory: str | PathLike[str]) -> list[npt.NDArray[np.float32]]:
    """Returns an export's weights, as `keras.Model.set_weights` of the same network takes them.

    Raises:
        DataError: if the export does not say which weight is which, or is damaged.
    """
    path = Path(directory) / EXTRAS / WEIGHTS_FILE
    if not path.is_file():
        raise DataError(
            path,
            problem="is missing: the model was exported before its weights could be taken again.",
            remedy="Train from a newer model, or from a weights file.",
        )
    names = json.loads(path.read_text(encoding="utf-8"))
    exported = tf.saved_model.load(str(directory))
    held = {
        variable.name.removesuffix(":0"): variable
        for variable in exported.signatures["serve_pixels"].variables
    }
    missing = [name for name in names if name not in held]
    if missing:
        raise DataError(
            path,
            problem=f"names {len(missing):,} weights that the model lacks, the first is "
            f"{missing[0]!r}.",
            remedy=_REMEDY,
        )
    return [np.asarray(held[name]) for name in names]


def _check_fit(model: keras.Model, taxonomy: Taxonomy, manifest: Mapping[str, Any]) -> None:
    if model.output_shape[-1] != taxonomy.num_leaves:
        raise FieldmarkError(
            f"The model does not fit the taxonomy, whose leaves are its classes. Expected "
            f"{taxonomy.num_leaves} outputs. Received: {model.output_shape[-1]}. Train the model "
            "with this taxonomy."
        )
    taken = [key for key in (*OWN_KEYS, TEMPERATURE) if key in manifest]
    if taken:
        raise FieldmarkError(
            f"The manifest's {', '.join(taken)} cannot be given: the export sets it. Leave it out, "
            "or choose another key."
        )


def _write_graph(
    network: keras.Model,
    taxonomy: Taxonomy,
    image_size_px: int,
    temperature: float | None,
    directory: Path,
) -> None:
    both = with_features(network)

    def forward(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        scores, features = both(pixels, training=False)
        return tf.cast(scores, tf.float32), tf.cast(features, tf.float32)

    signatures = make_signatures(
        forward,
        image_size_px=image_size_px,
        leaf_taxon_ids=taxonomy.leaf_taxon_ids,
        temperature=temperature,
    )
    # The archive owns every variable that an endpoint uses; `tf.saved_model.save` of the model
    # itself would own none, and TFLite would convert no weights. `archive.track(network)` would
    # write each weight a second time.
    archive = keras.export.ExportArchive()
    for name, signature in signatures.items():
        archive.add_endpoint(name, signature.function, input_signature=list(signature.takes))
    archive.write_out(str(directory), verbose=False)


def _write_extras(
    taxonomy: Taxonomy,
    image_size_px: int,
    temperature: float | None,
    directory: Path,
    manifest: Mapping[str, Any],
) -> None:
    extras = directory / EXTRAS
    extras.mkdir()
    write_taxonomy(taxonomy, extras / TAXONOMY_FILE)
    own = {
        "image_size_px": image_size_px,
        "num_leaves": taxonomy.num_leaves,
        "preprocessing": PREPROCESSING_TEXT,
        "signatures": list(SIGNATURES),
        **({} if temperature is None else {TEMPERATURE: temperature}),
    }
    _write_json(extras / MANIFEST_FILE, own)
    own["model_id"] = model_fingerprint(directory)[:MODEL_ID_DIGITS]
    _write_json(extras / MANIFEST_FILE, {**own, **manifest})


def _write_json(path: Path, values: Mapping[str, Any] | list[str]) -> None:
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _prove(network: keras.Model, image_size_px: int, directory: Path) -> None:
    pixels = smooth_pictures(image_size_px)
    scores, features = with_features(network)([pixels], training=False)
    expected = np.asarray(scores, np.float32), np.asarray(features, np.float32)
    # Loaded inside a tf.distribute scope it would refuse to run; a scope belongs to a thread.
    with ThreadPoolExecutor(max_workers=1) as outside_scope:
        received = outside_scope.submit(_exported_answers, directory, pixels).result()
    found = difference(expected, received)
    if not found.within(score=MAX_SCORE_ERROR, share=MAX_SHARE):
        raise FieldmarkError(
            "The exported model answers otherwise than the trained one. Allowed: a difference of "
            f"{MAX_SCORE_ERROR:g} in a score, and {MAX_SHARE:g} of what the network's answers "
            f"change by between pictures. Received: {found.words}. Does a layer draw random "
            "numbers, or has the training diverged, so that rounding decides or a score is not a "
            "number?"
        )


def _exported_answers(
    directory: Path, pixels: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    exported = tf.saved_model.load(str(directory))
    answer = exported.signatures["serve_pixels"](pixels=tf.constant(pixels))
    return np.asarray(answer["scores"]), np.asarray(answer["features"])
