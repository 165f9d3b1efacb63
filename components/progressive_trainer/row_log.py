"""The rows of a run on disk while it goes on: a file that only grows, and can be cut back.

The law: a checkpoint does not hold the rows, which would make each one larger than the last. It
holds the length that the file had; a run that goes on from it cuts the file there, and writes again
what an undisturbed run would have written. So a row costs one write of its own bytes, whatever the
length of the run (some 350 bytes; a run of three million steps at 50 a row: 20 MB).

    log = RowLog(directory / "rows.jsonl")      # a line of JSON a row
    log.append({"kind": "steps", "loss": 1.5})
    length = log.length()                       # on disk from here on; into the checkpoint
    log.cut(length)                             # in the next run
    rows = list(log.rows())
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from schemas.errors import FieldmarkError


class RowLog:
    """The rows of one run.

    Args:
        path: the file, made if it is not there; None to keep the rows in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._file: BinaryIO = io.BytesIO()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            self._file = path.open("r+b")
        self._file.seek(0, os.SEEK_END)

    def append(self, row: dict[str, Any]) -> None:
        """Writes a row of JSON-able values."""
        self._file.write(json.dumps(row).encode() + b"\n")
        self._file.flush()

    def length(self) -> int:
        """Returns the bytes written, once they are safe on disk."""
        if self._path is not None:
            os.fsync(self._file.fileno())
        return self._file.tell()

    def cut(self, length: int) -> None:
        """Forgets what was written after a checkpoint.

        Args:
            length: as `length` gave it.

        Raises:
            FieldmarkError: if the file is shorter.
        """
        held = self._file.seek(0, os.SEEK_END)
        if held < length:
            raise FieldmarkError(
                f"{self._path} holds {held:,} bytes where its checkpoint was written after "
                f"{length:,}: the rows of the history are lost. Put the file back, or delete "
                "its directory to train from the start."
            )
        self._file.truncate(length)
        self._file.seek(length)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yields all rows, in order."""
        end = self._file.tell()
        self._file.seek(0)
        for line in self._file.read(end).splitlines():
            yield json.loads(line)
        self._file.seek(end)
