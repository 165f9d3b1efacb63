"""A geo model beside a model: what a place changes, and which geo models are refused."""

from __future__ import annotations

import math
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import tensorflow as tf
from aiohttp.test_utils import TestClient
from server_world import encoded, visit

from schemas.errors import ConfigError, DataError
from schemas.taxonomy import Taxonomy
from serving.geo_model import GeoModel
from serving.geo_scores import combined_scores
from serving.server.app import ServerOptions, make_app

WEIGHTS = np.random.default_rng(4).normal(size=(5, 5)).astype(np.float32)
PHOTO = encoded("#c08040", "PNG", (50, 40))
ZURICH, QUITO = (47.37, 8.54), (-0.18, -78.47)


def geo_file(path: Path, weights: np.ndarray, *, last: object = tf.sigmoid) -> Path:
    """Writes float32 [1, K] x weights [K, N] -> float32 [1, N] as TFLite."""

    @tf.function(input_signature=[tf.TensorSpec([1, len(weights)], tf.float32)])
    def geo(features: tf.Tensor) -> tf.Tensor:
        return last(features @ tf.constant(weights))  # type: ignore[operator]

    converter = tf.lite.TFLiteConverter.from_concrete_functions([geo.get_concrete_function()])
    path.write_bytes(converter.convert())
    return path


@pytest.fixture(scope="module")
def geo_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return geo_file(tmp_path_factory.mktemp("geo") / "geo.tflite", WEIGHTS)


def by_hand(latitude: float, longitude: float) -> np.ndarray:
    """The geo scores of a place at sea level, as iNaturalist's documents have them."""
    east, north = math.pi * longitude / 180, math.pi * latitude / 90
    features = [math.sin(east), math.sin(north), math.cos(east), math.cos(north), 0.0]
    return 1 / (1 + np.exp(-(np.array(features) @ WEIGHTS)))


@pytest.mark.parametrize("place", [ZURICH, QUITO, (90.0, 0.0), (-90.0, 180.0)])
def test_scores_of_a_place(geo_path: Path, taxonomy: Taxonomy, place: tuple[float, float]) -> None:
    geo = GeoModel(geo_path, taxonomy).at(*place)

    np.testing.assert_allclose(geo.scores, by_hand(*place)[None], atol=1e-5)
    assert np.isnan(geo.thresholds).all()


async def suggestions(client: TestClient, **wishes: str) -> tuple[dict, dict]:
    """Location and the photo's answer, with all five leaves."""
    form = aiohttp.FormData(default_to_multipart=True)
    form.add_field("photo", PHOTO, filename="owl.png")
    for name, value in {"top": "5", "common_ancestor": "unrestricted", **wishes}.items():
        form.add_field(name, value)
    response = await client.post("/classify", data=form)
    answer = await response.json()
    assert response.status == 200, answer
    return answer["location"], answer["photos"][0]


def leaf_scores(photo: dict, taxonomy: Taxonomy) -> np.ndarray:
    given = {leaf["taxon_id"]: leaf["score"] for leaf in photo["leaves"]}
    return np.array([given[taxon] for taxon in taxonomy.leaf_taxon_ids.tolist()])


@pytest.mark.parametrize("fixture", ["saved_model", "bundle_dir"])
def test_scores_of_a_photo_are_multiplied_with_those_of_its_place(
    request: pytest.FixtureRequest, fixture: str, geo_path: Path, taxonomy: Taxonomy
) -> None:
    async def scenario(client: TestClient) -> None:
        location, photo = await suggestions(client)
        assert location is None
        vision = leaf_scores(photo, taxonomy)
        for latitude, longitude in (ZURICH, QUITO):
            location, photo = await suggestions(client, lat=f"{latitude}", lng=f"{longitude}")
            assert (location["lat"], location["lng"], location["used"]) == (
                latitude,
                longitude,
                True,
            )
            assert "whose elevation is not known and taken as 0 m." in location["note"]
            expected = combined_scores(vision[None], by_hand(latitude, longitude))[0]
            np.testing.assert_allclose(leaf_scores(photo, taxonomy), expected, atol=1e-5)
            best = taxonomy.leaf_taxon_ids[expected.argmax()]
            assert photo["leaves"][0]["taxon_id"] == best
            kingdoms = [taxon["score"] for taxon in photo["tree"] if taxon["rank"] == "kingdom"]
            assert sum(kingdoms) == pytest.approx(1, abs=1e-5)

    model = request.getfixturevalue(fixture)
    visit(make_app(ServerOptions(model, watch_secs=0, geo_model=geo_path)), scenario)


def test_by_thresholds_a_common_ancestor_must_be_nearby(
    saved_model: Path, geo_path: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    """By the first table an owl is expected anywhere, by the second oaks alone."""
    found: list[str] = []

    async def scenario(client: TestClient) -> None:
        _, photo = await suggestions(client, lat=str(ZURICH[0]), lng=str(ZURICH[1]))
        ancestor = photo["common_ancestor"]
        found.append("none" if ancestor is None else ancestor["name"])

    rows = {0: "101,0", 1: "101,1\n201,0\n202,0"}
    for name, row in rows.items():
        thresholds = tmp_path / f"{name}.csv"
        thresholds.write_text(f"taxon_id,thres\n{row}\n")
        options = ServerOptions(
            saved_model, watch_secs=0, geo_model=geo_path, geo_thresholds=thresholds
        )
        visit(make_app(options), scenario)
    assert found == ["Strigidae", "none"]


def test_a_geo_model_of_another_taxonomy_is_refused(
    saved_model: Path, geo_path: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    other = geo_file(tmp_path / "other.tflite", np.zeros((5, 7), np.float32))
    with pytest.raises(
        DataError,
        match=r"other\.tflite: is no geo model of this model: it must .* float32 \[1, 7\]\. Give",
    ):
        make_app(ServerOptions(saved_model, geo_model=other))
    (tmp_path / "text.tflite").write_text("no model")
    with pytest.raises(DataError, match="is not a TFLite model that runs here"):
        GeoModel(tmp_path / "text.tflite", taxonomy)
    with pytest.raises(ConfigError, match="Add --geo-model FILE, or leave --geo-thresholds out"):
        ServerOptions(saved_model, geo_thresholds=geo_path)


def test_what_is_no_score_is_not_multiplied_with(taxonomy: Taxonomy, tmp_path: Path) -> None:
    raw = geo_file(tmp_path / "raw.tflite", 9 * np.eye(5, dtype=np.float32), last=tf.identity)

    with pytest.raises(
        DataError, match=r"raw\.tflite: gives what is no score, 0\.\.1, at 47\.37, 8"
    ):
        GeoModel(raw, taxonomy).at(*ZURICH)
