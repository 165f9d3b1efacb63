from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tiny_training import settings, stage

from components.progressive_trainer import device_memory
from components.progressive_trainer.device_memory import host_memory_bytes, smallest_gpu_bytes
from components.progressive_trainer.memory_estimate import (
    SLOTS,
    Footprint,
    MemoryEstimate,
    output_bytes,
    variable_bytes,
)
from components.progressive_trainer.memory_note import memory_text
from components.progressive_trainer.networks import build_network
from components.progressive_trainer.optimizers import build_optimizer
from components.progressive_trainer.schedule import stages

LEAVES = 11


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return build_network("mobilenet_025", num_leaves=LEAVES, base_weights="none", head_rank=5)


def estimate(model: keras.Model, replicas: int = 1, **values: Any) -> MemoryEstimate:
    given = settings([stage(16, 1, size=64), stage(4, 1, size=96)], **values)
    return Footprint(model, given).of(stages(given.schedule, num_photos=64), replicas=replicas)


def test_outputs_are_those_that_a_photo_really_makes(model: keras.Model) -> None:
    photo = np.zeros((1, 75, 75, 3), np.float32)
    (backbone,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
    inside = keras.Model(backbone.input, [layer.output for layer in backbone.layers])(photo)
    features = 256
    outside = [75 * 75 * 3] * 2 + [features] * 2 + [5]  # photo, scale, pool, dropout, projection
    expected = [4 * size for size in outside] + [4 * int(np.size(each)) for each in inside]

    assert sorted(output_bytes(model, 75)) == sorted(expected)


@pytest.mark.parametrize("optimizer", list(SLOTS))
def test_slots_are_those_that_the_optimizer_makes(model: keras.Model, optimizer: str) -> None:
    given = settings([stage(4, 1)], optimizer=optimizer)
    built = build_optimizer(given)
    built.build(model.trainable_variables)

    found = estimate(model, optimizer=optimizer)

    assert found.slots == pytest.approx(variable_bytes(built.variables), abs=16)
    assert found.weights == sum(each.nbytes for each in model.get_weights())


def test_average_of_the_weights_takes_as_much_as_they_do(model: keras.Model) -> None:
    averaged, plain = estimate(model, ema_decay=0.999), estimate(model)

    assert averaged.weights == 2 * plain.weights
    assert averaged.slots == plain.slots


def test_fullest_stage_counts_by_its_photos_on_each_device(model: keras.Model) -> None:
    one, two = estimate(model), estimate(model, replicas=2)

    assert one.stage.image_size_px == 64  # 16 photos of it take more than 4 of 96 px
    outputs = output_bytes(model, 64)
    assert one.activations == 16 * (sum(outputs) + 2 * max(outputs))
    assert one.logits == 3 * 16 * LEAVES * 4
    assert (two.activations, two.logits) == (one.activations // 2, one.logits // 2)
    assert (two.weights, two.slots, two.gradients) == (one.weights, one.slots, one.gradients)


def test_gradients_are_held_twice_where_they_are_clipped(model: keras.Model) -> None:
    clipped, free = estimate(model), estimate(model, clip_global_norm=None)
    assert clipped.gradients == 2 * free.gradients == 2 * variable_bytes(model.trainable_variables)


def test_frozen_layers_keep_no_outputs_and_have_no_gradients(model: keras.Model) -> None:
    def of(trainable: str) -> MemoryEstimate:
        given = settings([{**stage(16, 1, size=64), "trainable": trainable}])
        return Footprint(model, given).of(stages(given.schedule, num_photos=64), replicas=1)

    head, top, whole = of("head"), of("top:0.3"), of("all")

    outputs = output_bytes(model, 64)
    assert head.activations == 16 * 2 * max(outputs)
    assert head.gradients == 2 * variable_bytes(model.weights[-3:])
    assert head.activations < top.activations < 0.3 * whole.activations
    assert head.gradients < top.gradients < whole.gradients
    assert head.weights == whole.weights


def test_half_precision_halves_the_activations_of_the_backbone() -> None:
    full = build_network("small", num_leaves=LEAVES, base_weights="none")
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        half = build_network("small", num_leaves=LEAVES, base_weights="none")
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    assert estimate(half).activations < 0.6 * estimate(full).activations
    assert estimate(half).weights == estimate(full).weights


def test_peak_is_of_the_step_or_of_the_update(model: keras.Model) -> None:
    found = estimate(model)
    held = found.weights + found.slots + found.gradients
    assert found.peak_bytes == held + found.activations + found.logits
    big_head = replace(found, update=10**12)
    assert big_head.peak_bytes == held + 10**12


def test_warning_says_what_there_is_and_what_to_do(model: keras.Model) -> None:
    found = replace(
        estimate(model),
        weights=10**9,
        slots=2 * 10**9,
        gradients=10**9,
        activations=5 * 10**8,
        logits=0,
        update=0,
    )
    enough = memory_text(found, device_bytes=5 * 10**9, sharing=1)
    assert enough == (
        "memory: 4.50 GB a device at 64 px (weights 1.00 GB, optimizer 2.00 GB, gradients "
        "1.00 GB, activations 500 MB, logits 0 MB)"
    )
    assert memory_text(found, device_bytes=None, sharing=8) == enough
    assert memory_text(found, device_bytes=5 * 10**9, sharing=2) == (
        f"{enough}. WARNING: the device has 5.00 GB only for all 2 replicas. Lower the global "
        "batch or the image size, or set trainer.head_rank or trainer.sampled_softmax"
    )


def test_memory_of_a_machine_is_its_containers_where_that_has_less(tmp_path: Path) -> None:
    assert host_memory_bytes(tmp_path) is None
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal:       24000000 kB\nMemFree: 1 kB\n")
    assert host_memory_bytes(tmp_path) == 24_000_000 * 1024
    limit = tmp_path / "sys/fs/cgroup/memory.max"
    limit.parent.mkdir(parents=True)
    limit.write_text("max\n")
    assert host_memory_bytes(tmp_path) == 24_000_000 * 1024
    limit.write_text("8000000000\n")
    assert host_memory_bytes(tmp_path) == 8_000_000_000


def test_memory_of_gpus_is_the_smallests() -> None:
    assert smallest_gpu_bytes("24576\n16384\n") == 16384 * 2**20
    assert smallest_gpu_bytes("") is None


def test_nvidia_smi_that_hangs_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nexec sleep 60\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(device_memory, "_ASK_SECS", 0.1)
    monkeypatch.setattr(device_memory.tf.config, "list_physical_devices", lambda kind: [kind])
    assert device_memory.device_memory_bytes() is None
