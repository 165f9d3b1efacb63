"""The training process.

    python -m components.progressive_trainer.worker JOB.json

Trains as the job says, from its last checkpoint if there is one, calibrates what it has trained
(see `calibration`), and writes the SavedModel and the history (see `history_file`). Ends by itself
when the process that started it is gone, so that a killed run leaves nothing behind that holds
GPUs.

exit code
0    trained, and written
2    an error meant for a person; it is written beside the job
75   asked to stop (SIGTERM, SIGINT): a checkpoint is written, start it again to go on
143  a second signal, SIGTERM: ended at once, with what the last checkpoint holds
130  the same of SIGINT

On several machines give the same job to each, on a file system that all share, and each its
TF_CONFIG. The chief alone writes; all end together, and with 75 where any was asked to stop.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import keras
import tensorflow as tf

from components.progressive_trainer.auto_batches import batch_decisions, find_unless_recorded
from components.progressive_trainer.calibration import calibrate
from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.cluster import (
    ENVIRONMENT_VARIABLE,
    Cluster,
    read_cluster,
)
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import find_devices
from components.progressive_trainer.doubtful import doubts
from components.progressive_trainer.history_file import TENSORBOARD_DIR, write_history
from components.progressive_trainer.job import (
    RESUME_EXIT_CODE,
    USER_ERROR_EXIT_CODE,
    TrainingJob,
    error_file,
)
from components.progressive_trainer.locating import training_photos
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.machine_watch import MachineWatch
from components.progressive_trainer.memory_note import tell_memory
from components.progressive_trainer.networks import build_network
from components.progressive_trainer.orphan import end_when_orphaned
from components.progressive_trainer.remembered_counts import RememberedCounts
from components.progressive_trainer.rendezvous import meet
from components.progressive_trainer.stop_request import StopRequest, TrainingStopped
from components.progressive_trainer.temperatures import Calibration
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

_MACHINE_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)


def train(job: TrainingJob, stop: StopRequest | None = None) -> None:
    """Runs a job to its end.

    Args:
        job: what to train.
        stop: hears the signals that ask it to stop; None where nothing listens.

    Raises:
        TrainingStopped: if it was asked to stop.
        FieldmarkError: if the job, the photos or another machine is at fault.
    """
    settings = load_settings(TrainerSettings, job.settings, source="trainer")
    taxonomy = read_taxonomy(job.taxonomy_path)
    found = find_unless_recorded(settings, Path(job.checkpoint_dir), num_leaves=taxonomy.num_leaves)
    with _machine_lost_as_error():
        devices = find_devices(settings.logical_cpu_devices)
        if stop is not None:
            stop.listen()
        counts = RememberedCounts(Path(job.checkpoint_dir), writes=devices.is_chief)
        train_photos = training_photos(
            job.train_files,
            settings,
            counts,
            Path(job.checkpoint_dir),
            num_leaves=taxonomy.num_leaves,
            writes=devices.is_chief,
        )
        _expect_some(train_photos.count, "train")
        val_photos = Photos(job.val_files, counts.photos(job.val_files))
        _expect_some(val_photos.count, "val")
        loop = TrainingLoop(
            settings,
            num_leaves=taxonomy.num_leaves,
            train=train_photos,
            val=val_photos,
            devices=devices,
            checkpoints=Checkpoints(Path(job.checkpoint_dir), writes=devices.is_chief),
            batches=batch_decisions(
                settings,
                found,
                devices,
                Path(job.checkpoint_dir),
                num_photos=train_photos.count,
            ),
            stop=stop,
            board=Path(job.history_dir) / TENSORBOARD_DIR,
        )
        tell_memory(loop.memory(), devices)
        for doubt in doubts(settings, loop.plan, num_photos=train_photos.count):
            logging.warning("%s", doubt)
            if devices.is_chief:
                emit("note", text=doubt)
        if is_exported_model(settings.base_weights):
            _start_from(loop, settings, taxonomy, Path(job.history_dir))
        try:
            loop.run()
        except TrainingStopped:
            devices.part()  # not before the chief has written the checkpoint
            raise
        calibration = _calibrate(loop, settings, stop or StopRequest())
        if devices.is_chief:
            emit("note", text=calibration.words())
            _write(loop, settings, taxonomy, job, calibration)
        devices.part()


def _calibrate(loop: TrainingLoop, settings: TrainerSettings, stop: StopRequest) -> Calibration:
    """All machines take part; asked to stop, they go on from the checkpoint of the last epoch."""
    found = calibrate(
        loop.result,
        loop.val.files,
        num_photos=loop.val.count,
        image_size_px=loop.plan[-1].image_size_px,
        global_batch=settings.eval_batch,
        devices=loop.devices,
        stop=stop,
    )
    if found is None:
        loop.devices.part()
        raise TrainingStopped(loop.plan[-1].end_examples, saved=True)
    return found


def _write(
    loop: TrainingLoop,
    settings: TrainerSettings,
    taxonomy: Taxonomy,
    job: TrainingJob,
    calibration: Calibration,
) -> None:
    write_history(
        Path(job.history_dir),
        loop.plan,
        decisions=loop.course.decisions,
        epochs=loop.history,
        rows=loop.record.rows(),
        devices=loop.devices.description,
        train_photos=loop.train.count,
        val_photos=loop.val.count,
        calibration=calibration,
    )
    export_saved_model(
        _on_one_device(loop, settings, taxonomy.num_leaves),
        taxonomy,
        image_size_px=loop.plan[-1].image_size_px,
        directory=job.model_dir,
        manifest={**job.manifest, "calibration": calibration.as_dict()},
        temperature=calibration.temperature,
    )


@contextmanager
def _machine_lost_as_error() -> Iterator[None]:
    """An operation that others take part in fails on each of them when one is gone."""
    try:
        yield
    except tf.errors.OpError as error:
        workers = read_cluster(os.environ.get(ENVIRONMENT_VARIABLE)).workers
        if workers == 1 or not isinstance(error, _MACHINE_LOST):
            raise
        lines = str(error).splitlines()
        reason = next((line for line in lines if "aborted by" in line), lines[0])
        raise FieldmarkError(
            f"Training on {workers} machines ended, because one of the others is gone or has ended "
            "with an error: its own log says why. Start all of them again to go on from the last "
            f"checkpoint. (TensorFlow: {reason[:300]})"
        ) from error


def _start_from(
    loop: TrainingLoop, settings: TrainerSettings, taxonomy: Taxonomy, history_dir: Path
) -> None:
    synonyms = read_synonyms(settings.synonyms) if settings.synonyms else {}
    sources = warm_start(loop.model, taxonomy, settings.base_weights, synonyms=synonyms)
    emit("note", text=f"starting from {settings.base_weights}; leaves: {in_words(sources)}")
    if loop.devices.is_chief:
        write_head_mapping(sources, taxonomy, history_dir / HEAD_MAPPING_FILE)


def _expect_some(count: int, split: str) -> None:
    if not count:
        raise FieldmarkError(
            f"There is no photo in the {split} split, and training needs some. "
            "Add some to the export, or look into set_aside.csv for what was left out."
        )


def _on_one_device(loop: TrainingLoop, settings: TrainerSettings, num_leaves: int) -> keras.Model:
    """The trained network, free of the strategy and in float32, as it is served."""
    keras.mixed_precision.set_dtype_policy("float32")
    model = build_network(
        settings.network,
        num_leaves=num_leaves,
        base_weights="none",
        head_rank=settings.head_rank,
    )
    model.set_weights(loop.result.get_weights())
    return model


def main(arguments: list[str]) -> int:
    """Runs the job file named on the command line; returns the exit code."""
    logging.basicConfig(level=logging.INFO)
    end_when_orphaned()
    stop = StopRequest()
    stop.listen()  # from the first moment on; `train` listens once more
    path = Path(arguments[0])
    cluster = Cluster()
    try:
        cluster = read_cluster(os.environ.get(ENVIRONMENT_VARIABLE))
        job = TrainingJob.read(path)
        _join_machines(job, cluster, stop, path.parent / error_file(cluster.rank))
        train(job, stop)
    except TrainingStopped as stopped:
        logging.warning("%s Exit code %d.", stopped, RESUME_EXIT_CODE)
        return RESUME_EXIT_CODE
    except FieldmarkError as error:
        logging.error("%s", error)
        (path.parent / error_file(cluster.rank)).write_text(str(error))
        return USER_ERROR_EXIT_CODE
    return 0


def _join_machines(job: TrainingJob, cluster: Cluster, stop: StopRequest, error: Path) -> None:
    """Waits for the others before TensorFlow does, and watches over them from then on."""

    def give_up(reason: str) -> None:
        logging.error("%s", reason)
        error.write_text(reason)
        _end(USER_ERROR_EXIT_CODE)

    if cluster.workers > 1:
        settings = load_settings(TrainerSettings, job.settings, source="trainer")
        meet(cluster, longest_wait_secs=settings.longest_wait_secs)
        MachineWatch(cluster, settings.longest_wait_secs, stop.last_step, give_up).start()


def _end(code: int) -> NoReturn:
    """Ends without TensorFlow's own end, which waits for machines that may be gone."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _end(main(sys.argv[1:]))
