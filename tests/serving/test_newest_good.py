"""Which version is served where some cannot be loaded."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from server_world import ColourNetwork, World, colour_model, eventually, visit
from tiny_tree import tiny_taxonomy

from schemas.errors import DataError
from serving.server import model_source
from serving.server.batcher import Batcher
from serving.server.loaded_model import LoadedModel
from serving.server.model_source import ModelSource
from serving.versions import versions

WEIGHTS = "weights"
"""File that a version must have to be whole."""


class Shelf:
    """Versions, of which only those with weights can be loaded.

    Attributes:
        directory: of the versions.
        tried: versions that were loaded or could not be, in order.
    """

    def __init__(self, tmp_path: Path, *, fault: type[Exception] = KeyError) -> None:
        self.directory, self.tried = tmp_path / "pushed", list[int]()
        tmp_path.mkdir(exist_ok=True)
        self._taxonomy, self._fault = tiny_taxonomy(tmp_path), fault

    def push(self, version: int, *, whole: bool = True) -> None:
        target = self.directory / str(version)
        target.mkdir(parents=True, exist_ok=True)
        (target / "saved_model.pb").touch()
        if whole:
            (target / WEIGHTS).touch()

    def load(self, directory: Path) -> LoadedModel:
        self.tried.append(int(directory.name))
        if not (directory / WEIGHTS).exists():
            raise self._fault("serve_pixels")
        return colour_model(self._taxonomy, ColourNetwork(), version=int(directory.name))

    def source(self) -> ModelSource:
        return ModelSource(self.directory, self.load, lambda model: Batcher(model.run))


def poll(source: ModelSource) -> int:
    """Looks once; returns the version that is served then."""
    asyncio.run(source.poll())
    return source.current.model.version


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_a_version_is_tried_again_when_its_files_have_changed_and_not_before(shelf: Shelf) -> None:
    shelf.push(7)
    source = shelf.source()
    shelf.push(8, whole=False)
    assert [poll(source), poll(source)] == [7, 7]
    assert {version: fault.text for version, fault in source.faults.items()} == {
        8: "KeyError: 'serve_pixels'"
    }

    shelf.push(8)

    assert poll(source) == 8
    assert source.faults == {}
    assert shelf.tried == [7, 8, 8]


def test_the_newest_good_one_is_taken_and_newer_ones_are_still_looked_at(shelf: Shelf) -> None:
    shelf.push(7)
    source = shelf.source()
    shelf.push(8)
    shelf.push(9, whole=False)

    assert poll(source) == 8
    assert set(source.faults) == {9}
    shelf.push(9)
    assert poll(source) == 9
    assert shelf.tried == [7, 9, 8, 9]


def test_a_server_starts_with_the_newest_good_one(shelf: Shelf) -> None:
    shelf.push(7)
    shelf.push(8, whole=False)

    source = shelf.source()

    assert source.current.model.version == 7
    assert set(source.faults) == {8}
    assert poll(source) == 7
    assert shelf.tried == [8, 7]


def test_where_none_is_good_the_fault_of_the_newest_is_told(shelf: Shelf) -> None:
    shelf.push(7, whole=False)
    shelf.push(8, whole=False)

    with pytest.raises(KeyError, match="serve_pixels"):
        shelf.source()
    assert shelf.tried == [8, 7]


def test_a_version_that_is_gone_is_no_longer_told_of(shelf: Shelf) -> None:
    shelf.push(7)
    source = shelf.source()
    shelf.push(8, whole=False)
    poll(source)

    (shelf.directory / "8" / "saved_model.pb").unlink()
    (shelf.directory / "8").rmdir()
    poll(source)

    assert source.faults == {}


@pytest.mark.parametrize("fault", [KeyError, MemoryError, AssertionError])
def test_no_fault_of_a_version_ends_the_watch(tmp_path: Path, fault: type[Exception]) -> None:
    world = World(tmp_path, watch_secs=0.01)
    load = world.load

    def faulty(directory: Path) -> LoadedModel:
        if directory.name == "8":
            raise fault("serve_pixels")
        return load(directory)

    world.load = faulty  # type: ignore[method-assign]

    async def scenario(client: TestClient) -> None:
        world.push(8)
        await eventually(client, "/v1/models/fieldmark", lambda text: fault.__name__ in text)
        world.push(9)
        await eventually(client, "/readyz", lambda text: '"version": "9"' in text)

    visit(world.app(), scenario)


def test_a_disk_that_cannot_be_read_does_not_end_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, watch_secs=0.01)
    failures = [PermissionError("no"), OSError("stale file handle")]

    def listing(base: Path) -> list[Path]:
        if failures:
            raise failures.pop()
        return versions(base)

    async def scenario(client: TestClient) -> None:
        monkeypatch.setattr(model_source, "versions", listing)
        world.push(8)
        await eventually(client, "/readyz", lambda text: '"version": "8"' in text)

    visit(world.app(), scenario)
    assert "stale file handle" in caplog.text


def test_only_a_fault_that_nobody_foresaw_is_logged_with_its_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    for fault in (KeyError, lambda text: DataError("here", problem=text, remedy="Push.")):
        shelf = Shelf(tmp_path / str(len(caplog.records)), fault=fault)  # type: ignore[arg-type]
        shelf.push(7)
        shelf.push(8, whole=False)
        shelf.source()

    unforeseen, foreseen = caplog.records
    assert unforeseen.exc_info
    assert not foreseen.exc_info
