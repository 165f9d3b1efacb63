"""The rows of the history as TensorBoard's event files.

    <directory>/steps/events.out.tfevents.*         a run for each kind of row, whose curves are
    <directory>/epoch/events.out.tfevents.*         drawn into one picture: training, validation
    <directory>/validation/events.out.tfevents.*

x is the number of photos seen, since the batch moves; a tag is a column. The law: the files say
what the rows say, once. A run that goes on writes them anew from the rows that its checkpoint
knows, so that no point is there twice; a START mark tells a TensorBoard that is looking on to
forget what it has read. The files are written event by event, since `tf.summary.scalar` needs the
package tensorboard, which training does not.

    log = TensorBoardLog(directory, rows, began_secs=time.time())       # rows so far
    log.write(row)
"""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tensorflow as tf

from components.progressive_trainer.history_rows import (
    EPOCH,
    FIGURES,
    STEPS,
    VALIDATION,
)

_TAGS = ("image_size_px", "global_batch", *FIGURES)
_FORMAT = "brain.Event:2"


class TensorBoardLog:
    """Writes event files.

    Args:
        directory: TensorBoard's log directory; what an earlier run wrote there is replaced.
        rows: the rows of the run so far.
        began_secs: when the run would have begun without its stops, in seconds since 1970.
    """

    def __init__(
        self, directory: Path, rows: Iterable[dict[str, Any]], *, began_secs: float
    ) -> None:
        self._began_secs = began_secs
        self._files = {
            kind: _new_file(directory / kind, began_secs) for kind in (STEPS, EPOCH, VALIDATION)
        }
        for row in rows:
            self._add(row)
        for file in self._files.values():
            file.flush()

    def write(self, row: dict[str, Any]) -> None:
        """Adds a row's points."""
        self._add(row)
        self._files[row["kind"]].flush()

    def close(self) -> None:
        """Ends the files."""
        for file in self._files.values():
            file.close()

    def _add(self, row: dict[str, Any]) -> None:
        summary = tf.compat.v1.Summary
        values = [
            summary.Value(tag=tag, simple_value=row[tag]) for tag in _TAGS if row[tag] is not None
        ]
        event = tf.compat.v1.Event(
            wall_time=self._began_secs + row["wall_secs"],
            step=row["examples_seen"],
            summary=summary(value=values),
        )
        self._files[row["kind"]].write(event.SerializeToString())


def _new_file(directory: Path, began_secs: float) -> tf.io.TFRecordWriter:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    # TensorBoard takes a name that has "tfevents" in it, and reads them by name; time comes first.
    name = f"events.out.tfevents.{time.time():017.6f}.{socket.gethostname()}.{os.getpid()}"
    file = tf.io.TFRecordWriter(str(directory / name))
    event, session = tf.compat.v1.Event, tf.compat.v1.SessionLog
    file.write(event(wall_time=began_secs, file_version=_FORMAT).SerializeToString())
    start = session(status=session.START)
    file.write(event(wall_time=began_secs, step=0, session_log=start).SerializeToString())
    return file
