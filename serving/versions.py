"""Versioned directories, as TF Serving and our pushers keep them: `<base>/<whole number>/`.

newest_version("serving/")  # Path("serving/1700000000")
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path


def versions(base: str | PathLike[str]) -> list[Path]:
    """Returns the version directories in `base`, newest (of the highest number) first."""
    path = Path(base)
    if not path.is_dir():
        return []
    found = [item for item in path.iterdir() if item.name.isdecimal() and item.is_dir()]
    return sorted(found, key=lambda item: int(item.name), reverse=True)


def newest_version(base: str | PathLike[str]) -> Path | None:
    """Returns the version of the highest number in `base`; None if it has no version."""
    return next(iter(versions(base)), None)
