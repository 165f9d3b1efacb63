"""How long a photo takes, by variant and number of threads, with XNNPACK on this machine.

Times of a server's cores are no phone's, but their ratio to the float32 variant's, taken in the
same minutes, tells much of what a phone will see. Variants take turns, photo by photo, so that a
busy moment hits all of them alike.

    times = measure({"float16": path, ...}, threads=(1, 2), runs=20)
    times["float16"][2].p50_ms, slowest(times)["float16"].p95_ratio
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serving.tflite_classifier import TFLiteClassifier

WARM_UP_RUNS = 2
REFERENCE = "float32"


@dataclass(frozen=True)
class Latency:
    """Times of one photo.

    Attributes:
        p50_ms: median, in milliseconds.
        p95_ms: 19 of 20 photos took no longer.
    """

    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Slowest:
    """What bars are held against: the largest over numbers of threads.

    Attributes:
        p50_ms: median, in milliseconds; None if the variant was not timed.
        p50_ratio: median to float32's; None if either was not timed.
        p95_ratio: 95th percentile to float32's; None likewise.
    """

    p50_ms: float | None = None
    p50_ratio: float | None = None
    p95_ratio: float | None = None


Times = dict[str, dict[int, Latency]]


def measure(models: Mapping[str, Path], *, threads: Sequence[int], runs: int) -> Times:
    """Returns times by variant and number of threads; none for no runs.

    Args:
        models: path of each variant.
        threads: numbers of threads that a photo may use.
        runs: photos timed.
    """
    times: Times = {variant: {} for variant in models}
    for count in threads if runs else ():
        phones = {
            variant: TFLiteClassifier(path, num_threads=count) for variant, path in models.items()
        }
        for variant, taken in _in_turn(phones, runs).items():
            p50, p95 = np.percentile(1000 * np.array(taken), [50, 95])
            times[variant][count] = Latency(round(float(p50), 3), round(float(p95), 3))
    return times


def slowest(times: Times) -> dict[str, Slowest]:
    """Returns what each variant's bars are held against."""
    reference = times.get(REFERENCE, {})
    return {
        variant: Slowest(
            p50_ms=max((latency.p50_ms for latency in of.values()), default=None),
            p50_ratio=max(
                (ratio(of[n].p50_ms, reference[n].p50_ms) for n in of if n in reference),
                default=None,
            ),
            p95_ratio=max(
                (ratio(of[n].p95_ms, reference[n].p95_ms) for n in of if n in reference),
                default=None,
            ),
        )
        for variant, of in times.items()
    }


def ratio(time_ms: float, reference_ms: float) -> float:
    """Returns the ratio of two times of a photo, in milliseconds."""
    return time_ms / max(reference_ms, 1e-3)


def _in_turn(phones: Mapping[str, TFLiteClassifier], runs: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {variant: [] for variant in phones}
    size = next(iter(phones.values())).image_size_px
    photo = np.random.default_rng(0).uniform(0, 255, (1, size, size, 3)).astype(np.float32)
    for run in range(WARM_UP_RUNS + runs):
        for variant, phone in phones.items():
            started = time.perf_counter()
            phone.scores(photo)
            if run >= WARM_UP_RUNS:
                taken[variant].append(time.perf_counter() - started)
    return taken
