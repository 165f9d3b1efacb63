"""What is made of the counts: a sentence for each bar that a variant misses, and by how much.

reasons = failures(tally, Bars(min_top1_agreement=0.97), Measured(size_bytes=...))  # () if passed
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from components.mobile_validator.config import MobileValidationSettings, is_lossy
from components.mobile_validator.latency import Slowest
from components.mobile_validator.tally import Tally

MAX_SUM_ERROR = 0.02
"""Largest difference of a photo's sum of scores from 1: softmax is inside, or it is not."""


@dataclass(frozen=True)
class Bars:
    """What a variant must reach; None asks nothing. Units as in MobileValidationSettings."""

    min_top1_agreement: float = 0.0
    min_top5_agreement: float = 0.0
    min_rollup_agreement: float = 0.0
    max_accuracy_drop: float = 1.0
    max_score_error: float | None = None
    max_broken_taxa: int | None = None
    max_megabytes: float | None = None
    max_latency_ratio: float | None = None
    max_p95_latency_ratio: float | None = None
    max_latency_ms: float | None = None

    @classmethod
    def of(cls, settings: MobileValidationSettings, variant: str) -> Bars:
        """Returns the bars that the settings set for a variant."""
        return cls(
            min_top1_agreement=settings.min_agreement_of(variant),
            min_top5_agreement=settings.min_top5_agreement,
            min_rollup_agreement=settings.min_rollup_agreement,
            max_accuracy_drop=settings.max_accuracy_drop,
            max_score_error=None if is_lossy(variant) else settings.max_score_error,
            max_broken_taxa=settings.max_broken_taxa,
            max_megabytes=settings.max_megabytes,
            max_latency_ratio=settings.max_latency_ratio,
            max_p95_latency_ratio=settings.max_p95_latency_ratio,
            max_latency_ms=settings.max_latency_ms,
        )


@dataclass(frozen=True)
class Measured:
    """What was measured beside the answers.

    Attributes:
        size_bytes: of the file.
        broken_taxa: taxa named worse than the server does, beyond chance.
        latency: at the worst number of threads.
    """

    size_bytes: int = 0
    broken_taxa: int = 0
    latency: Slowest = field(default_factory=Slowest)


def failures(tally: Tally, bars: Bars, measured: Measured) -> tuple[str, ...]:
    """Returns why a variant fails, a sentence for each bar, with by how much; empty if it passes.

    Args:
        tally: of one photo at least.
        bars: what is asked.
        measured: what it came to besides.
    """
    return (*_unsound(tally), *_disagreements(tally, bars), *_costs(bars, measured))


def _unsound(tally: Tally) -> list[str]:
    if not np.isfinite(tally.largest_error):
        return ["It gives scores that are not numbers."]
    if tally.largest_sum_error > MAX_SUM_ERROR:
        return [
            f"A photo's scores must sum to 1, within {MAX_SUM_ERROR:g}: the softmax is inside. "
            f"Received: off by {tally.largest_sum_error:.3g}."
        ]
    return []


def _disagreements(tally: Tally, bars: Bars) -> list[str]:
    reasons = [
        f"{what} must be at least {bar:.4f}. Received: {share:.4f} ({count} of {tally.photos} "
        f"photos), short by {bar - share:.4f}."
        for what, bar, share, count in (
            (
                "Top-1 agreement with the server",
                bars.min_top1_agreement,
                tally.top1_agreement,
                tally.agreeing,
            ),
            (
                "Top-5 agreement with the server",
                bars.min_top5_agreement,
                tally.top5_agreement,
                tally.top5_agreeing,
            ),
            (
                "Agreement of rolled-up answers",
                bars.min_rollup_agreement,
                tally.rollup_agreement,
                tally.rollup_agreeing,
            ),
        )
        if share < bar
    ]
    if tally.accuracy_drop > bars.max_accuracy_drop:
        low, high = tally.accuracy_drop_interval
        reasons.append(
            f"Accuracy may drop by at most {bars.max_accuracy_drop:.4f}. "
            f"Received: {tally.accuracy_drop:.4f} ({tally.server_accuracy:.4f} to "
            f"{tally.variant_accuracy:.4f}; 95 % interval {low:.4f} to {high:.4f}), over by "
            f"{tally.accuracy_drop - bars.max_accuracy_drop:.4f}."
        )
    if bars.max_score_error is not None and tally.largest_error > bars.max_score_error:
        reasons.append(
            f"A score may differ by at most {bars.max_score_error:g}. Received: "
            f"{tally.largest_error:.3g}."
        )
    return reasons


def _costs(bars: Bars, measured: Measured) -> list[str]:
    reasons = []
    if bars.max_broken_taxa is not None and measured.broken_taxa > bars.max_broken_taxa:
        reasons.append(
            f"At most {bars.max_broken_taxa:,} taxa may be named worse, beyond chance. Received: "
            f"{measured.broken_taxa:,}."
        )
    megabytes = measured.size_bytes / 1e6
    if bars.max_megabytes is not None and megabytes > bars.max_megabytes:
        reasons.append(
            f"The file may have at most {bars.max_megabytes:g} MB. Received: {megabytes:.2f} MB."
        )
    return [*reasons, *_delays(bars, measured.latency)]


def _delays(bars: Bars, latency: Slowest) -> list[str]:
    """What was not measured misses its bar as well: nobody can say that it is kept."""
    to_float32 = "times float32's time"
    reasons = []
    for what, bar, received, unit in (
        ("A photo may take", bars.max_latency_ratio, latency.p50_ratio, to_float32),
        ("19 of 20 photos may take", bars.max_p95_latency_ratio, latency.p95_ratio, to_float32),
        ("A photo may take", bars.max_latency_ms, latency.p50_ms, "ms"),
    ):
        if bar is None or (received is not None and received <= bar):
            continue
        got = (
            f"{received:.2f}, over by {received - bar:.2f}"
            if received is not None
            else "no time of it, or none of float32, which cannot be run"
        )
        reasons.append(f"{what} at most {bar:g} {unit}. Received: {got}.")
    return reasons
