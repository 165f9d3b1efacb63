"""The URL of a photo in another size, or on a mirror.

iNaturalist publishes a photo as `<prefix>/<photo_id>/<size>.<ext>`.

    resized("https://x.org/photos/25/medium.jpeg", "large")   # .../photos/25/large.jpeg
    UrlBuilder("large", "http://mirror/p").url(row)           # http://mirror/p/25/large.jpeg
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from schemas.errors import ConfigError
from schemas.photo_row import PhotoRow
from schemas.photo_store import SIZES

_SIZE_AT_END = re.compile(rf"(?P<before>.*/)(?:{'|'.join(SIZES)})(?P<after>\.\w+(?:\?.*)?)")


class UrlBuilder:
    """Says where the photo of a row is fetched from.

    Args:
        size: one of iNaturalist's sizes.
        prefix: replaces everything before `/<photo_id>/<size>.<ext>`; None keeps the row's own.

    Raises:
        ConfigError: if the prefix is not an http or https URL.
    """

    def __init__(self, size: str, prefix: str | None = None) -> None:
        if prefix is not None:
            parts = urlsplit(prefix)
            if parts.scheme not in ("http", "https") or not parts.netloc:
                raise ConfigError(
                    "--url-prefix must be what stands before /<photo_id>/<size>.<ext>, for example "
                    f"https://mirror.example/photos. Received: {prefix!r}."
                )
        self._size = size
        self._prefix = None if prefix is None else prefix.rstrip("/")

    def url(self, row: PhotoRow) -> str | None:
        """Returns the URL of a row's photo, or None if nothing says where it is."""
        if self._prefix is not None:
            return f"{self._prefix}/{row.photo_id}/{self._size}.{row.extension or 'jpg'}"
        return None if row.photo_url is None else resized(row.photo_url, self._size)


def resized(url: str, size: str) -> str | None:
    """Returns the URL of another size of a photo; None if the URL does not end in a size."""
    match = _SIZE_AT_END.fullmatch(url)
    return None if match is None else f"{match['before']}{size}{match['after']}"
