from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.fetch.photo_url import UrlBuilder, resized
from schemas.errors import ConfigError
from schemas.photo_row import PhotoRow

ROW = PhotoRow(2, 25, "https://x.org/photos/25/medium.JPEG?17", None, 1, 0, 1, None, None)


@pytest.mark.parametrize(
    ("url", "large"),
    [
        ("https://x.org/photos/25/medium.jpg", "https://x.org/photos/25/large.jpg"),
        ("https://x.org/photos/25/square.JPEG?17", "https://x.org/photos/25/large.JPEG?17"),
        ("https://x.org/medium.jpg/25/thumb.png", "https://x.org/medium.jpg/25/large.png"),
        ("https://x.org/photos/25/huge.jpg", None),
        ("https://x.org/photos/25/", None),
    ],
)
def test_resized(url: str, large: str | None) -> None:
    assert resized(url, "large") == large


def test_the_rows_own_url_is_taken_in_the_wanted_size() -> None:
    assert UrlBuilder("small").url(ROW) == "https://x.org/photos/25/small.JPEG?17"
    assert UrlBuilder("small").url(replace(ROW, photo_url=None)) is None


def test_a_mirror_needs_no_url_in_the_row() -> None:
    mirror = UrlBuilder("large", "http://mirror:8000/p/")
    assert mirror.url(ROW) == "http://mirror:8000/p/25/large.JPEG"
    assert mirror.url(replace(ROW, photo_url=None)) == "http://mirror:8000/p/25/large.jpg"


@pytest.mark.parametrize("prefix", ["mirror/photos", "ftp://mirror/photos", "https://", ""])
def test_a_prefix_that_is_no_url(prefix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        UrlBuilder("medium", prefix)
    assert str(caught.value) == (
        "--url-prefix must be what stands before /<photo_id>/<size>.<ext>, for example "
        f"https://mirror.example/photos. Received: {prefix!r}."
    )
