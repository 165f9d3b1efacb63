from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from photo_server import JPEG, OK, Answer, PhotoServer

from pipeline.fetch.fetcher import MAX_ATTEMPTS, Outcome, PhotoFetcher, Request
from pipeline.fetch.rate_limit import RateLimiter
from schemas.errors import FieldmarkError

ERROR: Answer = (500, {}, b"")
SHORT: Answer = (200, {"Content-Type": "image/jpeg", "Content-Length": "999"}, JPEG)
PAGE: Answer = (200, {"Content-Type": "text/html"}, b"<html>log in</html>")


def too_fast(secs: str) -> Answer:
    return 429, {"Retry-After": secs}, b""


@pytest.fixture
def fetcher(fake_time: Any) -> Iterator[PhotoFetcher]:
    limiter = RateLimiter(10.0, clock=fake_time.clock, sleep=fake_time.sleep)
    with requests.Session() as session:
        yield PhotoFetcher(session, limiter, sleep=fake_time.sleep, jitter=lambda: 0.0)


@pytest.fixture
def request_(server: PhotoServer, tmp_path: Path) -> Request:
    return Request(1, f"{server.url}/1.jpg", tmp_path / "photos/1/medium.jpg")


def left_on_disk(request: Request) -> list[str]:
    folder = request.path.parent
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_writes_the_photo_whole(fetcher: PhotoFetcher, request_: Request) -> None:
    assert fetcher.fetch(request_) == Outcome(request_, attempts=1, size_bytes=len(JPEG))
    assert request_.path.read_bytes() == JPEG
    assert left_on_disk(request_) == ["medium.jpg"]


def test_tries_again_with_longer_and_longer_pauses(
    fetcher: PhotoFetcher, request_: Request, server: PhotoServer, fake_time: Any
) -> None:
    server.script["/1.jpg"] = [ERROR, SHORT, PAGE, OK]
    outcome = fetcher.fetch(request_)
    assert (outcome.attempts, outcome.failure) == (4, None)
    assert fake_time.slept_secs == [1, 2, 4]
    assert request_.path.read_bytes() == JPEG


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (ERROR, "HTTP 500"),
        (SHORT, "no whole answer (ChunkedEncodingError)"),
        (PAGE, "not an image but text/html"),
    ],
)
def test_gives_up_for_this_time(
    fetcher: PhotoFetcher, request_: Request, server: PhotoServer, answer: Answer, failure: str
) -> None:
    server.script["/1.jpg"] = [answer]
    assert fetcher.fetch(request_) == Outcome(request_, MAX_ATTEMPTS, failure=failure)
    assert server.requests["/1.jpg"] == MAX_ATTEMPTS
    assert left_on_disk(request_) == []


@pytest.mark.parametrize("status", [403, 404, 410])
def test_asks_once_for_what_is_gone(
    fetcher: PhotoFetcher, request_: Request, server: PhotoServer, status: int
) -> None:
    server.script["/1.jpg"] = [(status, {}, b"")]
    assert fetcher.fetch(request_) == Outcome(request_, 1, failure=f"HTTP {status}", is_final=True)
    assert left_on_disk(request_) == []


def test_a_server_that_asks_for_a_pause_gets_it_from_all(
    fetcher: PhotoFetcher, request_: Request, server: PhotoServer, fake_time: Any
) -> None:
    server.script["/1.jpg"] = [too_fast("20"), (429, {}, b""), (503, {"Retry-After": "9"}, b""), OK]
    assert fetcher.fetch(request_).attempts == 4
    # 20 s as asked; 2 s of our own, since the server did not say; 9 s as asked.
    assert fake_time.slept_secs == [20, 2, 9]


def test_a_very_long_pause_ends_the_command(
    fetcher: PhotoFetcher, request_: Request, server: PhotoServer
) -> None:
    server.script["/1.jpg"] = [too_fast("7200")]
    with pytest.raises(FieldmarkError) as caught:
        fetcher.fetch(request_)
    assert str(caught.value) == (
        "The server answers HTTP 429 and asks to be left alone for 7,200 s. Give the same command "
        "again after that, with a lower --rate."
    )


def test_a_server_that_is_down(fetcher: PhotoFetcher, tmp_path: Path) -> None:
    # Port 1 of this machine: nobody listens there.
    outcome = fetcher.fetch(Request(1, "http://127.0.0.1:1/1.jpg", tmp_path / "1.jpg"))
    assert (outcome.failure, outcome.is_final) == ("no whole answer (ConnectionError)", False)


def test_a_url_that_is_none(fetcher: PhotoFetcher, tmp_path: Path) -> None:
    outcome = fetcher.fetch(Request(1, "gopher://x/1.jpg", tmp_path / "1.jpg"))
    assert outcome.is_final
    assert (outcome.failure or "").startswith("cannot be asked for (No connection adapters")


def test_a_full_disk_leaves_nothing_half(
    fetcher: PhotoFetcher, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(FieldmarkError) as caught:
        fetcher.fetch(request_)
    assert str(caught.value) == (
        f"{request_.path}: cannot be written: No space left on device. Free some space or correct "
        "the permissions, and give the same command again."
    )
    assert left_on_disk(request_) == []
