from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tiny_training import NUM_LEAVES, settings, stage

from components.progressive_trainer import loop as loop_module
from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.mixing import Mixed
from components.progressive_trainer.photo_stream import Share, validation_stream
from components.progressive_trainer.steps import mixed_crossentropy, smoothed_crossentropy
from components.progressive_trainer.stop_request import StopRequest, TrainingStopped
from schemas.errors import ConfigError

pytestmark = pytest.mark.usefixtures("thin_network")

TIMES = ("train_secs", "val_secs", "wall_secs", "photos_per_sec", "data_wait_share")
ROW_TIMES = ("images_per_sec", "images_per_sec_per_device", "data_wait_share", "wall_secs")
PLAN = [stage(4, 1.5), stage(3, 1.5, size=40, dropout=0.5)]


class Stopped(Exception):
    """Stands for a power cut."""


class StoppingMeter:
    """A meter that cuts the power once so many photos are done."""

    def __init__(self, stop_at: int) -> None:
        self._left = stop_at

    def __call__(self, *_: object, **__: object) -> StoppingMeter:
        return self

    def add(self, count: int) -> None:
        self._left -= count
        if self._left <= 0:
            raise Stopped

    def close(self) -> None:
        pass


class AskingMeter(StoppingMeter):
    """A meter that asks a loop to stop once so many photos are done."""

    def __init__(self, stop_at: int, loop: TrainingLoop) -> None:
        super().__init__(stop_at)
        self._loop = loop

    def add(self, count: int) -> None:
        try:
            super().add(count)
        except Stopped:
            self._loop._stop.ask()


class AskedLater(StopRequest):
    """Asked to stop in the step after so many."""

    def __init__(self, steps: Iterator[bool]) -> None:
        super().__init__()
        self._steps = steps

    def flag(self) -> float:
        return float(next(self._steps, True))


def ticking() -> Callable[[], float]:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1.0
        return now

    return clock


def planned(**values: Any) -> TrainerSettings:
    return settings(PLAN, history_steps=2, **values)


def one_device() -> Devices:
    return Devices(tf.distribute.get_strategy(), Share(), "1 CPU")


def new_loop(
    photos: tuple[Photos, Photos],
    checkpoints: Checkpoints | None = None,
    given: TrainerSettings | None = None,
    devices: Devices | None = None,
) -> TrainingLoop:
    return TrainingLoop(
        given or planned(),
        num_leaves=NUM_LEAVES,
        train=photos[0],
        val=photos[1],
        devices=devices or one_device(),
        checkpoints=checkpoints,
        clock=ticking(),
    )


def timeless(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: epoch[key] for key in epoch if key not in TIMES} for epoch in history]


def timeless_rows(loop: TrainingLoop) -> list[dict[str, Any]]:
    return [{key: row[key] for key in row if key not in ROW_TIMES} for row in loop.record.rows()]


def assert_same_training(ours: TrainingLoop, theirs: TrainingLoop) -> None:
    for variable, expected in zip(ours.model.variables, theirs.model.get_weights(), strict=True):
        np.testing.assert_allclose(variable.numpy(), expected, atol=1e-6, err_msg=variable.path)
    for epoch, wanted in zip(timeless(ours.history), timeless(theirs.history), strict=True):
        assert epoch == pytest.approx(wanted, abs=1e-6)
    assert_same_rows(timeless_rows(ours), timeless_rows(theirs))


