"""What a demo export was drawn with, written into its directory before the first photo.

The file makes an interrupted export one that can go on, and keeps two exports from being mixed.
It holds nothing that changes from one run to the next: no time, no number of processes.

    claim(Path("demo"), Settings(species=24, photos=2400, seed=0, size_px=(300, 2000)))
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from schemas.errors import ConfigError, DataError

FILE_NAME = "demo_export.json"
PAINTER = 1  # raise it when the same settings give other pictures than before
SMALLEST_PX, LARGEST_PX = 32, 12_000  # the long edge; below it nobody sees a beetle


@dataclass(frozen=True)
class Settings:
    """What decides every byte of an export.

    Attributes:
        species: leaves of the taxonomy.
        photos: photos in all splits together.
        seed: of the world, 0 or more.
        size_px: least and greatest long edge.
        painter: version of the painting code.
    """

    species: int
    photos: int
    seed: int
    size_px: tuple[int, int]
    painter: int = PAINTER

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ConfigError(f"seed must be 0 or more. Received: {self.seed}.")
        smallest, largest = self.size_px
        if not SMALLEST_PX <= smallest <= largest <= LARGEST_PX:
            raise ConfigError(
                f"size must be the least and the greatest long edge in px, both within "
                f"{SMALLEST_PX}..{LARGEST_PX}. Received: {smallest}-{largest}."
            )


def write_atomically(path: Path, data: bytes, scratch: Path) -> None:
    """Writes a file so that it is whole whenever it is there; `scratch` is on the same disk."""
    unfinished = scratch / f"{os.getpid()}-{path.parent.name}-{path.name}"
    unfinished.write_bytes(data)
    unfinished.replace(path)


def _text(settings: Settings, complete: bool) -> bytes:
    return (json.dumps({"settings": asdict(settings), "complete": complete}) + "\n").encode()


def _read(path: Path) -> tuple[dict[str, object], bool]:
    try:
        content = json.loads(path.read_text("utf-8"))
        return dict(content["settings"]), bool(content["complete"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            path,
            problem="is not what `fieldmark demo-export` writes.",
            remedy="Choose another directory, or delete this one.",
        ) from error


def claim(directory: Path, settings: Settings) -> bool:
    """Makes the directory this export's; returns whether the export is already complete.

    Raises:
        DataError: if the directory holds anything but a demo export with the same settings.
    """
    if directory.exists() and not directory.is_dir():
        raise DataError(
            directory,
            problem="is a file, a directory was expected.",
            remedy="Choose a directory that is new or empty.",
        )
    marker = directory / FILE_NAME
    if marker.exists():
        found, complete = _read(marker)
        wanted = json.loads(_text(settings, complete))["settings"]
        different = [
            f"{name} {found.get(name)} there, {value} here"
            for name, value in wanted.items()
            if found.get(name) != value
        ]
        if different:
            raise DataError(
                directory,
                problem=f"holds a demo export drawn with other settings ({'; '.join(different)}).",
                remedy="Choose another directory, or repeat the settings it was drawn with.",
            )
        return complete
    if directory.exists() and any(directory.iterdir()):
        raise DataError(
            directory,
            problem=f"is not empty and not a demo export (it has no {FILE_NAME}).",
            remedy="Choose a directory that is new or empty.",
        )
    directory.mkdir(parents=True, exist_ok=True)
    marker.write_bytes(_text(settings, complete=False))
    return False


def mark_complete(directory: Path, settings: Settings, scratch: Path) -> None:
    """Writes down that every file of the export is there."""
    write_atomically(directory / FILE_NAME, _text(settings, complete=True), scratch)
