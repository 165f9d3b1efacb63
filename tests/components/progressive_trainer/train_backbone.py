"""Trains one backbone in the ways that a promise is about; run by test_backbones, in a process.

    python train_backbone.py NETWORK PHOTOS TARGET

Two stages of two steps, the head alone and then all of the network, with a low-rank head, class
weights and an average of the weights. Two replicas and one device take the second of them in
float64, from the photos to the loss: in float32 rounding grows from norm to norm, so that
MobileNet's gradients differ by a tenth, and an error would hide there. Writes into TARGET, as
JSON, what the promises compare.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.insert(0, str(Path(__file__).parent))

import keras
import numpy as np
import tensorflow as tf
from tiny_cluster import TAXONOMY_HEADER
from tiny_training import NUM_LEAVES, settings, stage
from updates import relative_differences

from components.progressive_trainer import checkpoint
from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import Devices, find_devices
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.networks import build_network
from components.progressive_trainer.photo_order import Share
from components.progressive_trainer.run_record import ROW_LOG_FILE
from components.progressive_trainer.warm_start import warm_start
from schemas.taxonomy_csv import read_taxonomy
from serving.saved_model import export_saved_model

TRAIN_PHOTOS, VAL_PHOTOS = 8, 5
BATCH, SIZES_PX = 4, (64, 128)

NOISE = 1e-12
"""What rounding moves a variable by in float64: 1e-16 was seen, where gradients moved 1e-5."""

TRACES: list[list[int]] = []
"""Of each run, how often the step of each of its stages was traced."""


def stages() -> list[dict[str, Any]]:
    """The head alone, then all of the network."""
    head = {**stage(BATCH, 1, size=SIZES_PX[0]), "trainable": "head"}
    everything = {**stage(BATCH, 1, size=SIZES_PX[1], dropout=0.5), "rand_augment": 5.0}
    return [{**each, "learning_rate": 1e-3} for each in (head, {**everything, "mixup": 0.2})]


def train(
    given: TrainerSettings, photos: Path, devices: Devices, kept: Path | None = None
) -> tuple[TrainingLoop, list[np.ndarray]]:
    """A run, with a checkpoint after each step if they are kept; and the weights it began with."""
    loop = TrainingLoop(
        given,
        num_leaves=NUM_LEAVES,
        train=Photos(_files(photos / "train"), TRAIN_PHOTOS, np.array([5, 2, 1])),
        val=Photos(_files(photos / "val"), VAL_PHOTOS),
        devices=devices,
        checkpoints=Checkpoints(kept) if kept else None,
    )
    steps, before = recorded_steps(loop), loop.model.get_weights()
    loop.run()
    TRACES.append([step.experimental_get_tracing_count() for step in steps])
    return loop, before


def train_in_float64(
    given: TrainerSettings, photos: Path, devices: Devices
) -> tuple[TrainingLoop, list[np.ndarray]]:
    """The second stage alone; `settings` knows no such precision, but nothing stands in its way."""
    schedule = given.schedule.model_copy(update={"stages": given.schedule.stages[1:]})
    changed = {"schedule": schedule, "precision": "float64"}
    return train(given.model_copy(update=changed), photos, devices)


def recorded_steps(loop: TrainingLoop) -> list[Any]:
    """The steps that a loop will make, a stage each."""
    make, made = loop._steps.training, []

    def training(*stage: Any, **options: Any) -> Any:
        made.append(make(*stage, **options))
        return made[-1]

    loop._steps.training = training  # type: ignore[method-assign]
    return made


def all_weights(loop: TrainingLoop) -> list[np.ndarray]:
    """Those that learn, and their averages."""
    return [*loop.model.get_weights(), *loop.result.get_weights()]


def warm_starts(network: str, trained: keras.Model, target: Path) -> dict[str, float]:
    """How far a new network's weights are from those it was given, by where they came from."""
    (backbone,) = (layer for layer in trained.layers if isinstance(layer, keras.Model))
    backbone.save_weights(str(target / "backbone.weights.h5"))
    fresh = build_network(
        network,  # type: ignore[arg-type]
        num_leaves=NUM_LEAVES,
        base_weights=str(target / "backbone.weights.h5"),
        head_rank=2,
    )
    (loaded,) = (layer for layer in fresh.layers if isinstance(layer, keras.Model))
    by_file = largest_difference(loaded.get_weights(), backbone.get_weights())
    fresh.set_weights([np.zeros_like(weight) for weight in fresh.get_weights()])
    warm_start(fresh, read_taxonomy(target / "taxonomy.csv"), str(target / "model"), synonyms={})
    by_model = largest_difference(fresh.get_weights(), trained.get_weights())
    return {"weights file": by_file, "pushed model": by_model}


