"""Fetches one photo: asks politely, tries again, and writes it whole or not at all.

fetcher = PhotoFetcher(session, limiter, sleep=stop_or_sleep)
fetcher.fetch(Request(25, "https://x.org/photos/25/medium.jpg", Path("photos/25/medium.jpg")))
# Outcome(attempts=1, size_bytes=48213, ...)
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from pipeline.fetch.answer import RefusedError, RetryLaterError, read_photo
from pipeline.fetch.rate_limit import RateLimiter
from schemas.errors import FieldmarkError

MAX_ATTEMPTS = 5

FIRST_BACKOFF_SECS = 1.0
"""Doubled with each attempt; up to half of it is taken off at random, so that threads part."""

MAX_RETRY_AFTER_SECS = 900.0
"""A server that asks for a longer pause than this ends the command instead."""

TIMEOUT_SECS = (10.0, 30.0)
"""To connect, and between two pieces of an answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """A photo to fetch, from where, to where."""

    photo_id: int
    url: str
    path: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request.

    Attributes:
        request: the request.
        attempts: requests sent to the server.
        size_bytes: of the photo; 0 if it could not be fetched.
        failure: why it could not be fetched, for people; None if it was.
        is_final: whether asking again another day is pointless.
    """

    request: Request
    attempts: int
    size_bytes: int = 0
    failure: str | None = None
    is_final: bool = False


class PhotoFetcher:
    """Fetches photos; several threads may share one.

    Args:
        session: sends the requests.
        limiter: the rate that all threads keep to.
        sleep: waits that many seconds; it may raise to end the waiting.
        jitter: random numbers in 0..1.
    """

    def __init__(
        self,
        session: requests.Session,
        limiter: RateLimiter,
        *,
        sleep: Callable[[float], object],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._session, self._limiter = session, limiter
        self._sleep, self._jitter = sleep, jitter

    def fetch(self, request: Request) -> Outcome:
        """Returns what became of the request.

        Raises:
            FieldmarkError: if the photo cannot be written, or the server asks for a pause of more
                than MAX_RETRY_AFTER_SECS.
        """
        reason = ""
        for attempt in range(1, MAX_ATTEMPTS + 1):
            self._limiter.acquire()
            try:
                photo = self._get(request.url)
            except RefusedError as error:
                return Outcome(request, attempt, failure=str(error), is_final=True)
            except RetryLaterError as error:
                reason = str(error)
                self._wait(error, attempt)
            else:
                write_whole(request.path, photo)
                return Outcome(request, attempt, size_bytes=len(photo))
        return Outcome(request, MAX_ATTEMPTS, failure=reason)

    def _get(self, url: str) -> bytes:
        try:
            with self._session.get(url, stream=True, timeout=TIMEOUT_SECS) as response:
                return read_photo(response)
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        ) as error:
            raise RetryLaterError(f"no whole answer ({type(error).__name__})") from error
        except requests.RequestException as error:
            raise RefusedError(f"cannot be asked for ({error})") from error

    def _wait(self, error: RetryLaterError, attempt: int) -> None:
        """Waits before the next attempt: all threads if the server asks for it, else this one."""
        if error.wait_secs is not None and error.wait_secs > MAX_RETRY_AFTER_SECS:
            raise FieldmarkError(
                f"The server answers {error} and asks to be left alone for "
                f"{error.wait_secs:,.0f} s. Give the same command again after that, "
                "with a lower --rate."
            )
        backoff_secs = FIRST_BACKOFF_SECS * 2 ** (attempt - 1) * (1 - self._jitter() / 2)
        if error.wait_secs is not None or error.too_fast:
            self._limiter.hold_back(max(error.wait_secs or 0.0, backoff_secs))
        elif attempt < MAX_ATTEMPTS:
            self._sleep(backoff_secs)


def write_whole(path: Path, photo: bytes) -> None:
    """Writes a photo so that `path` is the whole photo or is not there.

    Raises:
        FieldmarkError: if it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(photo)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise FieldmarkError(
            f"{path}: cannot be written: {error.strerror}. Free some space or correct the "
            "permissions, and give the same command again."
        ) from error
