"""The training process.

    python -m components.progressive_trainer.worker JOB.json

Trains as the job says, from its last checkpoint if there is one, and writes the SavedModel and
`history.json`. Ends by itself when the process that started it is gone, so that a killed run
leaves nothing behind that holds GPUs. Exits with 2 after an error meant for a person, which it
writes beside the job.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from pathlib import Path

import keras

from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import find_devices
from components.progressive_trainer.job import ERROR_FILE, USER_ERROR_EXIT_CODE, TrainingJob
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.networks import build_network
from components.progressive_trainer.photo_stream import count_photos
from components.progressive_trainer.warm_start import (
    HEAD_MAPPING_FILE,
    in_words,
    warm_start,
    write_head_mapping,
)
from schemas.errors import FieldmarkError
from schemas.events import emit
from schemas.settings import load_settings
from schemas.synonyms import read_synonyms
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy
from serving.saved_model import export_saved_model, is_exported_model

ORPHAN_CHECK_SECS = 1.0


def train(job: TrainingJob) -> None:
    """Runs a job to its end."""
    settings = load_settings(TrainerSettings, job.settings, source="trainer")
    devices = find_devices(settings.logical_cpu_devices)
    taxonomy = read_taxonomy(job.taxonomy_path)
    checkpoints = Checkpoints(Path(job.checkpoint_dir)) if devices.is_chief else None
    loop = TrainingLoop(
        settings,
        num_leaves=taxonomy.num_leaves,
        train=_photos(job.train_files, "train"),
        val=_photos(job.val_files, "val"),
        devices=devices,
        checkpoints=checkpoints,
    )
    if is_exported_model(settings.base_weights):
        _start_from(loop, settings, taxonomy, Path(job.history_dir))
    loop.run()
    if not devices.is_chief:
        return
    history = {
        "devices": devices.description,
        "train_photos": loop.train.count,
        "val_photos": loop.val.count,
        "stages": [stage.as_dict() for stage in loop.plan],
        "epochs": loop.history,
    }
    Path(job.history_dir, "history.json").write_text(json.dumps(history, indent=1))
    export_saved_model(
        _on_one_device(loop, settings, taxonomy.num_leaves),
        taxonomy,
        image_size_px=loop.plan[-1].image_size_px,
        directory=job.model_dir,
        manifest=job.manifest,
    )


def _start_from(
    loop: TrainingLoop, settings: TrainerSettings, taxonomy: Taxonomy, history_dir: Path
) -> None:
    synonyms = read_synonyms(settings.synonyms) if settings.synonyms else {}
    sources = warm_start(loop.model, taxonomy, settings.base_weights, synonyms=synonyms)
    emit("note", text=f"starting from {settings.base_weights}; leaves: {in_words(sources)}")
    if loop.devices.is_chief:
        write_head_mapping(sources, taxonomy, history_dir / HEAD_MAPPING_FILE)


def _photos(files: list[str], split: str) -> Photos:
    count = count_photos(files) if files else 0
    if not count:
        raise FieldmarkError(
            f"There is no photo in the {split} split, and training needs some. "
            "Add some to the export, or look into set_aside.csv for what was left out."
        )
    return Photos(files, count)


def _on_one_device(loop: TrainingLoop, settings: TrainerSettings, num_leaves: int) -> keras.Model:
    """The trained network, free of the strategy and in float32, as it is served."""
    keras.mixed_precision.set_dtype_policy("float32")
    model = build_network(settings.network, num_leaves=num_leaves, base_weights="none")
    model.set_weights(loop.model.get_weights())
    return model


def _end_when_orphaned(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHAN_CHECK_SECS)
    logging.error("The process that started this training is gone; ending.")
    os._exit(1)


def main(arguments: list[str]) -> int:
    """Runs the job file named on the command line."""
    logging.basicConfig(level=logging.INFO)
    threading.Thread(target=_end_when_orphaned, args=(os.getppid(),), daemon=True).start()
    path = Path(arguments[0])
    try:
        train(TrainingJob.read(path))
    except FieldmarkError as error:
        (path.parent / ERROR_FILE).write_text(str(error))
        return USER_ERROR_EXIT_CODE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
