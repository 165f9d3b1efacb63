"""How many photos a training has, remembered beside its checkpoints: counted once, not each start.

To count 30 million records is to read them all. The law: a count is remembered for the very files
that it was made of, by their names, sizes and times of change; of others it is made anew.

    counts = RememberedCounts(checkpoint_dir, writes=devices.is_chief)
    counts.photos(files), counts.labels(files)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.progressive_trainer.photo_stream import count_labels, count_photos
from components.stored_records import FileState
from schemas.json_file import write_json

COUNTS_FILE = "counts.json"
PHOTOS, LABELS = "photos", "labels"


class RememberedCounts:
    """Counts of records, by file.

    Args:
        directory: of the run's checkpoints; made when there is something to remember.
        writes: whether this process is the one that writes there.
    """

    def __init__(self, directory: Path, *, writes: bool) -> None:
        self._file, self._writes = directory / COUNTS_FILE, writes

    def photos(self, files: Sequence[str]) -> int:
        """Returns what `photo_stream.count_photos` does, or did."""
        known = self._known(PHOTOS, files)
        return int(known) if known is not None else self._keep(PHOTOS, files, count_photos(files))

    def labels(self, files: Sequence[str]) -> np.ndarray:
        """Returns what `photo_stream.count_labels` does, or did."""
        known = self.known_labels(files)
        return known if known is not None else self.keep_labels(files, count_labels(files))

    def known_labels(self, files: Sequence[str]) -> np.ndarray | None:
        """Returns int64 [largest label + 1], photos of each label, if they are remembered."""
        known = self._known(LABELS, files)
        return None if known is None else np.array(known, np.int64)

    def keep_labels(self, files: Sequence[str], labels: np.ndarray) -> np.ndarray:
        """Returns the labels of these files, which are remembered from now on."""
        self._keep(LABELS, files, labels.tolist())
        return labels

    def _known(self, what: str, files: Sequence[str]) -> Any:
        return self._read().get(_key(what, files))

    def _keep(self, what: str, files: Sequence[str], counted: Any) -> Any:
        if self._writes:
            write_json(self._file, {**self._read(), _key(what, files): counted})
        return counted

    def _read(self) -> dict[str, Any]:
        if not self._file.is_file():
            return {}
        known: dict[str, Any] = json.loads(self._file.read_text())
        return known


def _key(what: str, files: Sequence[str]) -> str:
    return f"{what} of {_state(files)}"


def _state(files: Sequence[str]) -> str:
    """16 hex digits over the files' names, sizes and times of change."""
    digest = hashlib.sha256()
    for file in sorted(files):
        state = FileState.of(Path(file).stat())
        digest.update(f"{file}\0{state.size}\0{state.changed_ns}\n".encode())
    return digest.hexdigest()[:16]
