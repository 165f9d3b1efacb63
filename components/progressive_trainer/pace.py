"""How fast training goes now, and what its progress line says.

The rate is that of the last `WINDOW_SECS` of a stage's training: the step in which a stage is
traced is left out, and so are validations. Waiting for photos is counted on the host: where a GPU
still has steps queued meanwhile it does not stand idle, so that the share is the most that can be
lost.

    pace = Pace(devices=2, train_photos=51200, val_photos=4000)
    pace.enter(stage, clock())                              # after each validation too
    pace.step(seen, clock(), waited_secs=0.01)              # after each step
    pace.validated(stage, secs=20.0)
    meter = Meter("training", ..., details=lambda: pace.details(plan))
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.progressive_trainer.forecast import secs_left, training_cost, validation_cost
from components.progressive_trainer.schedule import Stage

WINDOW_SECS = 20.0
"""Long enough to smooth a checkpoint, short enough to show what goes on."""


@dataclass(frozen=True)
class _Point:
    """The end of a step: seconds of training, photos, and seconds waited, all of this stage."""

    secs: float
    seen: int
    waited_secs: float


class Pace:
    """Times the steps of a run.

    Args:
        devices: replicas over all machines.
        train_photos: training photos, an epoch.
        val_photos: photos of a validation.
    """

    def __init__(self, *, devices: int, train_photos: int, val_photos: int) -> None:
        self._devices, self._train_photos, self._val_photos = devices, train_photos, val_photos
        self._stage: Stage | None = None
        self._points: deque[_Point] = deque()
        self._now_secs = 0.0
        self._unit_secs: float | None = None
        self._val_unit_secs: float | None = None
        self._trace_secs = 0.0
        self._validated_px = 0

    def restart(self) -> None:
        """A run goes on at another place than where the last step ended: nothing is timed there."""
        self._points.clear()

    def enter(self, stage: Stage, now_secs: float) -> None:
        """Training begins, or goes on, in a stage."""
        if self._stage is None or stage.index != self._stage.index:
            self._points.clear()
        self._stage = stage  # whose end may have moved
        self._now_secs = now_secs

    def step(self, seen: int, now_secs: float, *, waited_secs: float) -> None:
        """A step has ended.

        Args:
            seen: photos of the run seen.
            now_secs: on the loop's clock.
            waited_secs: waited for the step's photos.
        """
        assert self._stage is not None, "entered before"
        took_secs, self._now_secs = now_secs - self._now_secs, now_secs
        if not self._points:  # the step in which the stage is traced
            self._points.append(_Point(0.0, seen, 0.0))
            self._trace_secs = took_secs
            return
        last = self._points[-1]
        secs = last.secs + took_secs
        self._points.append(_Point(secs, seen, last.waited_secs + waited_secs))
        while len(self._points) > 2 and secs - self._points[1].secs >= WINDOW_SECS:
            self._points.popleft()
        first = self._points[0]
        if secs > first.secs:
            per_photo = (secs - first.secs) / (seen - first.seen)
            self._unit_secs = per_photo / training_cost(self._stage)

    def validated(self, stage: Stage, secs: float) -> None:
        """A validation took so long; the first at a size, which is traced, tells little."""
        if stage.image_size_px == self._validated_px:
            self._val_unit_secs = secs / (self._val_photos * validation_cost(stage))
        self._validated_px = stage.image_size_px

    def details(self, plan: Sequence[Stage]) -> dict[str, Any]:
        """Returns what the progress line shows beside the count; less before anything is timed.

        Args:
            plan: all stages.
        """
        if self._stage is None or not self._points:
            return {}
        first, last = self._points[0], self._points[-1]
        shown: dict[str, Any] = {
            "stage": self._stage.index + 1,
            "stages": len(plan),
            "image_size_px": self._stage.image_size_px,
            "devices": self._devices,
        }
        if last.secs > first.secs:
            waited_secs = last.waited_secs - first.waited_secs
            shown["rate"] = (last.seen - first.seen) / (last.secs - first.secs)
            shown["data_wait_share"] = min(1.0, waited_secs / (last.secs - first.secs))
        if self._unit_secs is None:
            return shown
        left = secs_left(
            plan,
            self._stage,
            last.seen,
            train_photos=self._train_photos,
            val_photos=self._val_photos,
            unit_secs=self._unit_secs,
            # Before one is timed, as fast as training's pass forth.
            val_unit_secs=self._val_unit_secs or self._unit_secs,
            trace_secs=self._trace_secs,
        )
        return {**shown, "stage_secs_left": left.stage_secs, "run_secs_left": left.run_secs}
