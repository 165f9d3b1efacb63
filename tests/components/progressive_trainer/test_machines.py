"""Two processes that speak over the loopback device stand for two machines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import tiny_cluster
from overflow import overflowing
from tiny_cluster import ended, largest_difference, log_of, start, write_job
from tiny_training import stage
from updates import relative_difference

from components.progressive_trainer.job import USER_ERROR_EXIT_CODE
from serving.saved_model import load_manifest, load_weights

OVERFLOWS_AT = 8
"""Photos of the run seen before the step that does."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_cluster.write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module", autouse=True)
def float32_again() -> Iterator[None]:
    yield
    keras.mixed_precision.set_dtype_policy("float32")


@pytest.fixture(scope="module")
def alone(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = tiny_cluster.job_settings(rand_augment=5.0)
    job = write_job(tmp_path_factory.mktemp("a") / "alone", photos, given)
    assert ended(start(job, exports=True)) == [0], log_of(job)
    return job


def test_two_machines_train_what_one_does_and_the_chief_writes_it(
    photos: Path, alone: Path, tmp_path: Path
) -> None:
    job = write_job(tmp_path / "two", photos, tiny_cluster.job_settings(rand_augment=5.0))

    assert ended(start(job, workers=2, exports=True)) == [0, 0], log_of(job)

    assert largest_difference(job, alone) < 1e-5
    history = json.loads((job.parent / "history.json").read_text())
    assert history["devices"] == "2 machines with 1 CPU each"
    assert calibration_of(job) == pytest.approx(calibration_of(alone), rel=1e-3)
    exported = load_weights(job.parent / "model")
    averages = tiny_cluster.variables(job)[-len(exported) :]
    for weight, average in zip(exported, averages, strict=True):
        np.testing.assert_array_equal(weight, average.astype(np.float32))


def test_memory_is_told_before_training_starts(alone: Path) -> None:
    told = map(json.loads, (alone.parent / tiny_cluster.EVENTS_FILE).read_text().splitlines())
    names = [line.get("text", line.get("label", line["kind"])).partition(":")[0] for line in told]

    assert names.index("memory") < names.index("training")


def test_network_that_is_exported_is_the_one_that_is_calibrated(alone: Path) -> None:
    history = json.loads((alone.parent / "history.json").read_text())
    found = history["calibration"]

    assert found["log_loss"] == pytest.approx(history["epochs"][-1]["val_loss"], rel=1e-5)
    assert found["calibrated_log_loss"] <= found["log_loss"]
    assert (found["photos"], found["image_size_px"]) == (tiny_cluster.VAL_PHOTOS, 40)
    manifest = load_manifest(alone.parent / "model")
    assert manifest["temperature"] == found["temperature"]
    assert manifest["calibration"] == found


def calibration_of(job: Path) -> dict[str, float]:
    found: dict[str, float] = json.loads((job.parent / "history.json").read_text())["calibration"]
    return found


@pytest.mark.usefixtures("thin_network")
def test_step_that_overflows_on_one_of_two_machines_is_skipped_by_both(
    photos: Path, tmp_path: Path
) -> None:
    given = tiny_cluster.job_settings(precision="mixed_float16")
    given["schedule"]["stages"] = [stage(4, 1)]
    job = write_job(tmp_path / "two", photos, given)
    machines = start(job, workers=2, acts={1: f"{OVERFLOWS_AT}:overflow"})

    with overflowing(OVERFLOWS_AT):
        alone = tiny_cluster.loop_in_this_process(photos, given)
        before = [variable.numpy() for variable in alone.model.trainable_variables]
        alone.run()

    assert ended(machines) == [0, 0], log_of(job)
    chief, other = (tiny_cluster.variables(job, rank) for rank in (0, 1))
    of_both = {}
    for variable, ours, theirs in zip(alone._variables, chief, other, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=variable.path)
        of_both[id(variable)] = ours
    optimizer = alone._optimizer
    # Of four steps the third was skipped.
    for variable, wanted in (
        (optimizer.dynamic_scale, 2.0**14),
        (optimizer.step_counter, 1),
        (optimizer.iterations, 3),
    ):
        assert variable.numpy() == of_both[id(variable)] == wanted
    after = [variable.numpy() for variable in alone.model.trainable_variables]
    there = [of_both[id(variable)] for variable in alone.model.trainable_variables]
    # AdamW in float16 turns small gradients round, by chance: 0.02 was seen; were the step not
    # skipped, or the scale another, it would be 0.3.
    assert relative_difference(before, after, there) < 0.1


def test_loss_that_is_not_finite_ends_all_machines_with_the_ids_of_the_whole_batch(
    photos: Path, tmp_path: Path
) -> None:
    given = tiny_cluster.job_settings(optimizer="sgd", weight_decay=0.0)
    given["clip_global_norm"] = None
    given["schedule"]["stages"] = [{**stage(4, 1), "learning_rate": 1e30}]
    job = write_job(tmp_path / "spoilt", photos, given)

    assert ended(start(job, workers=2)) == [USER_ERROR_EXIT_CODE] * 2

    first, second = (
        (job.parent / name).read_text() for name in ("error.txt", "error-of-worker-1.txt")
    )
    assert first == second
    assert first.startswith("The training loss is nan (step 2 of 4, stage 1, learning rate ")
    listed = re.findall(r"7\d{3}(?=[,.])", first)
    assert len(set(listed)) == 4
