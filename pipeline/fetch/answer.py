"""What a server answered to a request for a photo: the photo, a "later", or a "never".

read_photo(response)     # bytes of a whole JPEG, PNG or GIF
# RetryLaterError: HTTP 503          RefusedError: HTTP 404
"""

from __future__ import annotations

import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import requests

MAX_PHOTO_BYTES = 64 * 2**20
"""Larger than any photo of iNaturalist's (2048 px long edge)."""

_CHUNK_BYTES = 64 * 2**10

_IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")

_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
"""Client errors that are not final; every 5xx is taken for passing as well."""


class RefusedError(Exception):
    """The server will never give this photo."""


class RetryLaterError(Exception):
    """The photo did not come this time.

    Args:
        reason: why, for people.
        wait_secs: how long the server asks to be left alone; None if it does not say.
        too_fast: whether the server complains about our rate.
    """

    def __init__(
        self, reason: str, *, wait_secs: float | None = None, too_fast: bool = False
    ) -> None:
        super().__init__(reason)
        self.wait_secs, self.too_fast = wait_secs, too_fast


def read_photo(response: requests.Response) -> bytes:
    """Returns the photo in a streamed response.

    A page with status 200 that is no image (an error page, a log-in page of a network) counts as
    passing: it says nothing about the photo.

    Raises:
        RetryLaterError: if the answer may be another one later.
        RefusedError: if it may not.
    """
    _check_status(response)
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind and not kind.startswith("image/") and not kind.endswith("/octet-stream"):
        raise RetryLaterError(f"not an image but {kind}")
    body = _read_body(response)
    if not body.startswith(_IMAGE_STARTS):
        raise RetryLaterError(f"not a JPEG, PNG or GIF: it starts with {body[:12]!r}")
    return body


def retry_after_secs(header: str | None, now: datetime.datetime) -> float | None:
    """Returns the seconds a Retry-After header asks for; None if it is absent or unreadable.

    Args:
        header: seconds, or an HTTP date.
        now: the time, with a time zone.
    """
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return max(0.0, (moment - now).total_seconds())


def _check_status(response: requests.Response) -> None:
    status = response.status_code
    if status == HTTPStatus.OK:
        return
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
        raise RetryLaterError(
            f"HTTP {status}",
            wait_secs=retry_after_secs(
                response.headers.get("Retry-After"), datetime.datetime.now(datetime.UTC)
            ),
            too_fast=status == HTTPStatus.TOO_MANY_REQUESTS,
        )
    raise RefusedError(f"HTTP {status}")


def _read_body(response: requests.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_PHOTO_BYTES:
            raise RefusedError(f"larger than {MAX_PHOTO_BYTES >> 20} MiB")
    promised = response.headers.get("Content-Length", "")
    encoded = "Content-Encoding" in response.headers
    if promised.isdigit() and not encoded and len(body) != int(promised):
        raise RetryLaterError(f"cut short: {len(body):,} of {int(promised):,} bytes came")
    return bytes(body)
