"""Photos classified by a model that was pushed: the server's SavedModel or the phone's bundle.

Both take the pixels of `prepare_file`, so that they differ by the network's arithmetic alone.

    classifier = open_classifier("serving/")       # versions; the newest is taken
    classifier = open_classifier("mobile/1700000000", variant="float16")
    for answer in classifier.classify(["owl.jpg"], top=3):
        print(answer.leaves[0].name)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from schemas.errors import ConfigError
from schemas.taxonomy import Taxonomy
from serving.answer import Answer, answers_from_scores
from serving.checked_bundle import BUNDLE_MANIFEST, Bundle, find_bundle, load_bundle
from serving.network import Network
from serving.prepare_file import prepare_file
from serving.side_by_side import SideBySide
from serving.suggestions import Suggester
from serving.temperature import TEMPERATURE, apply_temperature, temperature_of
from serving.tflite_classifier import TFLiteClassifier
from serving.versions import newest_version

SAVED_MODEL_FILE = "saved_model.pb"


class Classifier:
    """A network with its taxonomy.

    Args:
        network: N scores.
        taxonomy: N leaves.
        source: where the model is, for people.
        temperature: that its scores are calibrated by; None for scores as they are.
    """

    def __init__(
        self,
        network: Network,
        taxonomy: Taxonomy,
        *,
        source: str,
        temperature: float | None = None,
    ) -> None:
        self._network, self.source, self._temperature = network, source, temperature
        self._suggester = Suggester(taxonomy)

    @property
    def image_size_px(self) -> int:
        """S, side of the square that the network takes."""
        return self._network.image_size_px

    def classify(self, paths: Iterable[str | PathLike[str]], *, top: int = 5) -> list[Answer]:
        """Returns an answer for each photo, in their order.

        Raises:
            DataError: naming the first photo that cannot be read.
        """
        return [self.classify_one(path, top=top) for path in paths]

    def classify_one(self, path: str | PathLike[str], *, top: int = 5) -> Answer:
        """Returns the answer for one photo.

        Raises:
            DataError: naming the photo, if it cannot be read.
        """
        pixels = prepare_file(path, self.image_size_px)
        return self.classify_pixels([str(path)], pixels[None], top=top)[0]

    def classify_pixels(
        self, paths: Sequence[str], pixels: npt.NDArray[np.float32], *, top: int = 5
    ) -> list[Answer]:
        """Returns an answer for each photo.

        Args:
            paths: of the photos.
            pixels: float32 [B, S, S, 3], as `prepare_file` gives them.
            top: leaves to name.
        """
        scores = self._network.scores(pixels).astype(np.float64)
        if self._temperature is not None:
            scores = apply_temperature(scores, self._temperature)
        return answers_from_scores(self._suggester, paths, scores, top=top)


def open_classifier(
    directory: str | PathLike[str],
    *,
    variant: str | None = None,
    num_threads: int = 1,
    calibrated: bool = False,
) -> Classifier:
    """Returns a classifier from a pushed model.

    Args:
        directory: a SavedModel of ours, a mobile bundle, or a directory of numbered versions of
            either.
        variant: of a bundle: which to use; None for its default.
        num_threads: photos that a bundle's model answers at once, each in a thread.
        calibrated: whether scores are calibrated by the model's temperature.

    Raises:
        ConfigError: if there is no model, or it has no such variant, or no temperature where one
            is asked for.
        DataError: if the model's files are faulty.
    """
    path = find_model(Path(directory))
    if find_bundle(path) is not None:
        return _open_bundle(load_bundle(path), variant, num_threads, calibrated)
    if variant is not None:
        raise ConfigError(
            f"Only a mobile bundle has variants, and {path} is a SavedModel. Received: "
            f"{variant!r}. Leave --variant out, or give a bundle."
        )
    return _open_saved_model(path, calibrated)


def find_model(given: Path) -> Path:
    """Returns the directory of a model: the given one, or the newest version in it.

    Raises:
        ConfigError: if there is no model.
    """
    newest = newest_version(given)
    for path in [given, *([newest] if newest else [])]:
        if is_model(path):
            return path
    raise ConfigError(
        f"No model in {given}. Expected a directory with {SAVED_MODEL_FILE} or {BUNDLE_MANIFEST}, "
        f"or one of numbered versions of such. Received: {_contents(given)}. Give the directory "
        "that the pipeline pushes to."
    )


def is_model(path: Path) -> bool:
    """Returns whether a directory is that of a SavedModel or of a bundle."""
    return (path / SAVED_MODEL_FILE).is_file() or find_bundle(path) is not None


def _contents(path: Path) -> str:
    if not path.is_dir():
        return "no directory"
    names = sorted(item.name for item in path.iterdir())
    shown = ", ".join(names[:5]) or "an empty directory"
    return f"{shown}, ..." if len(names) > 5 else shown


def _open_bundle(
    bundle: Bundle, variant: str | None, num_threads: int, calibrated: bool
) -> Classifier:
    name, temperature = variant or bundle.default_variant, None
    path = bundle.model_path(name)
    if calibrated:
        given = {TEMPERATURE: bundle.temperature(name)}
        temperature = temperature_of(given, source=str(bundle.directory))
    network = SideBySide([TFLiteClassifier(path) for _ in range(num_threads)])
    return Classifier(network, bundle.taxonomy, source=str(path), temperature=temperature)


def _open_saved_model(path: Path, calibrated: bool) -> Classifier:
    # TensorFlow takes seconds to import.
    from serving.saved_model import load_manifest, load_model_taxonomy
    from serving.saved_model_classifier import SavedModelClassifier

    temperature = None
    if calibrated:
        temperature = temperature_of(load_manifest(path), source=str(path))
    network, taxonomy = SavedModelClassifier(path), load_model_taxonomy(path)
    return Classifier(network, taxonomy, source=str(path), temperature=temperature)
