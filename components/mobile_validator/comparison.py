"""A bundle held against its SavedModel: the apps' contract, photo by photo, size and time.

comparison = compare(bundle, "model/Format-Serving", files, settings)
comparison.report["blessed"], comparison.report["variants"]["float16"]["reasons"]
finish_bundle(bundle, "finished", comparison.finish)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from components.mobile_validator.broken_taxa import broken_taxa
from components.mobile_validator.client_conventions import conventions
from components.mobile_validator.config import LEAVE_OUT, MobileValidationSettings, is_lossy
from components.mobile_validator.default_choice import Choice, choose
from components.mobile_validator.labelled_photos import labelled_photos
from components.mobile_validator.latency import Times, measure, slowest
from components.mobile_validator.report import (
    REPORT_VERSION,
    Judged,
    figures_of,
    report_of,
    server_figures,
)
from components.mobile_validator.tally import Answers, Tally
from components.mobile_validator.variant_temperature import CalibrationSums
from components.mobile_validator.verdict import Bars, Measured, failures
from components.mobile_validator.visible_taxa import visible_taxa
from schemas.errors import ConfigError, DataError
from schemas.events import Meter
from schemas.taxonomy import Taxonomy
from serving.app_contract import contract_faults, model_faults
from serving.bundle_manifest import Validation
from serving.checked_bundle import Bundle
from serving.finished_bundle import Finish
from serving.mobile_files import ANDROID_FILE
from serving.saved_model import load_manifest, load_model_taxonomy
from serving.saved_model_classifier import SavedModelClassifier
from serving.suggestions import Suggester
from serving.tflite_classifier import TFLiteClassifier

BATCH_SIZE = 32

NO_TREE = f"The apps cannot name what it answers by such a {ANDROID_FILE}."


@dataclass(frozen=True)
class Comparison:
    """What a validation came to.

    Attributes:
        report: the mobile report, JSON-able.
        finish: what the finished bundle is made by.
    """

    report: Mapping[str, Any]
    finish: Finish


def compare(
    bundle: Bundle,
    saved_model_dir: str | PathLike[str],
    files: Sequence[str],
    settings: MobileValidationSettings,
    *,
    originals: Sequence[str] = (),
) -> Comparison:
    """Returns the report of a bundle and how to finish it.

    Args:
        bundle: what the phone would get; its taxonomy need not be readable.
        saved_model_dir: what it was made from.
        files: gzipped TFRecords of the split to compare on.
        settings: the bars.
        originals: gzipped TFRecords of the split as ExampleGen wrote it, to measure other clients'
            preprocessing on; none to leave that out.

    Raises:
        ConfigError: if a bar needs what the bundle does not hold.
        DataError: if the bundle is another model's, or the split has no photos.
    """
    _check_same_model(bundle, saved_model_dir)
    _check_bars(bundle, settings)
    taxonomy, server = load_model_taxonomy(saved_model_dir), SavedModelClassifier(saved_model_dir)
    faults = [*contract_faults(bundle, taxonomy), *_size_faults(bundle, settings)]
    can_answer = _has_leaves(bundle, taxonomy.num_leaves)
    unsound = {
        name: model_faults(bundle, name, taxonomy) if can_answer else (NO_TREE,)
        for name in bundle.variants
    }
    runnable = [name for name, found in unsound.items() if not found]
    sums = _calibration_sums(bundle, runnable)
    tallies, reference = _count(bundle, runnable, server, taxonomy, files, settings, sums)
    fitted = {name: found for name, of in sums.items() if (found := of.calibration()) is not None}
    times = _times(bundle, runnable, settings)
    judged = {
        name: _judge(name, tallies.get(name), unsound[name], times, bundle, taxonomy, settings)
        for name in bundle.variants
    }
    judged = {
        name: dataclasses.replace(verdict, calibration=fitted.get(name))
        for name, verdict in judged.items()
    }
    passed = [name for name, verdict in judged.items() if not verdict.reasons]
    choice = choose(
        passed=passed,
        sizes={name: verdict.size_bytes for name, verdict in judged.items()},
        fixed=settings.default_variant,
    )
    if choice.variant is None:
        faults.append(choice.reason)
    if settings.failing_variants != LEAVE_OUT and len(passed) < len(judged):
        failed = ", ".join(name for name in judged if name not in passed)
        faults.append(f"{failed}: a variant that misses a bar refuses the bundle.")
    report = report_of(
        bundle=bundle,
        settings=settings,
        reasons=faults,
        choice=choice,
        judged=judged,
        server=reference,
        visible=visible_taxa(reference, alpha=settings.broken_taxa_alpha),
        conventions=conventions(server, taxonomy, originals, max_photos=settings.convention_photos),
    )
    return Comparison(report, _finish(bundle, judged, passed, choice, reference, settings))


def _finish(
    bundle: Bundle,
    judged: Mapping[str, Judged],
    passed: Sequence[str],
    choice: Choice,
    reference: Tally,
    settings: MobileValidationSettings,
) -> Finish:
    figures = {
        name: figures_of(verdict.tally, len(verdict.broken), verdict.calibration)
        for name, verdict in judged.items()
        if verdict.tally is not None and np.isfinite(verdict.tally.largest_error)
    }
    server = server_figures(reference)
    return Finish(
        kept=passed or bundle.variants,
        default=choice.variant,
        reason=choice.reason,
        figures=figures,
        temperatures={
            name: verdict.calibration.temperature
            for name, verdict in judged.items()
            if verdict.calibration is not None
        },
        validation=Validation(
            report_version=REPORT_VERSION,
            split=settings.split,
            photos=reference.photos,
            server_top1=server["top1"],
            server_top5=server["top5"],
            server_rolled_up=server["rolled_up"],
        ),
    )


def _count(
    bundle: Bundle,
    variants: Sequence[str],
    server: SavedModelClassifier,
    taxonomy: Taxonomy,
    files: Sequence[str],
    settings: MobileValidationSettings,
    sums: Mapping[str, CalibrationSums],
) -> tuple[dict[str, Tally], Tally]:
    """Tallies by variant, and one of the server against itself; `sums` are added to."""
    phones = {name: TFLiteClassifier(bundle.model_path(name)) for name in variants}
    tallies, reference = {name: Tally() for name in phones}, Tally()
    server_suggests = Suggester(taxonomy)
    # The apps know the bundle's tree alone; where there is none, there is no variant either.
    phone_suggests = Suggester(bundle.taxonomy) if phones else server_suggests
    meter = Meter("photos compared", total=None, unit="photos")  # a split may hold fewer than max
    for pixels, labels in labelled_photos(
        files,
        size_px=bundle.image_size_px,
        batch_size=BATCH_SIZE,
        max_photos=settings.max_photos,
    ):
        _check_labels(labels, server.num_leaves, files)
        expected = Answers.of(server.scores(pixels), server_suggests)
        reference.add(expected, expected, labels)
        for name, phone in phones.items():
            scores = phone.scores(pixels)
            tallies[name].add(expected, Answers.of(scores, phone_suggests), labels)
            if name in sums:
                sums[name].add(scores, labels)
        meter.add(len(labels))
    meter.close()
    if not reference.photos:
        raise DataError(
            ", ".join(files) or "examples",
            problem=f"has no photo in the split {settings.split!r}, so nothing can be validated.",
            remedy="Choose a split with photos, or export more of them.",
        )
    return tallies, reference


def _size_faults(bundle: Bundle, settings: MobileValidationSettings) -> list[str]:
    if settings.input_px in (None, bundle.image_size_px):
        return []
    return [
        f"The models must take {settings.input_px} px (mobile_validation.input_px). Received: "
        f"{bundle.image_size_px} px. End the schedule at {settings.input_px}."
    ]


def _has_leaves(bundle: Bundle, num_leaves: int) -> bool:
    """Whether the bundle's tree can be read and has so many; if not, `contract_faults` says why."""
    try:
        return bundle.taxonomy.num_leaves == num_leaves
    except DataError:
        return False


