"""Checkpoints: all variables and the place in the run, in one directory that appears whole.

    checkpoints = Checkpoints(directory)
    checkpoints.save(
        examples_seen=51200, history=[...], partial_epoch={}, record={}, variables=variables
    )
    latest = checkpoints.latest()        # None at the start of a run
    latest.restore(variables)

A checkpoint is written beside its place and renamed into it; a run killed while writing leaves the
one before. Only the newest two are kept. Who writes locks the directory, so that a run started
twice does not write into itself; of several machines only the chief does. The others read, from the
same file system, the checkpoint that the chief names:

    Checkpoints(directory, writes=False).at(51200)
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import keras
import numpy as np

from schemas.errors import FieldmarkError

KEPT = 2
"""Checkpoints kept: the newest, and the one before it should the disk fail."""

_PREFIX = "examples-"
_VARIABLES_FILE = "variables.npz"
_STATE_FILE = "state.json"


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
        if not writes:
            return
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(directory / "lock")
        for left_over in directory.glob("writing-*"):
            shutil.rmtree(left_over)

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
        writing = self.directory / f"writing-{os.getpid()}"
        writing.mkdir()
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
        if target.exists():
            shutil.rmtree(target)
        writing.rename(target)
        for old in self._complete()[:-KEPT]:
            shutil.rmtree(old)

    def latest(self) -> Checkpoint | None:
        """Returns the newest checkpoint, or None."""
        complete = self._complete()
        return _read(complete[-1]) if complete else None

    def at(self, examples_seen: int) -> Checkpoint:
        """Returns the checkpoint of a place in the run.

        Raises:
            FieldmarkError: if it is not there.
        """
        directory = self.directory / _name(examples_seen)
        if not directory.is_dir():
            raise FieldmarkError(
                f"{directory}, from which the chief goes on, is not on this machine. "
                "The directory of the checkpoints must be on a file system that all machines share."
            )
        return _read(directory)

    def close(self) -> None:
        """Releases the lock."""
        if self._lock is not None:
            self._lock.close()

    def _complete(self) -> list[Path]:
        return sorted(self.directory.glob(f"{_PREFIX}*"))


def _name(examples_seen: int) -> str:
    return f"{_PREFIX}{examples_seen:015d}"


def _read(directory: Path) -> Checkpoint:
    state = json.loads((directory / _STATE_FILE).read_text())
    return Checkpoint(directory, **state)


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
