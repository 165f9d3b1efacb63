"""The model that a person names, opened: ours with its own taxonomy, anybody's with a label file.

pushed/saved_model, pushed/saved_model/1700000000     a SavedModel of ours
pushed/mobile, .../1700000000, .../model_float16.tflite   a phone bundle of ours
birds.tflite with --labels                            any TFLite classifier

model = open_model("birds.tflite", OpenSettings(labels=Path("labels.txt")))
model.network.scores(pixels), model.labels
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.evaluate.labels import Label, labels_of, read_labels
from schemas.errors import ConfigError
from serving.any_tflite import AnyTFLite, InputRange
from serving.checked_bundle import BUNDLE_MANIFEST, Bundle, find_bundle, load_bundle
from serving.classify import SAVED_MODEL_FILE
from serving.network import Network
from serving.side_by_side import SideBySide
from serving.temperature import TEMPERATURE
from serving.tflite_classifier import TFLiteClassifier
from serving.variants import variant_of_file
from serving.versions import newest_version


@dataclass(frozen=True)
class OpenSettings:
    """What a person says of the model.

    Attributes:
        labels: file of labels; for models that are not ours.
        input_range: of a model that is not ours; None for its default.
        variant: of a bundle; None for its default.
        num_threads: photos that a TFLite model answers at once, each in a thread.
    """

    labels: Path | None = None
    input_range: InputRange | None = None
    variant: str | None = None
    num_threads: int = 1


@dataclass(frozen=True)
class OpenedModel:
    """A model that answers.

    Attributes:
        network: gives M outputs.
        labels: of the outputs, M.
        path: what was opened.
        is_ours: whether its outputs are softmax scores, and its photos whole squares, for sure.
        output_step: smallest difference between two outputs; 0 where they are float.
        temperature: that calibrates the scores; None if the model has none.
    """

    network: Network
    labels: tuple[Label, ...]
    path: Path
    is_ours: bool
    output_step: float = 0.0
    temperature: float | None = None


def open_model(path: Path, settings: OpenSettings) -> OpenedModel:
    """Opens a model.

    Raises:
        ConfigError: if there is none, it lacks a label file, or a setting is not for its kind.
        DataError: if its files or its labels are faulty.
    """
    if path.is_file() and path.suffix == ".tflite":
        bundle = _bundle_around(path)
        if bundle is None or settings.labels is not None:
            return _open_foreign(path, settings)
        return _open_bundle(bundle, variant_of_file(path.name), settings)
    directory = _model_directory(path)
    if find_bundle(directory) is not None:
        found = load_bundle(directory)
        return _open_bundle(found, settings.variant, settings)
    return _open_saved_model(directory, settings)


def _bundle_around(path: Path) -> Bundle | None:
    """The bundle of ours that a file is of."""
    named_so = variant_of_file(path.name) is not None
    if named_so and (path.parent / BUNDLE_MANIFEST).is_file():
        return load_bundle(path.parent)
    return None


def _model_directory(given: Path) -> Path:
    for path in (given, newest_version(given)):
        if path and ((path / SAVED_MODEL_FILE).is_file() or find_bundle(path) is not None):
            return path
    state = "holds neither" if given.is_dir() else "is neither" if given.exists() else "is missing"
    raise ConfigError(
        f"No model at {str(given)!r}: it {state}. Expected a .tflite file, a directory with "
        f"{SAVED_MODEL_FILE} or {BUNDLE_MANIFEST}, or one of numbered versions of such, as "
        "runs/<name>/pushed/saved_model."
    )


def _open_foreign(path: Path, settings: OpenSettings) -> OpenedModel:
    if settings.labels is None:
        raise ConfigError(
            f"{str(path)!r} does not say what its outputs are. Give --labels FILE: scientific "
            "names, one a line in the order of the outputs, or a taxonomy.csv."
        )
    _refuse("--variant", settings.variant, "only a phone bundle of ours has variants")
    labels = read_labels(settings.labels)
    copies = [
        AnyTFLite(path, num_labels=len(labels), input_range=settings.input_range)
        for _ in range(settings.num_threads)
    ]
    network, step = SideBySide(copies), copies[0].output_step
    return OpenedModel(network, labels, path, is_ours=False, output_step=step)


def _open_bundle(bundle: Bundle, variant: str | None, settings: OpenSettings) -> OpenedModel:
    name = variant or bundle.default_variant
    path = bundle.model_path(name)
    _refuse_foreign(settings)
    network = SideBySide([TFLiteClassifier(path) for _ in range(settings.num_threads)])
    return OpenedModel(
        network,
        labels_of(bundle.taxonomy),
        path,
        is_ours=True,
        temperature=bundle.temperature(name),
    )


def _open_saved_model(directory: Path, settings: OpenSettings) -> OpenedModel:
    # TensorFlow takes seconds to import.
    from serving.saved_model import load_manifest, load_model_taxonomy
    from serving.saved_model_classifier import SavedModelClassifier

    _refuse_foreign(settings)
    _refuse("--variant", settings.variant, "only a phone bundle of ours has variants")
    labels = labels_of(load_model_taxonomy(directory))
    return OpenedModel(
        SavedModelClassifier(directory),
        labels,
        directory,
        is_ours=True,
        temperature=load_manifest(directory).get(TEMPERATURE),
    )


def _refuse_foreign(settings: OpenSettings) -> None:
    reason = "a model of ours brings its own"
    _refuse("--labels", settings.labels, reason)
    _refuse("--input-range", settings.input_range, reason)


def _refuse(option: str, value: object, reason: str) -> None:
    if value is not None:
        raise ConfigError(f"{option} cannot be given here: {reason}. Received: {str(value)!r}.")
