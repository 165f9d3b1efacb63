"""A server with a network of numpy, so that its tests need no TensorFlow."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image
from tiny_people import PEOPLE
from tiny_tree import tiny_taxonomy

from schemas.taxonomy import Taxonomy
from serving.server.app import ServerOptions, make_app
from serving.server.limits import Limits
from serving.server.loaded_model import LoadedModel

SIZE_PX = 8

# Classes of the tiny taxonomy: Strix varia, Quercus alba, Strix aluco, Quercus robur, Strigina.
OWLS = (0.4, 0.04, 0.5, 0.05, 0.01)
"""Scores of a red photo: two species of one genus."""

OAKS = (0.02, 0.3, 0.03, 0.64, 0.01)
"""Scores of a photo of any other colour."""


class ColourNetwork:
    """Owls are red, oaks are not.

    Attributes:
        batches: sizes of the batches that it was given.
        seen: pixels of the last batch.
        hold: while cleared, it does not answer.
    """

    image_size_px = SIZE_PX

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.seen = np.zeros((0, SIZE_PX, SIZE_PX, 3), np.float32)
        self.hold = threading.Event()
        self.hold.set()

    def outputs(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.hold.wait(timeout=60)
        self.batches.append(len(pixels))
        self.seen = pixels
        means = pixels.mean(axis=(1, 2))
        is_red = means[:, 0] > means[:, 1:].max(axis=1) + 50
        scores = np.where(is_red[:, None], np.float32(OWLS), np.float32(OAKS))
        return scores.astype(np.float32), means.astype(np.float32)


def colour_model(
    taxonomy: Taxonomy, network: ColourNetwork, *, version: int = 1, gives_features: bool = True
) -> LoadedModel:
    manifest = {"model_id": f"id{version}"}
    return LoadedModel(version, "here", network, taxonomy, manifest, gives_features)


class World:
    """A directory of versions, and the server on it.

    Attributes:
        directory: of versions.
        network: that answers.
        loaded: versions that were loaded, in order.
    """

    def __init__(self, tmp_path: Path, **options: object) -> None:
        self.directory = tmp_path / "pushed"
        self.network = ColourNetwork()
        self.loaded: list[int] = []
        self._taxonomy = tiny_taxonomy(tmp_path)
        self._options = {"watch_secs": 0, **options}
        self.push(7)

    def push(self, version: int) -> None:
        target = self.directory / str(version)
        target.mkdir(parents=True)
        (target / "saved_model.pb").touch()

    def load(self, directory: Path) -> LoadedModel:
        version = int(directory.name)
        self.loaded.append(version)
        return colour_model(self._taxonomy, self.network, version=version)

    def app(self, **limits: float) -> web.Application:
        options = ServerOptions(self.directory, limits=Limits(**limits), **self._options)
        return make_app(options, self.load)


class PeopleNetwork(ColourNetwork):
    """Of `tiny_people`: red photos are people, surely; of others they may be."""

    def outputs(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores, features = super().outputs(pixels)
        surely = scores.argmax(axis=1) == np.argmax(OWLS)
        people = np.where(surely[:, None], (0.05, 0.05, 0.9), (0.7, 0.1, 0.2))
        return people.astype(np.float32), features


def people_world(tmp_path: Path) -> World:
    """A server whose model knows people."""
    world = World(tmp_path)
    world.network, world._taxonomy = PeopleNetwork(), PEOPLE
    return world


def visit(app: web.Application, scenario: Callable[[TestClient], Awaitable[None]]) -> None:
    """Runs a scenario against a running server."""

    async def run() -> None:
        async with TestClient(TestServer(app)) as client:
            await scenario(client)

    asyncio.run(run())


async def eventually(client: TestClient, path: str, holds: Callable[[str], bool]) -> str:
    """Asks again and again until the answer is as wanted; returns it."""
    for _ in range(2000):
        text = await (await client.get(path)).text()
        if holds(text):
            return text
        await asyncio.sleep(0.01)
    raise AssertionError(f"{path} still answers {text}")


def encoded(colour: str, form: str = "PNG", size: tuple[int, int] = (20, 16)) -> bytes:
    """A photo of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, form)
    return buffer.getvalue()


PERSON = encoded("#ff0000")
"""A photo of people, to the model of `people_world`."""
