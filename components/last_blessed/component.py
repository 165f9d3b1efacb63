"""LastBlessedModel: the newest pushed model of another training, to compare with or to start from.

TFX's Resolver would do, but for two things: open-source Kubeflow has none, and right after a
blessing it resolves to that very model, so that giving the same command again evaluates the model
against itself and pushes it a second time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import Channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.last_blessed.executor import Executor
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


class LastBlessedModelSpec(ComponentSpec):
    """Interface of LastBlessedModel."""

    PARAMETERS = {"version_dir": ExecutionParameter(type=str)}
    INPUTS: dict[str, ChannelParameter] = {}
    OUTPUTS = {"model": ChannelParameter(type=standard_artifacts.Model)}


class LastBlessedModel(BaseComponent):
    """Copies a pushed version.

    Outputs:
        model: standard_artifacts.Model, the SavedModel under `Format-Serving`.

    Args:
        version_dir: what `find_last_blessed` or `find_starting_model` found.
    """

    SPEC_CLASS = LastBlessedModelSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(self, version_dir: str) -> None:
        super().__init__(
            spec=LastBlessedModelSpec(
                version_dir=version_dir, model=Channel(type=standard_artifacts.Model)
            )
        )

    @property
    def version_dir(self) -> Path:
        """What it copies."""
        return Path(self.exec_properties["version_dir"])
