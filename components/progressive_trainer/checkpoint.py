"""Checkpoints: all variables and the place in the run, in one directory that appears whole.

    checkpoints = Checkpoints(directory)
    checkpoints.save(
        examples_seen=51200, history=[...], partial_epoch={}, record={}, variables=variables
    )
    latest = checkpoints.latest()        # None at the start of a run
    latest.restore(variables)

A checkpoint is written beside its place and renamed into it (`whole_directory`); a run killed while
writing leaves the one before. Only the newest two are kept. One that cannot be read, since the disk
failed, is put aside, and the one before it counts. Who writes locks the directory, so that a run
started twice does not write into itself; of several machines only the chief does. The others read,
from the same file system, the checkpoint that the chief names:

    Checkpoints(directory, writes=False).at(51200)
"""

from __future__ import annotations

import fcntl
import json
import logging
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import keras
import numpy as np

from components.progressive_trainer.whole_directory import clear, new_directory, put, remove
from schemas.errors import FieldmarkError
from schemas.events import emit

KEPT = 2
"""Checkpoints kept: the newest, and the one before it should the disk fail."""

_PREFIX = "examples-"
_VARIABLES_FILE = "variables.npz"
_STATE_FILE = "state.json"
_UNREADABLE = "unreadable-"


class _UnreadableError(Exception):
    """A checkpoint cannot be read, and why."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk.

    Attributes:
        directory: where it lies.
        examples_seen: photos of the run seen when it was written.
        history: the epochs so far, as the loop recorded them.
        partial_epoch: sums over the epoch that it was written in; empty at an epoch's end.
        record: where the rows of the history stood (see `run_record`).
        decisions: what the run had decided, see `decisions.Decision`.
    """

    directory: Path
    examples_seen: int
    history: list[dict[str, Any]]
    partial_epoch: dict[str, Any]
    record: dict[str, Any]
    decisions: list[dict[str, Any]]

    def restore(self, variables: Sequence[keras.Variable]) -> None:
        """Sets all variables, which must be those that were saved, in the same order."""
        with np.load(self.directory / _VARIABLES_FILE) as saved:
            if len(saved.files) != len(variables):
                raise FieldmarkError(
                    f"{self.directory} holds {len(saved.files)} variables where the model has "
                    f"{len(variables)}. Delete the directory to train from the start."
                )
            for index, variable in enumerate(variables):
                variable.assign(saved[str(index)])


class Checkpoints:
    """The checkpoints of one run.

    Args:
        directory: where they lie.
        writes: whether this process is the one that writes them, and locks the directory.

    Raises:
        FieldmarkError: if another process writes there.
    """

    def __init__(self, directory: Path, *, writes: bool = True) -> None:
        self.directory = directory
        self._lock: TextIO | None = None
        self._sound: set[str] = set()
        if not writes:
            return
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(directory / "lock")
        clear(directory)

    def save(
        self,
        *,
        examples_seen: int,
        history: list[dict[str, Any]],
        partial_epoch: dict[str, Any],
        record: dict[str, Any],
        decisions: Sequence[dict[str, Any]] = (),
        variables: Sequence[keras.Variable],
    ) -> None:
        """Writes a checkpoint, then deletes all but the newest."""
        assert self._lock is not None, "only the chief writes"
        clear(self.directory)
        writing = new_directory(self.directory)
        arrays = {
            str(index): keras.ops.convert_to_numpy(variable)
            for index, variable in enumerate(variables)
        }
        np.savez(writing / _VARIABLES_FILE, allow_pickle=False, **arrays)
        state = {
            "examples_seen": examples_seen,
            "history": history,
            "partial_epoch": partial_epoch,
            "record": record,
            "decisions": list(decisions),
        }
        (writing / _STATE_FILE).write_text(json.dumps(state))
        target = self.directory / _name(examples_seen)
        put(writing, target)
        self._sound.add(target.name)
        for old in self._complete()[:-KEPT]:
            remove(old)

    def latest(self) -> Checkpoint | None:
        """Returns the newest checkpoint that can be read, or None if there is none at all.

        Raises:
            FieldmarkError: if there are some and none can be read.
        """
        unreadable: dict[Path, str] = {}
        for directory in reversed(self._complete()):
            try:
                found = self._checked(directory)
            except _UnreadableError as error:
                unreadable[directory] = str(error)
                continue
            self._put_aside(unreadable, found)
            return found
        if unreadable:
            each = "; ".join(f"{path.name}: {why}" for path, why in unreadable.items())
            raise FieldmarkError(
                f"No checkpoint in {self.directory} can be read ({each}). Put the files back, or "
                "delete the directory to train from the start."
            )
        return None

    def _checked(self, directory: Path) -> Checkpoint:
        """Reads all of what this process has not read or written before."""
        found = _read(directory)
        if directory.name not in self._sound:
            _check_variables(directory / _VARIABLES_FILE)
            self._sound.add(directory.name)
        return found

    def _put_aside(self, unreadable: dict[Path, str], found: Checkpoint) -> None:
        """So that they are not taken for the newest again. The process that writes says so."""
        for path, why in unreadable.items() if self._lock else ():
            aside = path.with_name(f"{_UNREADABLE}{path.name}")
            if aside.exists():
                remove(aside)
            path.rename(aside)
            text = (
                f"the checkpoint {path} cannot be read ({why}): training goes on from the one "
                f"before it, {found.directory.name}. What is left of it is kept as {aside.name}; "
                "nothing reads that, delete it when you like"
            )
            logging.warning("%s.", text)
            emit("note", text=text)

    def at(self, examples_seen: int) -> Checkpoint:
        """Returns the checkpoint of a place in the run.

        Raises:
            FieldmarkError: if it is not there, or cannot be read.
        """
        directory = self.directory / _name(examples_seen)
        if not directory.is_dir():
            raise FieldmarkError(
                f"{directory}, from which the chief goes on, is not on this machine. "
                "The directory of the checkpoints must be on a file system that all machines share."
            )
        try:
            return _read(directory)
        except _UnreadableError as error:
            raise FieldmarkError(
                f"{directory}, from which the chief goes on, cannot be read on this machine: "
                f"{error}. Start all machines again."
            ) from error

    def close(self) -> None:
        """Releases the lock."""
        if self._lock is not None:
            self._lock.close()

    def _complete(self) -> list[Path]:
        return sorted(self.directory.glob(f"{_PREFIX}*"))


def _name(examples_seen: int) -> str:
    return f"{_PREFIX}{examples_seen:015d}"


def _read(directory: Path) -> Checkpoint:
    try:
        state = json.loads((directory / _STATE_FILE).read_text())
        return Checkpoint(directory, **state)
    except (OSError, ValueError, TypeError) as error:
        raise _UnreadableError(f"{_STATE_FILE}: {error}") from error


def _check_variables(path: Path) -> None:
    """Reads the file once, against its checksums."""
    try:
        with zipfile.ZipFile(path) as file:
            damaged = file.testzip()
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise _UnreadableError(f"{path.name}: {error}") from error
    if damaged is not None:
        raise _UnreadableError(f"{path.name}: the checksum of {damaged} is another")


def _lock(path: Path) -> TextIO:
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise FieldmarkError(
            f"{path.parent} is in use: this very training is running already. "
            "Wait for it to end, or stop it and give the command again."
        ) from error
    return file
