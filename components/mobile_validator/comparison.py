"""A bundle held against its SavedModel, photo by photo.

report = compare(bundle, "model/Format-Serving", files, settings)
report["blessed"], report["variants"]["float16"]["reasons"]
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from components.mobile_validator.config import MobileValidationSettings
from components.mobile_validator.labelled_photos import labelled_photos
from components.mobile_validator.verdict import Tally, failures
from schemas.errors import DataError
from schemas.events import Meter
from serving.checked_bundle import Bundle
from serving.saved_model import load_manifest
from serving.saved_model_classifier import SavedModelClassifier
from serving.tflite_classifier import TFLiteClassifier

BATCH_SIZE = 32


def compare(
    bundle: Bundle,
    saved_model_dir: str | PathLike[str],
    files: Sequence[str],
    settings: MobileValidationSettings,
) -> dict[str, Any]:
    """Returns the mobile report, JSON-able; `blessed` is True if every variant passes.

    Args:
        bundle: what the phone would get.
        saved_model_dir: what it was made from.
        files: gzipped TFRecords of the split to compare on.
        settings: the bars.

    Raises:
        DataError: if the bundle is another model's, or the split has no photos.
    """
    _check_same_model(bundle, saved_model_dir)
    tallies = _count(bundle, SavedModelClassifier(saved_model_dir), files, settings)
    variants = {
        variant: _judge(tally, variant, bundle, settings) for variant, tally in tallies.items()
    }
    return {
        "model_id": bundle.manifest["model_id"],
        "blessed": all(entry["passed"] for entry in variants.values()),
        "split": settings.split,
        "settings": settings.model_dump(mode="json"),
        "default_variant": bundle.default_variant,
        "variants": variants,
    }


def _count(
    bundle: Bundle,
    server: SavedModelClassifier,
    files: Sequence[str],
    settings: MobileValidationSettings,
) -> dict[str, Tally]:
    phones = {variant: TFLiteClassifier(bundle.model_path(variant)) for variant in bundle.variants}
    tallies: dict[str, Tally] = {variant: Tally() for variant in phones}
    meter = Meter("photos compared", total=None, unit="photos")  # a split may hold fewer than max
    photos = 0
    for pixels, labels in labelled_photos(
        files,
        size_px=bundle.image_size_px,
        batch_size=BATCH_SIZE,
        max_photos=settings.max_photos,
    ):
        _check_labels(labels, server.num_leaves, files)
        server_scores = server.scores(pixels)
        for variant, phone in phones.items():
            started = time.perf_counter()
            scores = phone.scores(pixels)
            seconds = time.perf_counter() - started
            tallies[variant].add(server_scores, scores, labels, seconds=seconds)
        photos += len(labels)
        meter.add(len(labels))
    meter.close()
    if not photos:
        raise DataError(
            ", ".join(files) or "examples",
            problem=f"has no photo in the split {settings.split!r}, so nothing can be validated.",
            remedy="Choose a split with photos, or export more of them.",
        )
    return tallies


def _judge(
    tally: Tally, variant: str, bundle: Bundle, settings: MobileValidationSettings
) -> Mapping[str, Any]:
    reasons = failures(
        tally,
        min_agreement=settings.min_agreement_of(variant),
        max_accuracy_drop=settings.max_accuracy_drop,
    )
    return {
        "passed": not reasons,
        "reasons": list(reasons),
        "photos": tally.photos,
        "top1_agreement": tally.top1_agreement,
        "server_accuracy": tally.server_accuracy,
        "variant_accuracy": tally.variant_accuracy,
        "accuracy_drop": tally.accuracy_drop,
        # JSON has no NaN; the reasons say it.
        "largest_score_error": tally.largest_error if np.isfinite(tally.largest_error) else None,
        "milliseconds_per_photo": tally.milliseconds_per_photo,
        "bytes": bundle.manifest["variants"][variant]["bytes"],
    }


def _check_same_model(bundle: Bundle, saved_model_dir: str | PathLike[str]) -> None:
    expected = load_manifest(saved_model_dir)["model_id"]
    received = bundle.manifest["model_id"]
    if received != expected:
        raise DataError(
            bundle.directory,
            problem=f"is the bundle of another model. Expected {expected}. Received: {received}.",
            remedy="Export the bundle from the model that it is compared with.",
        )


def _check_labels(labels: npt.NDArray[np.int64], num_leaves: int, files: Sequence[str]) -> None:
    if labels.min() < 0 or labels.max() >= num_leaves:
        raise DataError(
            ", ".join(files),
            problem=f"a label is not a leaf class of the model, 0..{num_leaves - 1}. "
            f"Received: {labels.min()}..{labels.max()}.",
            remedy="Transform the photos with the taxonomy that the model was trained with.",
        )
