from __future__ import annotations

import datetime
import io

import pytest
import requests
from photo_server import JPEG
from urllib3.response import HTTPResponse

from pipeline.fetch import answer
from pipeline.fetch.answer import RefusedError, RetryLaterError, read_photo, retry_after_secs

NOW = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC)


def response(status: int = 200, body: bytes = JPEG, **headers: str) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    made.raw = HTTPResponse(io.BytesIO(body), preload_content=False)
    return made


@pytest.mark.parametrize("kind", ["image/jpeg", "binary/octet-stream", "image/png; x=1", ""])
def test_takes_photos_of_any_image_kind(kind: str) -> None:
    assert read_photo(response(Content_Type=kind, Content_Length=str(len(JPEG)))) == JPEG
    assert read_photo(response()) == JPEG


@pytest.mark.parametrize("start", [b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"\xff\xd8\xff\xe1"])
def test_takes_png_and_gif_whatever_the_header_says(start: bytes) -> None:
    assert read_photo(response(body=start + b"rest", Content_Type="image/jpeg")) == start + b"rest"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 204, 302])
def test_what_is_final(status: int) -> None:
    with pytest.raises(RefusedError) as caught:
        read_photo(response(status))
    assert str(caught.value) == f"HTTP {status}"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_passes(status: int) -> None:
    with pytest.raises(RetryLaterError) as caught:
        read_photo(response(status, Retry_After="7"))
    assert str(caught.value) == f"HTTP {status}"
    assert (caught.value.wait_secs, caught.value.too_fast) == (7.0, status == 429)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (
            response(body=b"<html>", Content_Type="text/html; charset=utf-8"),
            "not an image but text/html",
        ),
        (
            response(body=b"<!doctype html>", Content_Type="image/jpeg"),
            "not a JPEG, PNG or GIF: it starts with b'<!doctype ht'",
        ),
        (response(body=b""), "not a JPEG, PNG or GIF: it starts with b''"),
        (response(body=JPEG[:50], Content_Length="326"), "cut short: 50 of 326 bytes came"),
    ],
)
def test_what_is_no_photo_passes_too(made: requests.Response, reason: str) -> None:
    with pytest.raises(RetryLaterError) as caught:
        read_photo(made)
    assert str(caught.value) == reason
    assert caught.value.wait_secs is None


def test_a_body_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "MAX_PHOTO_BYTES", 2**20)
    with pytest.raises(RefusedError, match="larger than 1 MiB"):
        read_photo(response(body=JPEG + bytes(2**20)))


@pytest.mark.parametrize(
    ("header", "secs"),
    [
        (None, None),
        ("120", 120.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2026 12:01:00 -0000", 60.0),
        ("soon", None),
    ],
)
def test_retry_after(header: str | None, secs: float | None) -> None:
    assert retry_after_secs(header, NOW) == secs
