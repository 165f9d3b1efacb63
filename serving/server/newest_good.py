"""The newest version that can be loaded, and what is wrong with those that are newer still.

Law: a version that could not be loaded is tried again when its files have changed, and not before:
it may have been seen while it was being copied.

    model, faults = newest_good(versions("pushed/saved_model"), load, known={})
    faults[1700000000].text
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import FieldmarkError
from serving.server.loaded_model import LoadedModel

logger = logging.getLogger(__name__)

Files = frozenset[tuple[str, int, int]]
"""Path, bytes and time of the last change, in nanoseconds, of each file of a version."""


@dataclass(frozen=True)
class Fault:
    """Why a version is not served.

    Attributes:
        error: that loading it raised.
        files: that it had then.
    """

    error: Exception
    files: Files

    @property
    def text(self) -> str:
        """What is wrong, for people."""
        if isinstance(self.error, FieldmarkError):
            return str(self.error)
        return f"{type(self.error).__name__}: {self.error}"


def newest_good(
    directories: Iterable[Path],
    load: Callable[[Path], LoadedModel],
    known: Mapping[int, Fault],
) -> tuple[LoadedModel | None, dict[int, Fault]]:
    """Returns the first model that can be loaded, None if there is none, and the faults before it.

    Args:
        directories: of versions, newest first.
        load: loads one.
        known: faults that were found before, by version.
    """
    faults: dict[int, Fault] = {}
    for directory in directories:
        version, files = int(directory.name), _files_of(directory)
        fault = known.get(version)
        if fault is None or fault.files != files:
            try:
                return load(directory), faults
            except Exception as error:
                fault = Fault(error, files)
                # A FieldmarkError says all there is to say; of any other the place helps.
                trace = None if isinstance(error, FieldmarkError) else error
                logger.error("version %d is not served: %s", version, fault.text, exc_info=trace)
        faults[version] = fault
    return None, faults


def _files_of(directory: Path) -> Files:
    """What would differ if a file were added, taken away or written."""
    try:
        stats = [(path, path.stat()) for path in directory.rglob("*")]
    except OSError:  # one went away meanwhile
        return frozenset()
    return frozenset((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats)