def assert_same_rows(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    assert [row["kind"] for row in ours] == [row["kind"] for row in theirs]
    for row, wanted in zip(ours, theirs, strict=True):
        assert {**row, "kind": 0} == pytest.approx({**wanted, "kind": 0}, abs=1e-6)


@pytest.fixture(scope="module")
def uninterrupted(photos: tuple[Photos, Photos]) -> TrainingLoop:
    loop = new_loop(photos)
    loop.run()
    return loop


def test_history_tells_each_epoch(uninterrupted: TrainingLoop) -> None:
    assert [(epoch["stage"], epoch["examples_seen"]) for epoch in uninterrupted.history] == [
        (0, 16),  # 1.5 epochs of 12 photos in whole batches of 4
        (1, 25),  # the step that passed two epochs
        (1, 37),
    ]
    assert uninterrupted.history[-1]["epoch"] == pytest.approx(37 / 12)


def test_rows_tell_every_few_steps_each_epoch_and_each_validation(
    uninterrupted: TrainingLoop,
) -> None:
    rows = [
        (row["kind"], row["stage"], row["step"], row["examples_seen"])
        for row in uninterrupted.record.rows()
    ]

    assert rows == [
        ("steps", 0, 2, 8),
        ("steps", 0, 4, 16),
        ("epoch", 0, 4, 16),
        ("validation", 0, 4, 16),
        ("steps", 1, 6, 22),
        ("steps", 1, 7, 25),  # the rest of the epoch
        ("epoch", 1, 7, 25),
        ("validation", 1, 7, 25),
        ("steps", 1, 9, 31),
        ("steps", 1, 11, 37),
        ("epoch", 1, 11, 37),
        ("validation", 1, 11, 37),
    ]


def test_rows_add_up_to_their_epoch_and_name_its_figures(uninterrupted: TrainingLoop) -> None:
    rows = list(uninterrupted.record.rows())
    (two, one), epoch, validation = rows[4:6], rows[6], rows[7]
    record = uninterrupted.history[1]

    for name in ("loss", "top1", "top3", "top5"):
        assert (2 * two[name] + one[name]) / 3 == pytest.approx(epoch[name])
        assert (record[f"train_{name}"], record[f"val_{name}"]) == (epoch[name], validation[name])
    assert epoch["top3"] == epoch["top5"] == validation["top3"] == 1.0  # of three leaves
    assert (epoch["image_size_px"], epoch["global_batch"]) == (40, 3)
    # Seconds of the rows, by their photos and rates, are those of the epoch.
    took_secs = 6 / two["images_per_sec"] + 3 / one["images_per_sec"]
    assert took_secs == pytest.approx(record["train_secs"])
    assert epoch["images_per_sec"] == pytest.approx(9 / record["train_secs"])
    assert validation["images_per_sec"] == pytest.approx(7 / record["val_secs"])
    assert validation["data_wait_share"] is None


# The last checkpoint is within the first stage, on its end, and within the second stage.
@pytest.mark.parametrize(("stop_at", "resumes_at"), [(8, 4), (19, 16), (25, 22)])
def test_training_stopped_and_resumed_is_the_one_never_stopped(
    photos: tuple[Photos, Photos],
    uninterrupted: TrainingLoop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop_at: int,
    resumes_at: int,
) -> None:
    # The clock ticks at each reading, so a checkpoint is due after every step.
    given = planned(checkpoint_secs=0.5)
    checkpoints = Checkpoints(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "Meter", StoppingMeter(stop_at))
        with pytest.raises(Stopped):
            new_loop(photos, checkpoints, given).run()
    latest = checkpoints.latest()
    assert latest is not None
    assert latest.examples_seen == resumes_at

    resumed = new_loop(photos, checkpoints, given)
    resumed.run()

    assert_same_training(resumed, uninterrupted)
    again = new_loop(photos, checkpoints, given)  # the training is done: nothing is left to do
    again.run()
    assert_same_training(again, uninterrupted)


@pytest.mark.parametrize("stop_at", [8, 16])
def test_training_asked_to_stop_goes_on_bit_for_bit(
    photos: tuple[Photos, Photos],
    uninterrupted: TrainingLoop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop_at: int,
) -> None:
    checkpoints = Checkpoints(tmp_path)
    asked = new_loop(photos, checkpoints)
    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "Meter", AskingMeter(stop_at, asked))
        with pytest.raises(TrainingStopped) as caught:
            asked.run()
    assert caught.value.examples_seen == stop_at

    resumed = new_loop(photos, checkpoints)
    resumed.run()

    for ours, theirs in zip(
        resumed.model.get_weights(), uninterrupted.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    assert timeless(resumed.history) == timeless(uninterrupted.history)
    assert timeless_rows(resumed) == timeless_rows(uninterrupted)


def test_run_that_was_stopped_goes_on_with_other_settings_of_its_saving_and_showing(
    photos: tuple[Photos, Photos],
    uninterrupted: TrainingLoop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoints = Checkpoints(tmp_path)
    before = settings(PLAN, history_steps=9)
    asked = new_loop(photos, checkpoints, before)
    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "Meter", AskingMeter(8, asked))
        with pytest.raises(TrainingStopped):
            asked.run()

    resumed = new_loop(
        photos, checkpoints, planned(checkpoint_secs=0.5, eval_batch=7, longest_wait_secs=9.0)
    )
    resumed.run()

    for ours, theirs in zip(
        resumed.model.get_weights(), uninterrupted.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    for epoch, wanted in zip(
        timeless(resumed.history), timeless(uninterrupted.history), strict=True
    ):
        assert epoch == pytest.approx(wanted, rel=1e-6)
    # The row that the stop cut in two has its two steps already, and ends with the next.
    steps = [row["step"] for row in resumed.record.rows() if row["kind"] == "steps"]
    assert steps == [3, 4, 6, 7, 9, 11]


@pytest.mark.parametrize("step", [2])
def test_training_asked_to_stop_in_validation_validates_before_it_goes_on(
    photos: tuple[Photos, Photos],
    uninterrupted: TrainingLoop,
    tmp_path: Path,
    step: int,
) -> None:
    checkpoints = Checkpoints(tmp_path)
    asked = new_loop(photos, checkpoints)
    answers = iter([False] * (4 + step - 1))  # four steps of training, then of validation
    asked._stop = AskedLater(answers)
    with pytest.raises(TrainingStopped) as caught:
        asked.run()
    assert caught.value.examples_seen == 16
    assert asked.history == []

    resumed = new_loop(photos, checkpoints)
    resumed.run()

    assert timeless(resumed.history) == timeless(uninterrupted.history)
    assert timeless_rows(resumed) == timeless_rows(uninterrupted)


def test_validation_is_the_mean_over_all_photos_at_the_stages_size(
    photos: tuple[Photos, Photos], uninterrupted: TrainingLoop
) -> None:
    images, labels, _ = next(
        validation_stream(
            photos[1].files, num_photos=7, image_size_px=40, global_batch=7
        ).as_numpy_iterator()
    )
    scores = uninterrupted.model(images.astype(np.float32), training=False).numpy()

    last = uninterrupted.history[-1]
    right = scores[np.arange(7), labels]
    assert last["val_loss"] == pytest.approx(-np.log(right).mean(), abs=1e-4)
    assert last["val_top1"] == pytest.approx((scores.argmax(1) == labels).mean())


def test_stage_that_trains_the_head_leaves_the_backbone_alone(
    photos: tuple[Photos, Photos], monkeypatch: pytest.MonkeyPatch
) -> None:
    head_first = {**stage(6, 1), "trainable": "head"}
    loop = new_loop(photos, given=settings([head_first, stage(6, 1)], ema_decay=0.9))
    run_stage, ended = TrainingLoop._run_stage, []

    def recorded(self: TrainingLoop, *given: Any) -> None:
        run_stage(self, *given)
        ended.append((self.model.get_weights(), self.result.get_weights()))

    monkeypatch.setattr(TrainingLoop, "_run_stage", recorded)
    before = loop.model.get_weights()
    loop.run()

    (after_head, averages), (after_both, _) = ended
    for old, new, averaged in zip(before[:-2], after_head[:-2], averages[:-2], strict=True):
        np.testing.assert_array_equal(new, old)
        np.testing.assert_array_equal(averaged, old)
    assert all((new != old).any() for old, new in zip(before[-2:], after_head[-2:], strict=True))
    assert all((new != old).any() for old, new in zip(before, after_both, strict=True))


PLAIN = {**stage(6, 8, dropout=0.0, augment=0.0), "label_smoothing": 0.0}


@pytest.fixture(scope="module")
def on_unaltered_photos(photos: tuple[Photos, Photos]) -> TrainingLoop:
    loop = new_loop(photos, given=settings([PLAIN], weight_decay=0.0))
    loop.run()
    return loop


def test_network_learns_the_colours(on_unaltered_photos: TrainingLoop) -> None:
    first, last = on_unaltered_photos.history[0], on_unaltered_photos.history[-1]

    assert last["train_loss"] < first["train_loss"] * 0.8
    assert last["train_top1"] > 0.8


def test_network_learns_from_mixed_and_altered_photos(
    photos: tuple[Photos, Photos], on_unaltered_photos: TrainingLoop
) -> None:
    altered = {"rand_augment": 3.0, "mixup": 0.2, "cutmix": 0.5}
    loop = new_loop(photos, given=settings([{**PLAIN, **altered}], weight_decay=0.0))
    loop.run()

    assert loop.history[-1]["val_loss"] < loop.history[0]["val_loss"]
    assert loop.history[-1]["train_loss"] > on_unaltered_photos.history[-1]["train_loss"]


def test_mixing_needs_pairs_on_each_replica(photos: tuple[Photos, Photos]) -> None:
    two = Devices(tf.distribute.get_strategy(), Share(replicas=2), "2 CPUs")
    with pytest.raises(ConfigError) as caught:
        new_loop(photos, given=settings([{**stage(6, 1), "mixup": 0.2}]), devices=two)
    assert str(caught.value) == (
        "schedule stage 1: mixup and cutmix mix photos in pairs, so that each of 2 replicas needs "
        "an even number of them. Received: a global batch of 6. Use a multiple of 4."
    )


def test_loss_of_mixed_photos_counts_both_labels_by_their_share() -> None:
    logits = tf.constant(np.random.default_rng(0).normal(0, 3, (4, 5)), tf.float32)
    labels, partners = tf.constant([0, 1, 2, 3], tf.int64), tf.constant([1, 0, 3, 2], tf.int64)
    share = tf.constant([1.0, 0.5, 0.25, 0.0])
    mixed = Mixed(tf.zeros([4, 2, 2, 3]), labels, partners, share)
    expected = share * smoothed_crossentropy(labels, logits, 0.1) + (
        1 - share
    ) * smoothed_crossentropy(partners, logits, 0.1)
    np.testing.assert_allclose(mixed_crossentropy(mixed, logits, 0.1), expected, rtol=1e-6)


def test_only_the_chief_writes_checkpoints(photos: tuple[Photos, Photos], tmp_path: Path) -> None:
    worker = Devices(tf.distribute.get_strategy(), Share(1, 2, 1), "2 machines")
    assert not worker.is_chief
    checkpoints = Checkpoints(tmp_path)
    loop = new_loop(photos, checkpoints, settings([stage(4, 0.5)]), worker)

    loop._save(4, None)

    assert checkpoints.latest() is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"stages": [stage(4, 1), stage(5, 1)]},
            "schedule stage 2: a global batch must divide among 2 replicas. Received: 5. "
            "Use 4 or 6.",
        ),
        (
            {"stages": [stage(1, 1)]},
            "schedule stage 1: a global batch must divide among 2 replicas. Received: 1. Use 2.",
        ),
        (
            {"stages": [stage(4, 1)], "eval_batch": 7},
            "trainer.eval_batch: a global batch must divide among 2 replicas. Received: 7. "
            "Use 6 or 8.",
        ),
    ],
)
def test_batch_that_does_not_divide_is_refused(
    photos: tuple[Photos, Photos], values: dict[str, Any], message: str
) -> None:
    two = Devices(tf.distribute.get_strategy(), Share(replicas=2), "2 CPUs")

    with pytest.raises(ConfigError) as caught:
        new_loop(photos, given=settings(**values), devices=two)

    assert str(caught.value) == message


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_loss_is_the_crossentropy_against_smoothed_one_hot_labels(smoothing: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 5, (6, 9)).astype(np.float32)
    labels = rng.integers(0, 9, 6)

    losses = smoothed_crossentropy(tf.constant(labels), tf.constant(logits), smoothing).numpy()

    target = np.eye(9)[labels] * (1 - smoothing) + smoothing / 9
    log_scores = logits - np.log(np.exp(logits.astype(np.float64)).sum(1, keepdims=True))
    assert losses == pytest.approx(-(target * log_scores).sum(1), rel=1e-5)
