"""The training loop: stage after stage over one stream of photos.

It is ours and not Keras's `fit`, because `fit` cannot stop and go on inside an epoch, change
dropout between stages without retracing, or run on several machines with Keras 3. One step is
traced a stage. What it promises:

- loss and gradient are means over the global batch, whatever the number of replicas;
- BatchNormalization is synchronised over replicas;
- at the end of each epoch the network, or the average of its weights if one is kept (`ema`), is
  validated on every val photo, at the stage's size;
- a checkpoint after each epoch, and within one every `checkpoint_secs`; a run started again from
  a checkpoint sees the same photos, augmented in the same way, as one that was never stopped;
- asked to stop, it finishes its step, writes a checkpoint and raises `TrainingStopped`: a process
  by itself at once, several machines together, at the same step, within `READ_EVERY_STEPS`;
- a step that runs out of memory is taken again in parts (`accumulation`), from the same state;
- a loss that is not finite ends it with a `NonFiniteError`, and no checkpoint holds such a number.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras

from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.course import Course
from components.progressive_trainer.decisions import Decision
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.epochs import EpochSums, ends_epoch
from components.progressive_trainer.finite_check import FiniteCheck
from components.progressive_trainer.learner import Learner
from components.progressive_trainer.memory_estimate import Footprint, MemoryEstimate
from components.progressive_trainer.memory_fit import split_what_would_not_fit
from components.progressive_trainer.order_of_sums import sums_in_order
from components.progressive_trainer.out_of_memory import StepOutOfMemory, step_memory
from components.progressive_trainer.photos import Photos
from components.progressive_trainer.run_checks import check_run
from components.progressive_trainer.run_record import RunRecord
from components.progressive_trainer.run_state import RunState
from components.progressive_trainer.schedule import Stage
from components.progressive_trainer.step_inputs import step_inputs
from components.progressive_trainer.step_watch import Step, StepWatch
from components.progressive_trainer.stop_request import StopRequest, TrainingStopped
from components.progressive_trainer.training_batches import training_batches
from components.progressive_trainer.validation import validate
from components.progressive_trainer.way_back import WayBack
from schemas.events import Meter

__all__ = ["Photos", "TrainingLoop"]


class TrainingLoop:
    """A run of training, from the start or from its last checkpoint.

    Args:
        settings: what to train.
        num_leaves: N.
        train: training photos.
        val: validation photos.
        devices: where to run.
        checkpoints: where the run's checkpoints are kept (on every machine, though only the
            chief's writes); None to keep none.
        batches: decided for the stages with `global_batch: auto`.
        stop: says when to stop.
        board: TensorBoard's log directory; None for no event files.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        settings: TrainerSettings,
        *,
        num_leaves: int,
        train: Photos,
        val: Photos,
        devices: Devices,
        checkpoints: Checkpoints | None,
        batches: Sequence[Decision] = (),
        stop: StopRequest | None = None,
        board: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings, self.train, self.val, self.devices = settings, train, val, devices
        self.course = Course(
            settings, num_photos=train.count, num_val_photos=val.count, batches=batches
        )
        check_run(settings, self.plan, devices, num_leaves=num_leaves)
        self._checkpoints, self._clock = checkpoints, clock
        self._stop, self._watch = stop or StopRequest(), StepWatch()
        kept = checkpoints.directory if checkpoints else None
        self.record = RunRecord(
            devices,
            train_photos=train.count,
            val_photos=val.count,
            rows=kept,
            board=board,
            clock=clock,
        )
        learner = Learner(
            settings, num_leaves=num_leaves, devices=devices, photos_of_leaves=train.of_leaves
        )
        self._learner, self._steps, self._optimizer = learner, learner.steps, learner.optimizer
        self._average = learner.average
        self._state = RunState(learner, self.course, self.record, clock)
        self._way_back = WayBack(checkpoints, workers=devices.share.workers)
        self._finite = FiniteCheck(learner, devices, precision=settings.precision, kept=kept)

    @property
    def model(self) -> keras.Model:
        """The network that learns."""
        return self._learner.model

    @property
    def result(self) -> keras.Model:
        """The network that is validated and exported: that of the average, if one is kept."""
        return self._learner.result

    @property
    def plan(self) -> tuple[Stage, ...]:
        """The stages as they stand: a decision may change what lies ahead."""
        return self.course.plan

    @property
    def history(self) -> list[dict[str, Any]]:
        """The epochs so far, an entry each."""
        return self._state.history

    @property
    def _variables(self) -> list[keras.Variable]:
        return self._learner.variables

    def memory(self) -> MemoryEstimate:
        """Returns what the training will take on each device."""
        return Footprint(self.model, self.settings).of(self.plan, replicas=self.devices.replicas)

    def training_step(self, stage: Stage) -> Callable[..., Any]:
        """Returns a step as this training takes them, see `Steps.training`; for trials."""
        return self._steps.training(stage)

    @sums_in_order()
    def run(self) -> None:
        """Trains to the end of the schedule.

        Raises:
            TrainingStopped: after it was asked to stop.
            NonFiniteError: at a loss, or a weight, that is not finite.
        """
        seen = self._state.resume(self._checkpoints, self.devices)
        footprint = Footprint(self.model, self.settings)
        split_what_would_not_fit(self.course, footprint, self.settings, self.devices, seen=seen)
        while seen < self.plan[-1].end_examples or self._state.has_unfinished_epoch:
            try:
                seen = self._run_from(seen)
            except StepOutOfMemory as error:
                seen = self._in_smaller_parts(error)
        self.record.close()

    def _run_from(self, seen: int) -> int:
        meter = Meter(
            "training",
            total=self.plan[-1].end_examples,
            unit="photos",
            details=lambda: self.record.progress(self.plan),
        )
        meter.add(seen)
        for index in range(len(self.plan)):
            end = self.plan[index].end_examples
            # A run that was stopped in the validation at a stage's end has that to do still.
            if seen < end or (seen == end and self._state.has_unfinished_epoch):
                self._run_stage(index, seen, meter)
                seen = self.plan[index].end_examples
        meter.close()
        return seen

    def _in_smaller_parts(self, error: StepOutOfMemory) -> int:
        """Goes back to before the step that failed, and splits those of its stage from there on."""
        place, splits = self._way_back.place(error), self.course.splits
        self._state.go_to(place)
        self._watch = StepWatch()
        self.course.split(error.stage, splits, place.examples_seen, replicas=self.devices.replicas)
        return place.examples_seen

    def _run_stage(self, index: int, seen: int, meter: Meter) -> None:
        stage = self.plan[index]
        step = self._steps.training(stage, parts=self.course.parts(stage))
        evaluate = self._steps.validation(self.result)
        sums, saved_secs = self._state.begin_sums(stage), self._clock()
        if sums.examples and self._ends_epoch(stage, seen):
            stage = self._end_epoch(stage, seen, sums, evaluate, meter)
            sums, saved_secs = self._state.begin_sums(stage), self._clock()
        batches = self._training_batches(stage, seen) if seen < stage.end_examples else iter(())
        if index and seen == stage.start_examples:
            self._learner.begin_stage(stage, before=self.plan[index - 1])
        self._way_back.begin(stage, seen, partial(self._state.copy, seen, sums))
        self._stop.begin_stage()
        while seen < stage.end_examples:
            self._way_back.step(seen)
            self._take_step(stage, seen, step, batches, sums)
            seen += stage.global_batch
            meter.add(stage.global_batch)
            ends_here = self._ends_epoch(stage, seen)
            if ends_here or sums.row_steps >= self.settings.history_steps:
                rate = self.course.rate(seen - stage.global_batch)
                self.record.end_row(stage, seen, rate, sums)
            if self._is_asked_to_stop(read=ends_here or self._watch.due):
                raise self._stopped(seen, sums)
            if ends_here:
                stage = self._end_epoch(stage, seen, sums, evaluate, meter)
                sums, saved_secs = self._state.begin_sums(stage), self._clock()
            elif self._clock() - saved_secs > self.settings.checkpoint_secs:
                self._save(seen, sums)
                saved_secs = self._clock()

    def _take_step(
        self,
        stage: Stage,
        seen: int,
        step: Callable[..., Any],
        batches: Iterator[Any],
        sums: EpochSums,
    ) -> None:
        rate = self.course.rate(seen)
        waiting_secs = self._clock()
        images, labels, photo_ids = next(batches)
        waited_secs = self._clock() - waiting_secs
        given = step_inputs(stage, seen, rate=rate, seed=self.settings.seed, stop=self._stop.flag())
        with step_memory(stage):
            loss, hits, stops = step(images, labels, *given)
        sums.add(loss, hits, examples=stage.global_batch, data_wait_secs=waited_secs)
        self.record.step_taken(seen + stage.global_batch, waited_secs=waited_secs)
        if self._average:
            self._average.follow(seen=seen, batch=stage.global_batch)
        number = self.course.step_number(stage, seen)
        self._watch.add(Step(number, stage.index + 1, rate, loss, stops, photo_ids))

    def _is_asked_to_stop(self, *, read: bool) -> bool:
        """Whether to stop after this step; several machines know when they read, and all alike."""
        alone = self.devices.share.workers == 1
        asked = alone and self._stop.requested
        if not (read or asked):
            return False
        reading = self._watch.read()
        if reading.bad is not None:
            what = f"The training loss is {reading.loss}"
            raise self._finite.error(what, reading.bad, steps=self.course.steps)
        return asked if alone else reading.stop

    def _stopped(self, seen: int, sums: EpochSums) -> TrainingStopped:
        saved = self._save(seen, sums)
        return TrainingStopped(seen, saved=saved or not self.devices.is_chief)

    def _ends_epoch(self, stage: Stage, seen: int) -> bool:
        return ends_epoch(stage, seen, num_photos=self.train.count)

    def _end_epoch(
        self,
        stage: Stage,
        seen: int,
        sums: EpochSums,
        evaluate: Callable[..., Any],
        meter: Meter,
    ) -> Stage:
        """Validates, records, decides and saves; returns the stage, whose end may have moved."""
        validated = validate(
            evaluate,
            self.val.files,
            num_photos=self.val.count,
            image_size_px=stage.image_size_px,
            global_batch=self.settings.eval_batch,
            devices=self.devices,
            stop=self._stop,
            clock=self._clock,
        )
        if validated is None:
            raise self._stopped(seen, sums)
        self._finite.after_validation(validated.loss, self._watch.last, steps=self.course.steps)
        rate = self.course.rate(seen - stage.global_batch)
        self.history.append(self.record.end_epoch(self.plan, stage, seen, rate, sums, validated))
        decision = self.course.judge(self.history, self.devices)
        if decision:
            meter.expect(self.plan[-1].end_examples)
        self._save(seen, None, checked=True)
        if decision:
            self.course.tell(decision, self.devices)
        return self.plan[stage.index]

    def _save(self, seen: int, unfinished: EpochSums | None, *, checked: bool = False) -> bool:
        """Writes a checkpoint where this process is to; returns whether it did.

        One that would hold a number that is not finite is left out: the next reading of the losses
        says why, on all machines at once. After a validation that has been looked at.
        """
        if not (self._checkpoints and self.devices.is_chief):
            return False
        if not (checked or self._finite.may_be_kept(self._watch)):
            logging.warning("No checkpoint at photo %d: not all values are finite.", seen)
            return False
        self._checkpoints.save(**self._state.at(seen, unfinished))
        return True

    def _training_batches(self, stage: Stage, seen: int) -> Iterator[Any]:
        end = self.course.furthest_end(stage)
        return training_batches(self.train, stage, self.settings, self.devices, seen=seen, end=end)
