"""`tiny_world` as fixtures, made once a session, however many conftests import them."""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path

import keras
import pytest
from tiny_world import paint, small_model, tiny_bundle, tiny_export, tiny_taxonomy

from schemas.taxonomy import Taxonomy


class _World:
    def __init__(self, directory: Path) -> None:
        self.directory = directory / "tiny_world"
        self.directory.mkdir()

    @cached_property
    def taxonomy(self) -> Taxonomy:
        return tiny_taxonomy(self.directory)

    @cached_property
    def model(self) -> keras.Model:
        return small_model()

    @cached_property
    def saved_model(self) -> Path:
        return tiny_export(self.model, self.taxonomy, self.directory / "export" / "model")

    @cached_property
    def bundle_dir(self) -> Path:
        return tiny_bundle(self.saved_model, self.taxonomy, self.directory / "mobile")

    @cached_property
    def photo_path(self) -> Path:
        path = self.directory / "owl.jpg"
        paint(240, 180).save(path, quality=90)
        return path


_world = cache(_World)


@pytest.fixture(scope="session")
def taxonomy(tmp_path_factory: pytest.TempPathFactory) -> Taxonomy:
    return _world(tmp_path_factory.getbasetemp()).taxonomy


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> keras.Model:
    return _world(tmp_path_factory.getbasetemp()).model


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _world(tmp_path_factory.getbasetemp()).saved_model


@pytest.fixture(scope="session")
def bundle_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _world(tmp_path_factory.getbasetemp()).bundle_dir


@pytest.fixture(scope="session")
def photo_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _world(tmp_path_factory.getbasetemp()).photo_path
