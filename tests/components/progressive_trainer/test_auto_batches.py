"""Stages with `global_batch: auto`: what they may be, how they are found, and that it is once."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf
import tiny_cluster
from tiny_cluster import ended, log_of, start, write_job
from tiny_training import THIN, settings, stage

from components.progressive_trainer import auto_batches, batch_trial, networks
from components.progressive_trainer.auto_batches import (
    BATCHES_FILE,
    auto_stages,
    batch_decisions,
    find_unless_recorded,
)
from components.progressive_trainer.batch_cache import BatchCache
from components.progressive_trainer.batch_search import Found, Trial
from components.progressive_trainer.batch_trial import StageTrial, TrialRequest, find_batches
from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.config import ScheduleSettings
from components.progressive_trainer.decisions import Decision
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.photo_order import Share
from components.progressive_trainer.schedule import stages, written_stages
from components.progressive_trainer.trial_memory import CpuMemory
from schemas.errors import ConfigError
from schemas.settings import load_settings

AUTO: dict[str, Any] = {**stage(1, 1), "global_batch": "auto", "learning_rate_batch": 4}
TRIED = {"multiple": 4, "most_per_replica": 8, "min_speedup": 0.0}


def schedule(**values: Any) -> ScheduleSettings:
    return load_settings(ScheduleSettings, values, source="schedule")


def found(stage: int, batch: int) -> Decision:
    return Decision("global_batch", stage, 0, 0, batch, "for a test")


def test_batch_that_was_found_sets_steps_and_rate() -> None:
    given = schedule(stages=[AUTO, stage(5, 1)], warmup_epochs=0.0)

    plan = stages(given, num_photos=160, decisions=[found(0, 16)])

    assert [(each.global_batch, each.steps, each.auto_batch) for each in plan] == [
        (16, 10, False),
        (5, 32, False),
    ]
    assert plan[0].peak_learning_rate == pytest.approx(0.01 * math.sqrt(16 / 4))
    assert plan[1].peak_learning_rate == 0.01


def test_before_it_is_found_the_batch_of_the_rate_stands_in() -> None:
    plan = stages(schedule(stages=[AUTO]), num_photos=160)
    assert (plan[0].global_batch, plan[0].auto_batch) == (4, True)
    assert plan[0].peak_learning_rate == 0.01


@pytest.mark.parametrize(
    "given",
    [
        {"linear": {"stages": 3, "global_batch": ["auto", "auto"], "learning_rate_batch": 32}},
        {"preset": {"name": "journal", "global_batch": "auto", "learning_rate_batch": 32}},
    ],
)
def test_linear_and_preset_schedules_leave_all_their_batches_to_be_found(
    given: dict[str, Any],
) -> None:
    written = written_stages(schedule(**given))
    assert [each.global_batch for each in written] == ["auto"] * 3
    decisions = [found(index, batch) for index, batch in enumerate((128, 64, 8))]
    plan = stages(schedule(**given), num_photos=1000, decisions=decisions)
    assert [each.peak_learning_rate for each in plan] == pytest.approx(
        [1e-3 * 2, 1e-3 * math.sqrt(2), 1e-3 / 2]
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"stages": [{**stage(4, 1), "global_batch": "auto"}]},
            "a stage whose global_batch is auto needs learning_rate_batch: the global batch at "
            "which its learning_rate is meant",
        ),
        (
            {"linear": {"global_batch": ["auto", 32]}},
            "global_batch takes two numbers, or auto for both: nothing is between",
        ),
        (
            {"preset": {"name": "fixed", "global_batch": "largest"}},
            "schedule: preset.global_batch: Input should be auto, or a whole number of photos, at "
            "least 1. Received: 'largest'.",
        ),
    ],
)
def test_auto_that_cannot_be_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        schedule(**given)
    assert message in str(caught.value)


def one_device(replicas: int = 1) -> Devices:
    return Devices(tf.distribute.get_strategy(), Share(replicas=replicas), "CPUs")


def test_global_batch_is_that_of_all_replicas_and_no_more_than_an_epoch(tmp_path: Path) -> None:
    given = settings([AUTO, stage(6, 1), AUTO], batch_auto={"multiple": 4})
    batches = {0: Found(24, "32 do not fit"), 2: Found(1024, "1024 is the most allowed")}

    decisions = batch_decisions(given, batches, one_device(2), tmp_path, num_photos=130)

    assert auto_stages(given) == [0, 2]
    assert [(each.stage, each.after) for each in decisions] == [(0, 48), (2, 128)]
    assert decisions[0].reason == (
        "stage 1 has a global batch of 48, found by trial: 32 do not fit (of one replica)"
    )
    assert decisions[1].reason == (
        "stage 3 has a global batch of 128, found by trial: an epoch has 130 photos (of one "
        "replica)"
    )


def test_run_with_a_checkpoint_goes_on_with_its_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = found(0, 20)
    Checkpoints(tmp_path).save(
        examples_seen=20,
        history=[],
        partial_epoch={},
        record={},
        decisions=[recorded.as_dict()],
        variables=[],
    )
    given = settings([AUTO])

    batches = find_unless_recorded(given, tmp_path, num_leaves=3)

    assert batch_decisions(given, batches, one_device(), tmp_path, num_photos=999) == (recorded,)


def test_run_stopped_before_its_first_checkpoint_goes_on_with_its_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, checkpoint_dir = settings([AUTO, stage(6, 1), AUTO]), tmp_path / "checkpoints"
    trials = iter([{0: Found(24, "32 do not fit"), 2: Found(16, "24 do not fit")}])
    monkeypatch.setattr(auto_batches, "_in_a_process", lambda *_, **__: next(trials))

    def batches() -> tuple[Decision, ...]:
        found = find_unless_recorded(given, checkpoint_dir, num_leaves=3)
        return batch_decisions(given, found, one_device(), checkpoint_dir, num_photos=999)

    first = batches()

    assert [each.after for each in first] == [24, 16]
    assert batches() == first  # and nothing is tried again: there is no second trial
    machine_2 = Devices(tf.distribute.get_strategy(), Share(worker=1), "CPUs")
    batch_decisions(given, {}, machine_2, tmp_path / "not by others", num_photos=999)
    assert not (tmp_path / "not by others").exists()


@pytest.fixture
def thin_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "SMALL_WIDTHS", THIN)


@pytest.mark.usefixtures("thin_network")
def test_batches_are_found_by_real_steps_and_then_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings([AUTO, stage(6, 1)], batch_auto=TRIED, class_weighting=0.5, ema_decay=0.99)
    request = TrialRequest(given.model_dump(mode="json"), num_leaves=3, replicas=1)
    cache = BatchCache(tmp_path / "batches.json")

    assert find_batches(request, cache) == [Found(8, "8 is the most allowed"), None]

    monkeypatch.setattr(batch_trial, "StageTrial", None)  # nothing is tried again
    assert find_batches(request, cache) == [Found(8, "8 is the most allowed"), None]
    for library in (tf, keras):
        with monkeypatch.context() as patched:
            patched.setattr(library, "__version__", "99.0")
            with pytest.raises(TypeError, match="'NoneType' object is not callable"):
                find_batches(request, cache)


class Full(CpuMemory):
    """Says nothing beforehand, so that steps are taken."""

    def expected(self, batch: int) -> str | None:
        return None


@pytest.mark.usefixtures("thin_network")
def test_step_that_runs_out_of_memory_is_a_trial_that_does_not_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = settings([AUTO])
    trial = StageTrial(given, written_stages(given.schedule)[0], Full(0.5, 1), num_leaves=3)

    def failing(_: int) -> float:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\nmore words")

    monkeypatch.setattr(trial, "_fastest_step_secs", failing)
    assert trial(64) == Trial(64, False, 0.0, "out of memory: OOM when allocating")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "fieldmark" / "batches.json"


def test_training_process_finds_its_batches(tmp_path: Path, own_cache: Path) -> None:
    photos = tiny_cluster.write_photos(tmp_path)
    given = settings([{**AUTO, "epochs": 2}], batch_auto=TRIED).model_dump(mode="json")
    job = write_job(tmp_path / "job", photos, given)

    assert ended(start(job), 580) == [0], log_of(job)

    history = json.loads((job.parent / "history.json").read_text())
    decided = [(each["what"], each["stage"], each["after"]) for each in history["decisions"]]
    assert decided == [("global_batch", 0, 8)]
    assert history["stages"][0]["global_batch"] == 8
    assert [entry["found"]["batch"] for entry in json.loads(own_cache.read_text())] == [8]
    recorded = json.loads((job.parent / "checkpoints" / BATCHES_FILE).read_text())
    assert recorded == history["decisions"]