def resumed_from(examples_seen: int, kept: Path, target: Path) -> Path:
    """A directory as a power cut after so many photos would have left it."""
    name = f"examples-{examples_seen:015d}"
    shutil.copytree(kept / name, target / name)
    shutil.copy(kept / ROW_LOG_FILE, target)
    return target


def weights_at(kept: Path, examples_seen: int, count: int) -> list[np.ndarray]:
    """The first variables of a checkpoint: the model's."""
    with np.load(kept / f"examples-{examples_seen:015d}" / "variables.npz") as saved:
        return [saved[str(index)] for index in range(count)]


def largest_difference(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    pairs = zip(ours, theirs, strict=True)
    return max(float(np.abs(a - b).max(initial=0.0)) for a, b in pairs)


def names_by_decay(loop: TrainingLoop) -> dict[str, list[str]]:
    """Names of the trainable variables that weight decay shrinks, and of those it leaves alone."""
    names: dict[str, set[str]] = {"decayed": set(), "left_alone": set()}
    for variable in loop.model.trainable_variables:
        decayed = loop._optimizer._use_weight_decay(variable)
        names["decayed" if decayed else "left_alone"].add(variable.name)
    return {kind: sorted(found) for kind, found in names.items()}


def main(network: str, photos: Path, target: Path) -> dict[str, Any]:
    checkpoint.KEPT = 9
    several = find_devices(2)  # before TensorFlow has touched a device
    one = Devices(tf.distribute.get_strategy(), Share(), "1 CPU")
    given = settings(
        stages(),
        network=network,
        optimizer="sgd",
        checkpoint_secs=1e-9,
        head_rank=2,
        class_weighting=0.5,
        ema_decay=0.9,
    )
    whole, _ = train(given, photos, one, target / "whole")
    count = len(whole.model.variables)
    cut = resumed_from(3 * BATCH, target / "whole", target / "cut")
    again, _ = train(given, photos, one, cut)
    alone, before = train_in_float64(given, photos, one)
    both, _ = train_in_float64(given, photos, several)
    first, second = (weights_at(target / "whole", each * BATCH, count) for each in (1, 2))
    head = [
        variable.path.startswith(("leaves", "projection")) for variable in whole.model.variables
    ]
    moved = [not np.array_equal(a, b) for a, b in zip(first, second, strict=True)]
    leaves = "".join(f"1,{2 + leaf},10,{leaf},0,Leaf {leaf}\n" for leaf in range(NUM_LEAVES))
    (target / "taxonomy.csv").write_text(f"{TAXONOMY_HEADER},1,70,,,Life\n{leaves}")
    keras.mixed_precision.set_dtype_policy("float32")
    export_saved_model(
        whole.result,
        read_taxonomy(target / "taxonomy.csv"),
        image_size_px=SIZES_PX[1],
        directory=str(target / "model"),
        manifest={},
    )
    return {
        "network": network,
        "history": whole.history,
        "history_resumed": again.history,
        "history_alone": alone.history,
        "history_replicas": both.history,
        "resume_difference": largest_difference(all_weights(whole), all_weights(again)),
        "replica_difference": max(
            relative_differences(
                [*before, *before], all_weights(alone), all_weights(both), noise=NOISE
            )
        ),
        "moved_in_head_stage": {
            "head": any(each for each, in_head in zip(moved, head, strict=True) if in_head),
            "backbone": any(each for each, in_head in zip(moved, head, strict=True) if not in_head),
        },
        **names_by_decay(whole),
        "traces": TRACES,
        "warm_starts": warm_starts(network, whole.result, target),
        "average_differs": largest_difference(
            whole.model.get_weights(), whole.result.get_weights()
        ),
    }


def _files(directory: Path) -> list[str]:
    return sorted(str(path) for path in directory.iterdir())


if __name__ == "__main__":
    written = main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
    (Path(sys.argv[3]) / "promises.json").write_text(json.dumps(written))
