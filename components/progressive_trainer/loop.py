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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.progressive_trainer.checkpoint import Checkpoint, Checkpoints
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.course import Course
from components.progressive_trainer.decisions import Decision
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.ema import WeightAverage
from components.progressive_trainer.epochs import EpochSums, ends_epoch
from components.progressive_trainer.leaf_weights import leaf_weights
from components.progressive_trainer.memory_estimate import Footprint, MemoryEstimate
from components.progressive_trainer.networks import build_network
from components.progressive_trainer.optimizers import build_optimizer, set_learning_rate
from components.progressive_trainer.out_of_memory import (
    COVERED_STEPS,
    StepOutOfMemory,
    place_to_go_back_to,
    step_memory,
)
from components.progressive_trainer.photo_stream import training_stream
from components.progressive_trainer.return_point import ReturnPoint
from components.progressive_trainer.run_record import RunRecord
from components.progressive_trainer.sampled_softmax import check_sample
from components.progressive_trainer.schedule import Stage
from components.progressive_trainer.step_watch import (
    NonFiniteError,
    Step,
    StepWatch,
    first_non_finite,
)
from components.progressive_trainer.steps import Steps
from components.progressive_trainer.stop_request import StopRequest, TrainingStopped
from components.progressive_trainer.validation import validate
from components.progressive_trainer.xla import check_xla
from schemas.events import Meter, emit


