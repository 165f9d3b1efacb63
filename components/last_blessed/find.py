"""Which pushed version a run compares with, and which one its training starts from.

find_last_blessed(pushed_dir, recipe=recipe, taxonomy=taxonomy)  # Path or None
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from schemas.taxonomy import Taxonomy
from serving.saved_model import load_manifest, load_model_taxonomy
from serving.versions import versions


def find_last_blessed(pushed_dir: Path, *, recipe: str, taxonomy: Taxonomy) -> Path | None:
    """Returns the newest version in a push directory to compare a model with, or None.

    Its leaves may be others: models are compared on those that both have.

    Args:
        pushed_dir: directory of numbered versions, each pushed after its blessing.
        recipe: of the training that is to be compared; a model of the same one does not count.
        taxonomy: of that training. A model without a leaf of it does not count either.
    """
    for version in versions(pushed_dir):
        if load_manifest(version).get("recipe") == recipe:
            continue
        leaves = load_model_taxonomy(version).leaf_taxon_ids
        if np.isin(leaves, taxonomy.leaf_taxon_ids).any():
            return version
    return None


def has_same_leaves(version_dir: Path, taxonomy: Taxonomy) -> bool:
    """Returns whether each class of a pushed model means the taxon that it means in a taxonomy."""
    leaves = load_model_taxonomy(version_dir).leaf_taxon_ids
    return bool(np.array_equal(leaves, taxonomy.leaf_taxon_ids))


def find_starting_model(pushed_dir: Path, *, recipe: str, network: str) -> Path | None:
    """Returns the newest version in a push directory that a training can start from, or None.

    Its leaves may be others: rows of the classifier go by taxon.

    Args:
        pushed_dir: directory of numbered versions, each pushed after its blessing.
        recipe: of the training that is to start. A model of the same one does not count, so that a
            run given again starts where it started before, and is reused.
        network: of that training. A model known to be of another does not count.
    """
    for version in versions(pushed_dir):
        manifest = load_manifest(version)
        if manifest.get("recipe") == recipe or manifest.get("network", network) != network:
            continue
        return version
    return None
