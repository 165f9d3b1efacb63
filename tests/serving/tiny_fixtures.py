"""`tiny_world` as fixtures, made once a session."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
from tiny_world import paint, small_model, tiny_bundle, tiny_export, tiny_taxonomy

from schemas.taxonomy import Taxonomy


@pytest.fixture(scope="session")
def taxonomy(tmp_path_factory: pytest.TempPathFactory) -> Taxonomy:
    return tiny_taxonomy(tmp_path_factory.mktemp("taxonomy"))


@pytest.fixture(scope="session")
def model() -> keras.Model:
    return small_model()


@pytest.fixture(scope="session")
def saved_model(
    model: keras.Model, taxonomy: Taxonomy, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return tiny_export(model, taxonomy, tmp_path_factory.mktemp("export") / "model")


@pytest.fixture(scope="session")
def bundle_dir(
    saved_model: Path, taxonomy: Taxonomy, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return tiny_bundle(saved_model, taxonomy, tmp_path_factory.mktemp("mobile") / "bundle")


@pytest.fixture(scope="session")
def photo_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "owl.jpg"
    paint(240, 180).save(path, quality=90)
    return path
