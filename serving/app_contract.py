"""What iNaturalist's apps ask of a bundle, as code: where they would crash, a sentence says so.

1. Both taxonomies can be read as the apps read them (`mobile_readers`), and are the same tree.
2. Its leaves, in the order of `leaf_class_id`, are the model's classes; `labels.txt` names them;
   and taxon by taxon, by parent, rank and name, it is the model's tree.
3. Every model takes float32 [1, S, S, 3], gives float32 [1, N], N being the leaves of the taxonomy
   (the Android app allocates its buffer by them), and needs built-in operators only.
4. A model's scores are numbers of 0 or more that sum to 1: the softmax is inside.
5. What generic clients read inside a model are the same labels.
6. A table of synonyms has iNaturalist's columns, and speaks of the model's taxa alone.
7. The manifest tells a client to prepare photos as they were for the figures: values 0..255.

    contract_faults(bundle, taxonomy)     # () if the apps can take it
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from schemas.errors import DataError
from schemas.synonyms import check_synonyms
from schemas.taxonomy import Taxonomy
from serving.checked_bundle import BUNDLE_MANIFEST, Bundle
from serving.mobile_files import ANDROID_FILE, IOS_FILE, LABELS_FILE, SYNONYMS_FILE
from serving.mobile_readers import (
    MobileTaxon,
    read_android_taxonomy,
    read_ios_taxonomy,
    read_labels,
)
from serving.preprocess_spec import OURS
from serving.tflite_classifier import TFLiteClassifier
from serving.tree_differences import tree_differences
from serving.zip_bytes import labels_inside

MAX_SUM_ERROR = 0.02
"""Of a photo's scores, from 1."""

DIFFERENCES_SHOWN = 5
"""Of a tree that is not the model's; the rest are counted."""

T = TypeVar("T")


def contract_faults(bundle: Bundle, taxonomy: Taxonomy) -> tuple[str, ...]:
    """Returns a sentence for each fault of the files beside the models; none if there is none.

    Args:
        bundle: its files are those of its manifest.
        taxonomy: of the model that it was made from.
    """
    faults: list[str] = []
    android = _read(lambda: read_android_taxonomy(bundle.directory / ANDROID_FILE), faults)
    ios = _read(lambda: read_ios_taxonomy(bundle.directory / IOS_FILE), faults)
    labels = _read(lambda: read_labels(bundle.directory / LABELS_FILE), faults)
    if android is not None:
        _read(lambda: bundle.taxonomy, faults)
    if android is not None and ios is not None and android != ios:
        faults.append(f"{ANDROID_FILE} and {IOS_FILE} are not the same tree.")
    for name, taxa in ((ANDROID_FILE, android), (IOS_FILE, ios)):
        if taxa is not None and leaf_order(taxa) != taxonomy.leaf_taxon_ids.tolist():
            faults.append(f"{name}: its leaves are not the model's classes, in their order.")
        if taxa is not None and (differences := tree_differences(taxa, taxonomy)):
            faults.append(_not_the_models_tree(name, differences))
    if labels is not None and labels != taxonomy.leaf_names:
        faults.append(f"{LABELS_FILE} does not name the model's classes, in their order.")
    if SYNONYMS_FILE in bundle.details.files:
        _read(lambda: check_synonyms(bundle.directory / SYNONYMS_FILE, taxonomy), faults)
    # A report tells nobody where on this machine the bundle lay.
    here = f"{bundle.directory}{os.sep}"
    return (*(fault.replace(here, "") for fault in faults), *_manifest_faults(bundle))


def model_faults(bundle: Bundle, variant: str, taxonomy: Taxonomy) -> tuple[str, ...]:
    """Returns a sentence for each fault of one model; none if the apps can run it.

    Args:
        bundle: that holds it.
        variant: which model.
        taxonomy: of the model that it was made from.
    """
    path = bundle.model_path(variant)
    content = path.read_bytes()
    try:
        phone = TFLiteClassifier(content, name=path.name)
    except DataError as error:
        return (str(error),)
    faults: list[str] = []
    if phone.image_size_px != bundle.image_size_px:
        faults.append(
            f"{path.name} takes {phone.image_size_px} px, the manifest says {bundle.image_size_px}."
        )
    if phone.num_leaves != taxonomy.num_leaves:
        faults.append(
            f"{path.name} gives {phone.num_leaves} scores, the taxonomy has {taxonomy.num_leaves} "
            "leaves: the app crashes."
        )
    if foreign := _foreign_operators(content):
        faults.append(f"{path.name} needs operators that phones lack: {', '.join(foreign)}.")
    labels = _read(lambda: labels_inside(content, name=path.name), faults)
    if labels is not None and labels != taxonomy.leaf_names:
        faults.append(f"The labels inside {path.name} are not the model's classes, in their order.")
    return (*faults, *_score_faults(phone, path.name))


def leaf_order(taxa: list[MobileTaxon]) -> list[int]:
    """Returns the taxon id of each leaf, in the order of leaf_class_id."""
    leaves = {t.leaf_class_id: t.taxon_id for t in taxa if t.leaf_class_id is not None}
    return [leaves[leaf] for leaf in sorted(leaves)]


def _not_the_models_tree(name: str, differences: Sequence[str]) -> str:
    more = len(differences) - DIFFERENCES_SHOWN
    rest = f" And {more:,} more." if more > 0 else ""
    shown = " ".join(differences[:DIFFERENCES_SHOWN])
    return f"{name} is not the model's tree. {shown}{rest}"


def _manifest_faults(bundle: Bundle) -> list[str]:
    told, faults = bundle.details, []
    if told.input.range != OURS.range:
        low, high = told.input.range
        faults.append(
            f"{BUNDLE_MANIFEST} has models take {low:g}..{high:g}; the apps give 0..255, for the "
            "scaling is inside."
        )
    if told.preprocessing != OURS:
        faults.append(
            f"{BUNDLE_MANIFEST} asks for another preprocessing than the one that the models were "
            "trained and measured with."
        )
    return faults


def _score_faults(phone: TFLiteClassifier, name: str) -> list[str]:
    size = phone.image_size_px
    photos = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype(np.float32)
    scores = phone.scores(photos)
    if not np.isfinite(scores).all():
        return [f"{name} gives scores that are not numbers."]
    off = float(np.abs(scores.sum(axis=1) - 1).max())
    if scores.min() < 0 or off > MAX_SUM_ERROR:
        return [
            f"{name}: scores must be 0 or more and sum to 1, so the softmax must be inside. "
            f"Received: a sum off by {off:.3g}, the least {scores.min():.3g}."
        ]
    return []


def _foreign_operators(content: bytes) -> list[str]:
    operators = Interpreter(model_content=content)._get_ops_details()
    names = {operator["op_name"] for operator in operators}
    return sorted(name for name in names if name.startswith(("Flex", "CUSTOM")))


def _read(read: Callable[[], T], faults: list[str]) -> T | None:
    try:
        return read()
    except DataError as error:
        faults.append(str(error))
        return None
