"""`mobile_report.json`: what the phone's answers came to, as plain values.

docs/mobile.md says what each key holds. Raise REPORT_VERSION when a key changes its meaning.

    report_of(bundle=bundle, settings=settings, reasons=[], ...)["variants"]["float16"]
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.mobile_validator.broken_taxa import BrokenTaxon
from components.mobile_validator.config import MobileValidationSettings
from components.mobile_validator.default_choice import Choice
from components.mobile_validator.latency import REFERENCE, Latency, Times, ratio
from components.mobile_validator.tally import Tally
from components.mobile_validator.variant_temperature import VariantCalibration
from components.mobile_validator.visible_taxa import VisibleTaxa
from serving.bundle_manifest import VariantFigures
from serving.checked_bundle import Bundle

REPORT_VERSION = 2

BROKEN_TAXA_SHOWN = 100


@dataclass(frozen=True)
class Judged:
    """What became of a variant.

    Attributes:
        reasons: why it fails, none if it passes.
        size_bytes: of its file.
        tally: of its answers; None if it cannot be run.
        broken: taxa that it names worse, beyond chance.
        times: of all variants.
        calibration: of a variant that has a temperature of its own.
    """

    reasons: tuple[str, ...]
    size_bytes: int
    tally: Tally | None
    broken: tuple[BrokenTaxon, ...]
    times: Times
    calibration: VariantCalibration | None = None


def report_of(
    *,
    bundle: Bundle,
    settings: MobileValidationSettings,
    reasons: Sequence[str],
    choice: Choice,
    judged: Mapping[str, Judged],
    server: Tally,
    visible: VisibleTaxa,
    conventions: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns the report.

    Args:
        bundle: that was validated.
        settings: the bars.
        reasons: why the bundle as a whole is refused, none if it is blessed.
        choice: the default variant.
        judged: by variant.
        server: tally of the server against itself.
        visible: which taxa could be found broken on these photos.
        conventions: of `client_conventions`.
    """
    return {
        "report_version": REPORT_VERSION,
        "bundle": bundle.details.name,
        "model_id": bundle.details.model_id,
        "blessed": not reasons,
        "reasons": list(reasons),
        "default_variant": choice.variant,
        "default_reason": choice.reason,
        "temperature": bundle.details.temperature,
        "split": settings.split,
        "photos": server.photos,
        "settings": settings.model_dump(mode="json"),
        "server": server_figures(server),
        "variants": {name: _entry(name, verdict) for name, verdict in judged.items()},
        "visible_taxa": {**dataclasses.asdict(visible), "words": visible.words},
        "latency": {"runs": settings.latency_runs, "cores": os.cpu_count()},
        "conventions": dict(conventions),
    }


def server_figures(server: Tally) -> dict[str, float]:
    """Returns what the SavedModel is worth on the same photos, shares of 0..1."""
    return {
        "top1": server.server_accuracy,
        "top5": server.server_top5 / server.photos,
        "rolled_up": server.rolled_up / server.photos,
    }


def figures_of(
    tally: Tally, broken: int, calibration: VariantCalibration | None = None
) -> VariantFigures:
    """Returns the figures that the manifest has."""
    return VariantFigures(
        photos=tally.photos,
        top1=tally.variant_accuracy,
        top5=tally.variant_top5 / tally.photos,
        top1_drop=tally.accuracy_drop,
        top1_drop_interval=tally.accuracy_drop_interval,
        top1_agreement=tally.top1_agreement,
        top5_agreement=tally.top5_agreement,
        rollup_agreement=tally.rollup_agreement,
        largest_score_error=tally.largest_error,
        broken_taxa=broken,
        calibration_error=calibration.calibration_error if calibration else None,
        calibrated_calibration_error=(
            calibration.calibrated_calibration_error if calibration else None
        ),
    )


def _entry(name: str, judged: Judged) -> dict[str, Any]:
    head = {
        "passed": not judged.reasons,
        "reasons": list(judged.reasons),
        "bytes": judged.size_bytes,
        "photos": judged.tally.photos if judged.tally is not None else 0,
    }
    if judged.tally is None:
        return head
    tally, times = judged.tally, judged.times.get(name, {})
    fewest = times[min(times)] if times else None
    return {
        **head,
        "top1_agreement": tally.top1_agreement,
        "top5_agreement": tally.top5_agreement,
        "rollup_agreement": tally.rollup_agreement,
        "server_accuracy": tally.server_accuracy,
        "variant_accuracy": tally.variant_accuracy,
        "accuracy_drop": tally.accuracy_drop,
        "accuracy_drop_interval": list(tally.accuracy_drop_interval),
        "accuracy_drop_p_value": tally.accuracy_drop_p_value,
        "server_top5": tally.server_top5 / tally.photos,
        "variant_top5": tally.variant_top5 / tally.photos,
        # JSON has no NaN; the reasons say it.
        "largest_score_error": _number(tally.largest_error),
        "largest_sum_error": _number(tally.largest_sum_error),
        "calibration": dataclasses.asdict(judged.calibration) if judged.calibration else None,
        "broken_taxa": len(judged.broken),
        "worst_taxa": [dataclasses.asdict(taxon) for taxon in judged.broken[:BROKEN_TAXA_SHOWN]],
        "latency_p50_ms": fewest.p50_ms if fewest else None,
        "latency_p95_ms": fewest.p95_ms if fewest else None,
        "latency": {
            str(threads): _latency(latency, judged.times.get(REFERENCE, {}).get(threads))
            for threads, latency in times.items()
        },
    }


def _latency(latency: Latency, reference: Latency | None) -> dict[str, float | None]:
    return {
        "p50_ms": latency.p50_ms,
        "p95_ms": latency.p95_ms,
        "ratio_to_float32": _ratio(latency.p50_ms, reference.p50_ms if reference else None),
        "p95_ratio_to_float32": _ratio(latency.p95_ms, reference.p95_ms if reference else None),
    }


def _ratio(time_ms: float, reference_ms: float | None) -> float | None:
    return round(ratio(time_ms, reference_ms), 3) if reference_ms is not None else None


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
