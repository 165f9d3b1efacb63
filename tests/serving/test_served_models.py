"""Real models behind the server: what it answers is what the SavedModel's signatures answer."""

from __future__ import annotations

import base64
import io
import json
import shutil
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import tensorflow as tf
from aiohttp.test_utils import TestClient
from server_world import visit
from tiny_world import paint

from schemas.errors import ConfigError, DataError
from serving.checked_bundle import load_bundle
from serving.server.app import ServerOptions, make_app
from serving.server.loaded_model import load_model


@pytest.fixture(scope="module")
def photos() -> list[bytes]:
    contents = []
    for seed in range(3):
        buffer = io.BytesIO()
        paint(120 + 20 * seed, 90, seed=seed).save(buffer, "JPEG", quality=92)
        contents.append(buffer.getvalue())
    return contents


def b64(content: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(content).decode()}


@pytest.mark.parametrize("signature", ["serving_default", "predict_scores", "embed"])
def test_predict_is_the_signature_of_that_name(
    saved_model: Path, photos: list[bytes], signature: str
) -> None:
    batch = [photos[0], photos[1][:500], photos[2]]
    expected = tf.saved_model.load(str(saved_model)).signatures[signature](image=tf.constant(batch))

    async def scenario(client: TestClient) -> None:
        asked = {"signature_name": signature, "inputs": [b64(photo) for photo in batch]}
        response = await client.post("/v1/models/fieldmark:predict", json=asked)
        outputs = (await response.json())["outputs"]
        assert set(outputs) == set(expected)
        whole = [error == "" for error in outputs.pop("error")]
        assert whole == [error == b"" for error in expected["error"].numpy()]
        for name, values in outputs.items():
            np.testing.assert_allclose(values, expected[name], atol=1e-3, rtol=1e-3)

    visit(make_app(ServerOptions(saved_model)), scenario)


def test_a_bundle_answers_as_its_saved_model(
    saved_model: Path, bundle_dir: Path, photos: list[bytes]
) -> None:
    named: list[list[tuple[str, float]]] = []

    async def scenario(client: TestClient) -> None:
        form = aiohttp.FormData()
        for place, photo in enumerate(photos):
            form.add_field("photo", photo, filename=f"{place}.jpg")
        answer = await (await client.post("/classify", data=form)).json()
        named.append(
            [(leaf["name"], leaf["score"]) for item in answer["photos"] for leaf in item["leaves"]]
        )

    visit(make_app(ServerOptions(saved_model)), scenario)
    visit(make_app(ServerOptions(bundle_dir, variant="float32")), scenario)

    server, phone = named
    assert [name for name, _ in server] == [name for name, _ in phone]
    np.testing.assert_allclose([s for _, s in server], [s for _, s in phone], atol=1e-4)


def test_a_saved_model_has_no_variants(saved_model: Path, bundle_dir: Path) -> None:
    with pytest.raises(ConfigError, match=r"Only a mobile bundle has variants.*'float16'"):
        load_model(saved_model, variant="float16")
    default = load_bundle(bundle_dir).default_variant
    assert load_model(bundle_dir.parent).source.endswith(f"model_{default}.tflite")


def test_a_bundle_is_calibrated_by_the_temperature_of_the_variant_served(
    bundle_dir: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(bundle_dir, tmp_path / "bundle"))
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["temperature"] = 0.75
    manifest["variants"]["full_int8"]["temperature"] = 0.8
    (copy / "manifest.json").write_text(json.dumps(manifest))

    loaded = {name: load_model(copy, variant=name) for name in ("float16", "full_int8")}

    assert {name: model.temperature() for name, model in loaded.items()} == {
        "float16": 0.75,
        "full_int8": 0.8,
    }


def test_a_saved_model_of_somebody_else_says_what_it_lacks(
    saved_model: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(saved_model, tmp_path / "other"))
    module = tf.Module()
    module.serve = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec([], tf.float32)])
    tf.saved_model.save(module, str(other), signatures={"serving_default": module.serve})

    with pytest.raises(DataError, match=r"has no signature serve_pixels\. Received: serving_defau"):
        load_model(other)
