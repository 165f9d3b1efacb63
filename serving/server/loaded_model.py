"""A pushed model as the server holds it: what it is, and one function from pixels to answers.

model = load_model("pushed/saved_model/1700000000", variant=None, num_threads=2)
for output in model.run(pixels):   # float32 [B, S, S, 3]
    output.scores, output.features
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from schemas.errors import ConfigError, DataError
from schemas.taxonomy import Taxonomy
from serving.checked_bundle import find_bundle, load_bundle
from serving.geo_model import GeoModel
from serving.suggestions import Suggester
from serving.temperature import TEMPERATURE, temperature_of
from serving.tflite_classifier import TFLiteClassifier

Floats = npt.NDArray[np.float32]


class Network(Protocol):
    """What a model of either kind is to us.

    Attributes:
        image_size_px: S.
    """

    image_size_px: int

    def outputs(self, pixels: Floats) -> tuple[Floats, Floats | None]:
        """Returns scores [B, N] and features [B, C], if it gives them, of [B, S, S, 3]."""
        ...


@dataclass(frozen=True, eq=False)
class Output:
    """What the network gives for one photo.

    Attributes:
        scores: float32 [N].
        features: float32 [C]; None of a bundle, and of a SavedModel that was exported before
            there were features.
    """

    scores: Floats
    features: Floats | None

    @property
    def is_finite(self) -> bool:
        """Whether all of it are numbers."""
        return bool(
            np.isfinite(self.scores).all()
            and (self.features is None or np.isfinite(self.features).all())
        )


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """One version of a model.

    Attributes:
        version: its number; 1 if its directory has none.
        source: where it is.
        network: N scores.
        taxonomy: N leaves.
        manifest: of the SavedModel or the bundle.
        gives_features: whether the network gives features.
        geo: the geo model beside it; None if there is none.
    """

    version: int
    source: str
    network: Network
    taxonomy: Taxonomy
    manifest: Mapping[str, Any]
    gives_features: bool
    geo: GeoModel | None = None

    @property
    def model_id(self) -> str:
        """Tells models apart by their content."""
        return str(self.manifest["model_id"])

    @cached_property
    def suggester(self) -> Suggester:
        """Rolls scores up the tree."""
        return Suggester(self.taxonomy)

    def temperature(self) -> float:
        """Returns what calibrates its scores.

        Raises:
            ConfigError: if it was not calibrated.
        """
        return temperature_of(self.manifest, source="The model")

    def run(self, pixels: Floats) -> Sequence[Output]:
        """Returns an output for each of float32 [B, S, S, 3], RGB, 0..255."""
        scores, features = self.network.outputs(pixels)
        if features is None:
            return [Output(row, None) for row in scores]
        return [Output(row, own) for row, own in zip(scores, features, strict=True)]


def load_model(
    directory: Path,
    *,
    variant: str | None = None,
    num_threads: int | None = None,
    geo_model: Path | None = None,
    geo_thresholds: Path | None = None,
) -> LoadedModel:
    """Loads a SavedModel or a bundle, and has it answer once.

    Args:
        directory: of one version.
        variant: of a bundle; None for its default.
        num_threads: for a bundle's model; None for one a core.
        geo_model: `.tflite` file of the geo model that belongs to the model; None for none.
        geo_thresholds: table of its thresholds; None for none.

    Raises:
        ConfigError: if a SavedModel is asked for a variant, or a bundle for one that it lacks.
        DataError: if the model's files are faulty, it gives no number for each leaf, or the geo
            model is another model's.
    """
    version = int(directory.name) if directory.name.isdecimal() else 1
    if find_bundle(directory) is not None:
        model = _load_bundle(directory, version, variant, num_threads or os.cpu_count() or 1)
    else:
        model = _load_saved_model(directory, version, variant)
    _check_answer(model)
    if geo_model is None:
        return model
    return replace(model, geo=GeoModel(geo_model, model.taxonomy, thresholds=geo_thresholds))


def _check_answer(model: LoadedModel) -> None:
    """Has the model answer; the first time takes longer, which is not for a client to wait."""
    if model.manifest.get(TEMPERATURE) is not None:
        temperature_of(model.manifest, source=model.source)
    size, leaves = model.network.image_size_px, model.taxonomy.num_leaves
    (output,) = model.run(np.zeros((1, size, size, 3), np.float32))
    if output.scores.shape != (leaves,) or not output.is_finite:
        raise DataError(
            model.source,
            problem=f"gives no number for each of its {leaves:,} leaves: of a black photo it gives "
            f"{np.isfinite(output.scores).sum():,} numbers in {output.scores.size:,} values.",
            remedy="Export the model again.",
        )


def _load_bundle(
    directory: Path, version: int, variant: str | None, num_threads: int
) -> LoadedModel:
    bundle = load_bundle(directory)
    name = variant or bundle.default_variant
    path = bundle.model_path(name)
    network = TFLiteClassifier(path, num_threads=num_threads)
    manifest = {**bundle.manifest, TEMPERATURE: bundle.temperature(name)}
    return LoadedModel(version, str(path), network, bundle.taxonomy, manifest, False)


def _load_saved_model(directory: Path, version: int, variant: str | None) -> LoadedModel:
    from serving.saved_model import load_manifest, load_model_taxonomy  # TensorFlow takes seconds
    from serving.saved_model_classifier import SavedModelClassifier

    if variant is not None:
        raise ConfigError(
            f"Only a mobile bundle has variants, and {directory} is a SavedModel. Received: "
            f"{variant!r}. Leave --variant out, or give a bundle."
        )
    network, taxonomy = SavedModelClassifier(directory), load_model_taxonomy(directory)
    manifest = load_manifest(directory)
    return LoadedModel(version, str(directory), network, taxonomy, manifest, network.gives_features)