@dataclass(frozen=True)
class Photos:
    """The files of a split and how many photos are in them.

    Attributes:
        files: TFRecord files (gzip) of transformed records.
        count: photos.
        of_leaves: int64 [N], photos of each leaf; needed of training photos for class weighting.
    """

    files: Sequence[str]
    count: int
    of_leaves: np.ndarray | None = None


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
        self.history: list[dict[str, Any]] = []
        self._partial: dict[str, Any] = {}
        self._checkpoints, self._clock = checkpoints, clock
        self._return_point: ReturnPoint | None = None
        self._stop, self._watch = stop or StopRequest(), StepWatch()
        self.record = RunRecord(
            devices,
            train_photos=train.count,
            val_photos=val.count,
            rows=checkpoints.directory if checkpoints else None,
            board=board,
            clock=clock,
        )
        for stage in self.plan:
            setting = f"schedule stage {stage.index + 1}"
            devices.check_batch(stage.global_batch, setting=setting)
            if stage.mixup > 0 or stage.cutmix > 0:
                devices.check_pairs(stage.global_batch, setting=setting)
        devices.check_batch(settings.eval_batch, setting="trainer.eval_batch")
        check_sample(settings.sampled_softmax, num_leaves=num_leaves)
        check_xla(settings, devices)
        keras.utils.set_random_seed(settings.seed)
        keras.mixed_precision.set_dtype_policy(settings.precision)
        with devices.strategy.scope():
            self.model = build_network(
                settings.network,
                num_leaves=num_leaves,
                base_weights=settings.base_weights,
                head_rank=settings.head_rank,
            )
            self._optimizer = build_optimizer(settings)
            self._optimizer.build(self.model.trainable_variables)
            self._steps = Steps(
                self.model,
                self._optimizer,
                devices,
                sampled_leaves=settings.sampled_softmax,
                leaf_weights=self._leaf_weights(),
                xla=settings.xla,
            )
            self._average = None
            if settings.ema_decay is not None:
                self._average = WeightAverage(
                    self.model, decay=settings.ema_decay, strategy=devices.strategy
                )

    def memory(self) -> MemoryEstimate:
        """Returns what the training will take on each device."""
        return Footprint(self.model, self.settings).of(self.plan, replicas=self.devices.replicas)

    def training_step(self, stage: Stage) -> Callable[..., Any]:
        """Returns a step as this training takes them, see `Steps.training`; for trials."""
        return self._steps.training(stage)

    @property
    def plan(self) -> tuple[Stage, ...]:
        """The stages as they stand: a decision may change what lies ahead."""
        return self.course.plan

    @property
    def result(self) -> keras.Model:
        """The network that is validated and exported: that of the average, if one is kept."""
        return self._average.model if self._average else self.model

    @property
    def _variables(self) -> list[keras.Variable]:
        averages = self._average.model.variables if self._average else []
        return [*self.model.variables, *self._optimizer.variables, *averages]

    def _leaf_weights(self) -> np.ndarray | None:
        if self.settings.class_weighting == 0:
            return None
        assert self.train.of_leaves is not None, "counted where class weighting is on"
        return leaf_weights(self.train.of_leaves, power=self.settings.class_weighting)

    def run(self) -> None:
        """Trains to the end of the schedule.

        Raises:
            TrainingStopped: after it was asked to stop.
            NonFiniteError: at a loss, or a weight, that is not finite.
        """
        seen = self._resume()
        while seen < self.plan[-1].end_examples or self._partial:
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
            if seen < end or (seen == end and self._partial):
                self._run_stage(index, seen, meter)
                seen = self.plan[index].end_examples
        meter.close()
        return seen

    def _in_smaller_parts(self, error: StepOutOfMemory) -> int:
        """Goes back to before the step that failed, and splits those of its stage from there on."""
        place = place_to_go_back_to(
            error,
            self._return_point,
            self._checkpoints.latest() if self._checkpoints else None,
            workers=self.devices.share.workers,
        )
        splits = self.course.splits
        self._go_to(place)
        self._watch = StepWatch()
        self.course.split(error.stage, splits, place.examples_seen, replicas=self.devices.replicas)
        return place.examples_seen

    def _go_to(self, place: Checkpoint | ReturnPoint) -> None:
        place.restore(self._variables)
        self.history, self._partial = list(place.history), place.partial_epoch
        self.course.restore(place.decisions)
        self.record.begin(place.record)

    def _begin_sums(self, stage: Stage) -> EpochSums:
        """The sums of an epoch that a checkpoint stopped in, once; else new ones."""
        unfinished, self._partial = self._partial, {}
        self.record.enter(stage)
        return EpochSums.begun(self._clock(), unfinished)

    def _resume(self) -> int:
        """Goes to the place in the run that the chief's last checkpoint is of."""
        latest = None
        if self._checkpoints and self.devices.is_chief:
            latest = self._checkpoints.latest()
        # All machines go on from the same place. The chief deletes no checkpoint before it has
        # taken steps, for which it needs the others.
        seen = self.devices.from_chief(latest.examples_seen if latest else 0)
        if seen == 0:
            self.record.begin({})
            if self._average:
                self._average.restart()  # weights may have been set since it was made
            return 0
        assert self._checkpoints is not None, "given to all machines or to none"
        latest = latest or self._checkpoints.at(seen)
        self._go_to(latest)
        emit("note", text=f"training goes on at photo {seen:,} of the run")
        return seen

    def _run_stage(self, index: int, seen: int, meter: Meter) -> None:
        stage = self.plan[index]
        step = self._steps.training(stage, parts=self.course.parts(stage))
        evaluate = self._steps.validation(self.result)
        sums = self._begin_sums(stage)
        saved_secs = self._clock()
        if sums.examples and self._ends_epoch(stage, seen):
            stage = self._end_epoch(stage, seen, sums, evaluate, meter)
            sums, saved_secs = self._begin_sums(stage), self._clock()
        batches = self._training_batches(stage, seen) if seen < stage.end_examples else iter(())
        self._return_point = self._copied_unless_saved(seen, sums)
        covered = seen + COVERED_STEPS * stage.global_batch
        while seen < stage.end_examples:
            if seen == covered:
                self._return_point = None
            self._take_step(stage, seen, step, batches, sums)
            seen += stage.global_batch
            meter.add(stage.global_batch)
            ends_here = self._ends_epoch(stage, seen)
            if ends_here or sums.row_steps == self.settings.history_steps:
                self.record.end_row(stage, seen, self._last_rate(stage, seen), sums)
            if self._is_asked_to_stop(read=ends_here or self._watch.due):
                raise self._stopped(seen, sums)
            if ends_here:
                stage = self._end_epoch(stage, seen, sums, evaluate, meter)
                sums, saved_secs = self._begin_sums(stage), self._clock()
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
        set_learning_rate(self._optimizer, rate)
        waiting_secs = self._clock()
        images, labels, photo_ids = next(batches)
        waited_secs = self._clock() - waiting_secs
        seed = tf.constant([self.settings.seed, seen % (2**31 - 1)], tf.int32)
        dropout = tf.constant(stage.dropout, tf.float32)
        stop = tf.constant(self._stop.flag(), tf.float32)
        with step_memory(stage):
            loss, hits, stops = step(images, labels, dropout, seed, stop)
        sums.add(loss, hits, examples=stage.global_batch, data_wait_secs=waited_secs)
        self.record.step_taken(seen + stage.global_batch, waited_secs=waited_secs)
        if self._average:
            self._average.follow(seen=seen, batch=stage.global_batch)
        number = 1 + sum(each.steps for each in self.plan[: stage.index])
        number += (seen - stage.start_examples) // stage.global_batch
        self._watch.add(Step(number, stage.index + 1, rate, loss, stops, photo_ids))

    def _is_asked_to_stop(self, *, read: bool) -> bool:
        """Whether to stop after this step; several machines know when they read, and all alike."""
        alone = self.devices.share.workers == 1
        asked = alone and self._stop.requested
        if not (read or asked):
            return False
        reading = self._watch.read()
        if reading.bad is not None:
            raise self._non_finite(f"The training loss is {reading.loss}", reading.bad)
        return asked if alone else reading.stop

    def _non_finite(self, what: str, step: Step) -> NonFiniteError:
        """All machines are here at the same step, so that they can put its ids together."""
        photo_ids = self.devices.whole_batch(step.photo_ids)
        self.devices.part()
        logging.error("%s. Photo ids of the step: %s", what, photo_ids)
        return NonFiniteError(
            what,
            step,
            steps=sum(stage.steps for stage in self.plan),
            precision=self.settings.precision,
            photo_ids=photo_ids,
            kept=str(self._checkpoints.directory) if self._checkpoints else None,
        )

    def _stopped(self, seen: int, sums: EpochSums) -> TrainingStopped:
        saved = self._save(seen, sums)
        return TrainingStopped(seen, saved=saved or not self.devices.is_chief)

    def _last_rate(self, stage: Stage, seen: int) -> float:
        return self.course.rate(seen - stage.global_batch)

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
        self._check_finite(validated.loss)
        rate = self._last_rate(stage, seen)
        self.history.append(self.record.end_epoch(self.plan, stage, seen, rate, sums, validated))
        if self.course.judge(self.history, self.devices):
            meter.expect(self.plan[-1].end_examples)
        self._save(seen, None)
        return self.plan[stage.index]

    def _check_finite(self, val_loss: float) -> None:
        """The last step of an epoch may have spoilt the weights, its own loss being finite."""
        last = self._watch.last
        if last is None:  # resumed in the validation: the checkpoint was finite
            return
        if not np.isfinite(val_loss):
            raise self._non_finite(f"The validation loss is {val_loss}", last)
        spoilt = first_non_finite(self._variables)
        if spoilt is not None:
            raise self._non_finite(f"The variable {spoilt} is not finite after a step", last)

    def _save(self, seen: int, unfinished: EpochSums | None) -> bool:
        """Writes a checkpoint where this process is to; returns whether it did.

        One that would hold a number that is not finite is left out: the next reading of the losses
        says why, on all machines at once.
        """
        if not (self._checkpoints and self.devices.is_chief):
            return False
        if not self._watch.all_finite() or first_non_finite(self._variables) is not None:
            logging.warning("No checkpoint at photo %d: not all values are finite.", seen)
            return False
        self._checkpoints.save(variables=self._variables, **self._state(seen, unfinished))
        return True

    def _copied_unless_saved(self, seen: int, sums: EpochSums) -> ReturnPoint | None:
        """A place to go back to where no checkpoint is of it: at the start of a run."""
        latest = self._checkpoints.latest() if self._checkpoints else None
        if latest is not None and latest.examples_seen == seen:
            return None
        return ReturnPoint.now(variables=self._variables, **self._state(seen, sums))

    def _state(self, seen: int, unfinished: EpochSums | None) -> dict[str, Any]:
        """What goes with the variables into a checkpoint, or a place to go back to."""
        return {
            "examples_seen": seen,
            "history": self.history,
            "partial_epoch": unfinished.unfinished(self._clock()) if unfinished else {},
            "record": self.record.state(),
            "decisions": [decision.as_dict() for decision in self.course.decisions],
        }

    def _training_batches(self, stage: Stage, seen: int) -> Iterator[Any]:
        def make(_: tf.distribute.InputContext) -> tf.data.Dataset:
            return training_stream(
                self.train.files,
                num_photos=self.train.count,
                start_examples=seen,
                image_size_px=stage.image_size_px,
                global_batch=stage.global_batch,
                steps=(self.course.furthest_end(stage) - seen) // stage.global_batch,
                augment=stage.augment,
                rand_augment=stage.rand_augment,
                seed=self.settings.seed,
                shuffle_buffer_photos=self.settings.shuffle_buffer_photos,
                share=self.devices.share,
            )

        return iter(self.devices.strategy.distribute_datasets_from_function(make))
