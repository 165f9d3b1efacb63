"""Photos named one by one or by their folder.

find_photos(["owl.jpg", "holiday/"])  # "owl.jpg", then all below "holiday/", by their paths
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from schemas.errors import ConfigError

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".gif", ".webp")
"""In any case. A file that is named by itself may end as it likes."""


def find_photos(given: Iterable[str | PathLike[str]]) -> list[str]:
    """Returns the paths of photos; hidden files and folders are left out.

    Args:
        given: photos, which need not exist, and folders.

    Raises:
        ConfigError: if a folder holds no photo.
    """
    found: list[str] = []
    for item in given:
        path = os.fspath(item)
        photos = list(_in_folder(path)) if Path(path).is_dir() else [path]
        if not photos:
            raise ConfigError(
                f"The folder {path!r} holds no photo. Expected files that end in "
                f"{', '.join(PHOTO_ENDINGS)}, in it or in folders below."
            )
        found += photos
    return found


def _in_folder(folder: str) -> Iterable[str]:
    for directory, below, files in os.walk(folder):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(PHOTO_ENDINGS) and not name.startswith("."):
                yield str(Path(directory, name))
