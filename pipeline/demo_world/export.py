"""Draws a demo world as an iNaturalist vision export.

    <directory>/taxonomy.csv, train_data.csv, val_data.csv, test_data.csv, spatial_data.csv,
                iconic_taxa.csv, all_taxa.csv
    <directory>/photos/<photo_id>/medium.jpg
    <directory>/demo_export.json        what it was drawn with

Laws: the same settings give the same bytes, whatever `jobs` is; a file that is there is whole;
the CSV files come last, so an export that has them has its photos too; a call that was
interrupted is finished by the same call.

    export = draw_export("demo", species=6, photos=120, size_px=(96, 160))
    print(export.photos, export.train_photos)
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2

from pipeline.demo_world.observations import WorldPlan, plan_world
from pipeline.demo_world.painter import Subject, paint_photo
from pipeline.demo_world.settings import Settings, claim, mark_complete, write_atomically
from pipeline.demo_world.tables import tables
from schemas.errors import ConfigError

PHOTO_NAME = "medium.jpg"
_SCRATCH = ".drawing"  # unfinished files; on the same disk, so that os.replace is atomic
_PHOTOS_PER_TASK = 16  # about half a second: progress moves, sending tasks costs nothing

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class DemoExport:
    """A complete demo export.

    Attributes:
        directory: where it is.
        species: leaves of its taxonomy.
        photos, observations: in all splits.
        train_photos, val_photos, test_photos: in each split.
        drawn_photos: painted by this call; the others were there before.
        already_complete: whether there was nothing to do.
    """

    directory: Path
    species: int
    photos: int
    observations: int
    train_photos: int
    val_photos: int
    test_photos: int
    drawn_photos: int
    already_complete: bool


@dataclass(frozen=True)
class _Task:
    """A few photos for one process to paint."""

    directory: Path
    seed: int
    size_px: tuple[int, int]
    photos: tuple[tuple[int, Subject], ...]


def photo_path(directory: Path, photo_id: int) -> Path:
    """Returns where the photo lies, as its published URL ends."""
    return directory / "photos" / str(photo_id) / PHOTO_NAME


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keeps OpenCV to one thread: the processes already use every core."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _draw(task: _Task) -> int:
    """Paints and writes the photos of a task; returns how many."""
    with _one_thread():
        for photo_id, subject in task.photos:
            data = paint_photo(
                seed=task.seed, subject=subject, photo_id=photo_id, size_px=task.size_px
            )
            path = photo_path(task.directory, photo_id)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, data, task.directory / _SCRATCH)
    return len(task.photos)


def _leave_interrupts_to_the_caller() -> None:
    """Lets Ctrl-C reach the first process only, which then ends the others in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _missing(plan: WorldPlan, directory: Path) -> list[tuple[int, Subject]]:
    """Returns the photos that are not there yet, each with who is in it."""
    photos = []
    for observation in plan.observations:
        leaf = plan.species[observation.leaf]
        subject = Subject(observation.observation_id, leaf.forms[observation.form], leaf.width)
        photos += [
            (photo_id, subject)
            for photo_id in observation.photo_ids
            if not photo_path(directory, photo_id).exists()
        ]
    return photos


def _draw_all(tasks: Sequence[_Task], jobs: int) -> Iterator[int]:
    """Yields, task after task, how many photos it drew."""
    if jobs == 1 or len(tasks) <= 1:
        yield from map(_draw, tasks)
        return
    # Spawned, not forked: the caller may hold TensorFlow's threads, which do not survive a fork.
    context = multiprocessing.get_context("spawn")
    workers = min(jobs, len(tasks))
    with ProcessPoolExecutor(workers, context, _leave_interrupts_to_the_caller) as pool:
        futures = [pool.submit(_draw, task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def draw_export(
    directory: str | os.PathLike[str],
    *,
    species: int = 24,
    photos: int = 2400,
    seed: int = 0,
    size_px: tuple[int, int] = (300, 2000),
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
) -> DemoExport:
    """Draws the export, or what an interrupted call left undone.

    Args:
        directory: new, empty, or holding an export with the same settings.
        species: leaves, see `species.FEWEST_SPECIES` and `species.MOST_SPECIES`.
        photos: photos in all splits together, at least 7 a species.
        seed: of the world.
        size_px: least and greatest long edge of a photo.
        jobs: processes; None for one a core.
        on_progress: called with (photos there, photos in all), first before anything is painted.

    Raises:
        ConfigError: if a number is out of bounds.
        DataError: if the directory holds something else.
    """
    if jobs is not None and jobs < 1:
        raise ConfigError(f"jobs must be 1 or more. Received: {jobs}.")
    settings = Settings(species, photos, seed, (size_px[0], size_px[1]))
    plan = plan_world(species=species, photos=photos, seed=seed)
    target = Path(directory)
    was_complete = claim(target, settings)
    texts = tables(plan)
    missing = _missing(plan, target)
    finished = was_complete and not missing and all((target / name).exists() for name in texts)
    if on_progress:
        on_progress(photos - len(missing), photos)
    if not finished:
        _finish(target, settings, texts, missing, jobs or os.cpu_count() or 1, on_progress)
    return DemoExport(
        directory=target,
        species=species,
        photos=plan.photo_count,
        observations=len(plan.observations),
        train_photos=plan.photos_in("train"),
        val_photos=plan.photos_in("val"),
        test_photos=plan.photos_in("test"),
        drawn_photos=len(missing),
        already_complete=finished,
    )


def _finish(
    target: Path,
    settings: Settings,
    texts: dict[str, str],
    missing: list[tuple[int, Subject]],
    jobs: int,
    on_progress: OnProgress | None,
) -> None:
    """Paints what is missing, then writes the CSV files, then marks the export complete."""
    scratch = target / _SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)  # what an interrupted call left
    scratch.mkdir()
    tasks = [
        _Task(target, settings.seed, settings.size_px, tuple(missing[at : at + _PHOTOS_PER_TASK]))
        for at in range(0, len(missing), _PHOTOS_PER_TASK)
    ]
    there = settings.photos - len(missing)
    for drawn in _draw_all(tasks, jobs):
        there += drawn
        if on_progress:
            on_progress(there, settings.photos)
    for name, text in texts.items():
        write_atomically(target / name, text.encode("utf-8"), scratch)
    mark_complete(target, settings, scratch)
    scratch.rmdir()
