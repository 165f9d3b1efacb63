"""What is the client's fault is said to be; what is ours costs nobody else anything."""

from __future__ import annotations

import asyncio
import base64
import gzip
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from aiohttp.test_utils import TestClient
from server_world import SIZE_PX, World, colour_model, encoded, eventually, visit
from tiny_tree import tiny_taxonomy

from schemas.errors import ConfigError, DataError
from serving.server import loaded_model, photo_desk, predict_answer
from serving.server.batcher import Batcher
from serving.server.loaded_model import load_model
from serving.server.model_source import Served

RED = encoded("#ff0000")
PREDICT = "/v1/models/fieldmark:predict"
FILE = b'Content-Disposition: form-data; name="photo"; filename="owl.png"'
TEXT = b'Content-Disposition: form-data; name="top"\r\nContent-Type: text/plain; charset='


def form_of(*parts: tuple[bytes, bytes]) -> bytes:
    """A form's body, written by hand: heads and contents, between boundaries B."""
    return b"".join(b"--B\r\n%b\r\n\r\n%b\r\n" % part for part in parts) + b"--B--\r\n"


FORM = {"Content-Type": "multipart/form-data; boundary=B"}
JSON = {"Content-Type": "application/json"}
PNG = {"Content-Type": "image/png"}
GZIP = {"Content-Encoding": "gzip"}
PACKED = gzip.compress(RED)

