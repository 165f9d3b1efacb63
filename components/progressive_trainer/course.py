"""The course of a run: its plan as it stands, and the decisions that made it so.

The law: plan and learning rate follow from settings and decisions alone. The chief decides, and
tells the other machines the number; a resumed run is given its decisions and makes none again.

    course = Course(settings, num_photos=1700, num_val_photos=400)
    course.restore(checkpoint.decisions)
    course.plan, course.rate(examples_seen), course.decisions
    decision = course.judge(history, devices)        # after a validation
    course.tell(decision, devices)                   # once a checkpoint holds it
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from components.progressive_trainer.adaptive import Verdict, judge
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.decisions import Decision
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.schedule import Stage, learning_rate, stages, to_cross_epoch
from schemas.errors import FieldmarkError
from schemas.events import emit


class Course:
    """A run's plan.

    Args:
        settings: what is trained, and how.
        num_photos: training photos, an epoch.
        num_val_photos: val photos.
        batches: decided for the stages with `global_batch: auto`.
    """

    def __init__(
        self,
        settings: TrainerSettings,
        *,
        num_photos: int,
        num_val_photos: int,
        batches: Sequence[Decision] = (),
    ) -> None:
        self._settings = settings
        self._num_photos, self._num_val_photos = num_photos, num_val_photos
        self._follow(tuple(batches))
        assert not any(stage.auto_batch for stage in self.plan), "found before training starts"
        self._planned_steps = [stage.steps for stage in self.plan]

    def restore(self, decisions: Iterable[Mapping[str, Any]]) -> None:
        """Takes over the decisions of a checkpoint."""
        self._follow(tuple(Decision(**values) for values in decisions))

    def rate(self, examples_seen: int) -> float:
        """Returns the learning rate of the step that starts at `examples_seen`."""
        return learning_rate(
            self.plan,
            self._settings.schedule,
            num_photos=self._num_photos,
            examples_seen=examples_seen,
            decisions=self.decisions,
        )

    def furthest_end(self, stage: Stage) -> int:
        """Returns the photo of the run that a stage may go on to, should it be decided so."""
        if self._settings.adaptive is None:
            return stage.end_examples
        share = self._settings.adaptive.longest_share
        steps = max(stage.steps, math.floor(share * self._planned_steps[stage.index]))
        if stage.index < len(self.plan) - 1:
            steps += 1  # to cross an epoch's end
        return stage.start_examples + steps * stage.global_batch

    @property
    def steps(self) -> int:
        """Steps of the run."""
        return sum(stage.steps for stage in self.plan)

    def step_number(self, stage: Stage, seen: int) -> int:
        """Returns the number of a stage's step from photo `seen` on, 1 for the run's first."""
        before = sum(each.steps for each in self.plan[: stage.index])
        return 1 + before + (seen - stage.start_examples) // stage.global_batch

    @property
    def splits(self) -> tuple[Decision, ...]:
        """The decisions to compute steps in parts."""
        return tuple(each for each in self.decisions if each.what == "parts")

    def parts(self, stage: Stage) -> int:
        """Returns in how many parts a replica's photos of a step are computed."""
        return max((each.after for each in self.splits if each.stage == stage.index), default=1)

    def split(
        self, stage: Stage, splits: Sequence[Decision], examples_seen: int, *, replicas: int
    ) -> None:
        """Decides that the memory holds only half as many photos at a time in a stage.

        Args:
            stage: the stage.
            splits: those before the run went back to a place that may know nothing of them.
            examples_seen: that place, in photos of the run.
            replicas: that share a global batch.

        Raises:
            FieldmarkError: if a replica had no more than one photo at a time.
        """
        lost = [replace(each, at_examples=examples_seen) for each in splits[len(self.splits) :]]
        self._follow((*self.decisions, *lost))
        each, before = stage.global_batch // replicas, self.parts(stage)
        if 2 * before > each:
            raise FieldmarkError(
                f"The device's memory does not hold a training step of stage {stage.index + 1} "
                f"over a single photo of {stage.image_size_px} px. Lower the image size, take a "
                "smaller network, or set trainer.precision to a shorter one."
            )
        photos = f"{-(-each // before)} photos of {stage.image_size_px} px"
        why = f"out of memory with {photos} on a device"
        self.compute_in_parts(stage, 2 * before, examples_seen, replicas=replicas, why=why)

    def compute_in_parts(
        self, stage: Stage, parts: int, examples_seen: int, *, replicas: int, why: str
    ) -> None:
        """Decides in how many parts the steps of a stage are computed.

        Args:
            stage: the stage.
            parts: how many.
            examples_seen: photos of the run seen.
            replicas: that share a global batch.
            why: in words.
        """
        each = stage.global_batch // replicas
        text = (
            f"stage {stage.index + 1} computes its steps in {parts} parts: {why}. Batch and rate "
            "stay as they are, the gradients of the parts are added up; but BatchNormalization "
            f"sees {-(-each // parts)} photos of each replica at a time"
        )
        before = self.parts(stage)
        decision = Decision("parts", stage.index, examples_seen, before, parts, text)
        self._follow((*self.decisions, decision))
        _log(decision)
        emit("note", text=text)

    def judge(self, history: Sequence[Mapping[str, Any]], devices: Devices) -> Decision | None:
        """Decides after a validation where its stage ends; all machines must ask.

        Returns:
            The decision, already followed and not yet told: until a checkpoint holds it, a run that
            is killed decides anew. None if the plan stays as it is.
        """
        if self._settings.adaptive is None:
            return None
        verdict = judge(
            self._settings.adaptive,
            self.plan,
            history,
            planned_steps=self._planned_steps,
            num_photos=self._num_photos,
            num_val_photos=self._num_val_photos,
        )
        seen, stage = history[-1]["examples_seen"], self.plan[history[-1]["stage"]]
        end = devices.from_chief(verdict.end_examples)
        if end == stage.end_examples:
            self._tell_kept(stage, seen, verdict)
            return None
        reason = verdict.reason if devices.is_chief else "as the chief has measured"
        text = f"stage {stage.index + 1} {self._in_words(stage, seen, end)}: {reason}"
        decision = Decision("end_examples", stage.index, seen, stage.end_examples, end, text)
        self._follow((*self.decisions, decision))
        self._let_later_stages_cross(decision)
        return decision

    def tell(self, decision: Decision, devices: Devices) -> None:
        """Says what was judged, of several machines once, and logs what followed from it."""
        for each in self.decisions[self.decisions.index(decision) :]:
            _log(each)
        if devices.is_chief:
            emit("note", text=decision.reason)

    def _let_later_stages_cross(self, decision: Decision) -> None:
        """They kept their steps and moved along: one may now end just short of an epoch's end."""
        for index in range(decision.stage + 1, len(self.plan) - 1):
            stage = self.plan[index]
            end, batch = stage.end_examples, stage.global_batch
            if to_cross_epoch(end, batch, num_photos=self._num_photos):
                text = f"stage {index + 1} takes a batch more, to cross the end of an epoch"
                later = Decision(
                    "end_examples", index, decision.at_examples, end, end + batch, text
                )
                self._follow((*self.decisions, later))

    def _follow(self, decisions: tuple[Decision, ...]) -> None:
        self.decisions: tuple[Decision, ...] = decisions
        self.plan = stages(
            self._settings.schedule, num_photos=self._num_photos, decisions=decisions
        )

    def _tell_kept(self, stage: Stage, seen: int, verdict: Verdict) -> None:
        end = (stage.end_examples - stage.start_examples) / self._num_photos
        logging.info(
            "At photo %d stage %d keeps its end, after %.1f epochs: %s.",
            seen, stage.index + 1, end, verdict.reason,
        )  # fmt: skip

    def _in_words(self, stage: Stage, seen: int, end: int) -> str:
        photos = self._planned_steps[stage.index] * stage.global_batch
        now, then, planned = (
            count / self._num_photos
            for count in (seen - stage.start_examples, end - stage.start_examples, photos)
        )
        if end < stage.end_examples:
            return f"ends after {then:.1f} of {planned:.1f} epochs"
        return f"goes on after {now:.1f} epochs, to {then:.1f} where {planned:.1f} were planned"


def _log(decision: Decision) -> None:
    logging.info("Decided at photo %d: %s.", decision.at_examples, decision.reason)