def _calibration_sums(bundle: Bundle, variants: Sequence[str]) -> dict[str, CalibrationSums]:
    """Of the variants that are meant to differ; the others keep the network's temperature."""
    temperature = bundle.details.temperature
    if temperature is None:
        return {}
    return {name: CalibrationSums(temperature) for name in variants if is_lossy(name)}


def _times(bundle: Bundle, variants: Sequence[str], settings: MobileValidationSettings) -> Times:
    if not variants:
        return {}
    return measure(
        {name: bundle.model_path(name) for name in variants},
        threads=settings.latency_threads,
        runs=settings.latency_runs,
    )


def _judge(
    name: str,
    tally: Tally | None,
    unsound: tuple[str, ...],
    times: Times,
    bundle: Bundle,
    taxonomy: Taxonomy,
    settings: MobileValidationSettings,
) -> Judged:
    size = bundle.details.variants[name].bytes
    if tally is None:
        return Judged(unsound, size, None, (), {})
    broken = broken_taxa(tally, taxonomy, alpha=settings.broken_taxa_alpha)
    measured = Measured(size, len(broken), slowest(times)[name])
    reasons = failures(tally, Bars.of(settings, name), measured)
    return Judged(reasons, size, tally, tuple(broken), times)


def _check_same_model(bundle: Bundle, saved_model_dir: str | PathLike[str]) -> None:
    expected = load_manifest(saved_model_dir)["model_id"]
    received = bundle.details.model_id
    if received != expected:
        raise DataError(
            bundle.directory,
            problem=f"is the bundle of another model. Expected {expected}. Received: {received}.",
            remedy="Export the bundle from the model that it is compared with.",
        )


def _check_bars(bundle: Bundle, settings: MobileValidationSettings) -> None:
    to_float32 = (settings.max_latency_ratio, settings.max_p95_latency_ratio)
    if to_float32 != (None, None) and (
        "float32" not in bundle.variants or not settings.latency_runs
    ):
        raise ConfigError(
            "mobile_validation.max_latency_ratio and max_p95_latency_ratio are ratios to float32's "
            "time, which is not measured. Put float32 into mobile_export.variants and set "
            "latency_runs above 0, or set both to null."
        )
    if settings.max_latency_ms is not None and not settings.latency_runs:
        raise ConfigError(
            "mobile_validation.max_latency_ms asks for a time, but with latency_runs at 0 nothing "
            "is timed. Set latency_runs above 0, or max_latency_ms to null."
        )


def _check_labels(labels: npt.NDArray[np.int64], num_leaves: int, files: Sequence[str]) -> None:
    if labels.min() < 0 or labels.max() >= num_leaves:
        raise DataError(
            ", ".join(files),
            problem=f"a label is not a leaf class of the model, 0..{num_leaves - 1}. "
            f"Received: {labels.min()}..{labels.max()}.",
            remedy="Transform the photos with the taxonomy that the model was trained with.",
        )