FAULTS: dict[str, tuple[str, bytes, dict[str, str], str]] = {
    "half a surrogate pair": (PREDICT, b'{"instances": ["\\ud800"]}', JSON, "half a surrogate"),
    "charset unknown": ("/classify", form_of((FILE, RED), (TEXT + b"foo", b"3")), FORM, "foo"),
    "charset of no text": ("/classify", form_of((FILE, RED), (TEXT + b"hex", b"3")), FORM, "hex"),
    "charset wrong": ("/classify", form_of((FILE, RED), (TEXT + b"utf-8", b"\xff")), FORM, "utf-8"),
    "transfer encoding unknown": (
        "/classify",
        form_of((FILE + b"\r\nContent-Transfer-Encoding: foo", RED)),
        FORM,
        "unknown content transfer encoding: foo",
    ),
    "no base64": (
        "/classify",
        form_of((FILE + b"\r\nContent-Transfer-Encoding: base64", b"AAAAA")),
        FORM,
        "The form cannot be read",
    ),
    "no gzip": ("/classify", b"rubbish", PNG | GZIP, "Can not decode content-encoding: gzip"),
    "gzip broken": ("/classify", PACKED[:-8] + b"12345678", PNG | GZIP, "Can not decode"),
    "form no gzip": ("/classify", b"rubbish", FORM | GZIP, "Can not decode"),
    "JSON no gzip": (PREDICT, b"rubbish", JSON | GZIP, "The body cannot be read: Can not decode"),
    "half a form": ("/classify", form_of((FILE, RED))[:-30], FORM, "The form cannot be read"),
    "thousands of digits": ("/classify?top=" + "9" * 5000, RED, PNG, "Received: '9999"),
    "a number of thousands of digits": (PREDICT, b"[" + b"9" * 5000, JSON, "JSON Parse error"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_client_is_told_as_one(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, body, headers, message = FAULTS[name]

    async def scenario(client: TestClient) -> None:
        response = await client.post(path, data=body, headers=headers)
        answer = await response.json()
        assert response.status == 400, answer
        assert message in answer["error"]
        assert len(answer["error"]) < 300

    visit(World(tmp_path).app(), scenario)
    # aiohttp itself logs that it could not read on, the answer being sent.
    assert not [record for record in caplog.records if record.name.startswith("serving")]


def test_a_body_that_comes_packed_is_read(tmp_path: Path) -> None:
    async def scenario(client: TestClient) -> None:
        response = await client.post("/classify", data=PACKED, headers=PNG | GZIP)
        assert response.status == 200, await response.text()

    visit(World(tmp_path).app(), scenario)


@pytest.mark.parametrize(("path", "headers"), [("/classify", FORM), (PREDICT, JSON)])
def test_whoever_sends_too_slowly_makes_room(
    tmp_path: Path, path: str, headers: dict[str, str]
) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"--B\r\n"
            await asyncio.sleep(0.02)

    async def scenario(client: TestClient) -> None:
        response = await client.post(path, data=slowly(), headers=headers)
        assert response.status == 408
        text = (await response.json())["error"]
        assert text.startswith("The request did not arrive in time. Allowed: 0.2 s.")
        await eventually(client, "/metrics", lambda text: "fieldmark_photos_inside 0" in text)

    visit(World(tmp_path).app(max_read_secs=0.2), scenario)


def test_places_and_model_are_kept_until_the_last_photo_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another photo of the request has failed long before."""
    may_go, has_failed = threading.Event(), threading.Event()

    def prepare(content: bytes, size_px: int, *, name: str, max_pixels: int) -> np.ndarray:
        if name == "photo 0":
            has_failed.set()
            raise MemoryError
        assert may_go.wait(timeout=60)
        return np.zeros((SIZE_PX, SIZE_PX, 3), np.float32)

    monkeypatch.setattr(photo_desk, "prepare_bytes", prepare)

    async def scenario(client: TestClient) -> None:
        asked = {"instances": [{"b64": base64.b64encode(RED).decode()}] * 2}
        request = asyncio.create_task(client.post(PREDICT, json=asked))
        await asyncio.get_running_loop().run_in_executor(None, has_failed.wait, 60)
        for _ in range(20):
            metrics = await (await client.get("/metrics")).text()
            assert "fieldmark_photos_inside 2" in metrics
        may_go.set()
        assert (await request).status == 500
        await eventually(client, "/metrics", lambda text: "fieldmark_photos_inside 0" in text)

    visit(World(tmp_path).app(), scenario)


def test_others_are_answered_while_numbers_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_writing, may_go = threading.Event(), threading.Event()

    def pieces(value: object) -> list[str]:
        is_writing.set()
        assert may_go.wait(timeout=60)
        return ["{}"]

    monkeypatch.setattr(predict_answer, "json_pieces", pieces)

    async def scenario(client: TestClient) -> None:
        asked = {"instances": [{"b64": base64.b64encode(RED).decode()}]}
        request = asyncio.create_task(client.post(PREDICT, json=asked))
        await asyncio.get_running_loop().run_in_executor(None, is_writing.wait, 60)
        assert (await client.get("/healthz")).status == 200
        may_go.set()
        assert await (await request).json() == {}

    visit(World(tmp_path).app(), scenario)


def test_a_model_that_is_replaced_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Its last batch may be one whose client has gone."""
    may_go, has_begun = threading.Event(), threading.Event()

    def run(pixels: np.ndarray) -> list[float]:
        has_begun.set()
        assert may_go.wait(timeout=60)
        return [0.0] * len(pixels)

    served = Served(None, Batcher(run, max_wait_secs=0))  # type: ignore[arg-type]
    future = served.batcher.submit(np.zeros((1, 1, 3), np.float32))
    assert has_begun.wait(timeout=60)

    served.retire()

    assert not future.done()
    may_go.set()
    assert future.result(timeout=60) == 0.0


@pytest.mark.parametrize("path", ["/classify", PREDICT])
def test_scores_that_are_no_numbers_are_a_fault_of_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    world = World(tmp_path)
    outputs = world.network.outputs

    def nan(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores, features = outputs(pixels)
        scores[0, 3] = np.nan
        return scores, features

    async def scenario(client: TestClient) -> None:
        monkeypatch.setattr(world.network, "outputs", nan)
        body = form_of((FILE, RED))
        asked = {"instances": [{"b64": base64.b64encode(RED).decode()}]}
        sent = {"json": asked} if path == PREDICT else {"data": body, "headers": FORM}
        response = await client.post(path, **sent)
        assert response.status == 500
        assert (await response.json())["error"].startswith("The model is faulty: of ")

    visit(world.app(), scenario)
    assert "gave a score that is not a number" in caplog.text


@pytest.mark.parametrize("temperature", [0.1, 6.0, float("nan"), "warm"])
def test_a_temperature_out_of_range_is_refused_with_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temperature: object
) -> None:
    world = World(tmp_path)
    model = colour_model(tiny_taxonomy(tmp_path), world.network)
    faulty = replace(model, manifest={**model.manifest, "temperature": temperature})
    monkeypatch.setattr(loaded_model, "_load_saved_model", lambda *_: faulty)

    with pytest.raises(ConfigError, match=r"here has a temperature that is out of range\. All"):
        load_model(world.directory / "7")


def test_a_model_that_gives_no_numbers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    model = colour_model(tiny_taxonomy(tmp_path), world.network)
    monkeypatch.setattr(loaded_model, "_load_saved_model", lambda *_: model)
    assert load_model(world.directory / "7") is model

    for scores, told in ((np.full((1, 5), np.nan), "0 numbers in 5"), (np.ones((1, 4)), "4 numb")):
        monkeypatch.setattr(world.network, "outputs", lambda pixels, scores=scores: (scores, None))
        with pytest.raises(DataError, match=f"gives no number for each of its 5 leaves.*{told}"):
            load_model(world.directory / "7")
