"""ImageNet weights: fetched from a server of the test's own, in PyTorch's and Keras's files."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import keras
import numpy as np
import pytest
import tf_keras
import torch_files

from components.progressive_trainer import released_weights
from components.progressive_trainer.flops import FlopCounter
from components.progressive_trainer.networks import build_network
from components.progressive_trainer.released_weights import NORM_PARTS
from schemas.errors import ConfigError, DataError
from serving.efficientnet_lite import SCALINGS

LITE = "efficientnet_lite0"
PUBLISHED_MILLIONS = {
    "efficientnet_lite0": 4.65,
    "efficientnet_lite1": 5.42,
    "efficientnet_lite2": 6.09,
    "efficientnet_lite3": 8.20,
    "efficientnet_lite4": 13.01,
}
"""Trainable weights with 1,000 classes, as timm counts them of the released networks."""

PHOTOS = np.random.default_rng(2).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)


def backbone_of(model: keras.Model) -> keras.Model:
    (backbone,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
    return backbone


def as_torch(backbone: keras.Model) -> dict[str, np.ndarray]:
    """The backbone's weights under PyTorch's names and axes, a classifier after them."""
    state: dict[str, np.ndarray] = {}
    for number, layer in enumerate(backbone.layers):
        weights = layer.get_weights()
        if isinstance(layer, keras.layers.BatchNormalization):
            state |= {f"{number}.{part}": w for part, w in zip(NORM_PARTS, weights, strict=True)}
            state[f"{number}.num_batches_tracked"] = np.array(1, np.int64)
        elif weights:
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            axes = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
            state[f"{number}.weight"] = np.ascontiguousarray(weights[0].transpose(axes))
    return {
        **state,
        "fc.weight": np.zeros((9, 1280), np.float32),
        "fc.bias": np.zeros(9, np.float32),
    }


@pytest.fixture(scope="module")
def teacher() -> keras.Model:
    keras.utils.set_random_seed(3)
    backbone = backbone_of(build_network(LITE, num_leaves=2, base_weights="none"))
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([weight + 0.1 for weight in layer.get_weights()])
    return backbone


@pytest.fixture
def released(teacher: keras.Model, tmp_path: Path) -> Path:
    path = tmp_path / "served" / "lite0.pth"
    path.parent.mkdir()
    torch_files.write_archive(path, as_torch(teacher))
    return path


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    """Serves tmp_path/served; Keras's cache is tmp_path/keras."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "keras"))
        monkeypatch.setattr(released_weights, "ADDRESS", f"http://127.0.0.1:{server.server_port}")
        (tmp_path / "keras").mkdir()
        yield server
        server.shutdown()


def release(monkeypatch: pytest.MonkeyPatch, path: Path, digits: str | None = None) -> Path:
    """Puts a file under the name that a release has."""
    digits = digits or hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    named = path.rename(path.with_name(f"lite0-{digits}.pth"))
    monkeypatch.setitem(released_weights.FILES, LITE, named.name)
    return named


def test_a_pytorch_file_gives_the_backbone_its_weights(
    teacher: keras.Model, released: Path
) -> None:
    student = backbone_of(build_network(LITE, num_leaves=2, base_weights=str(released)))

    for ours, theirs in zip(student.get_weights(), teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(student(PHOTOS), teacher(PHOTOS), rtol=1e-5)


def test_a_file_of_another_network_is_refused_with_the_layer(released: Path) -> None:
    with pytest.raises(
        ConfigError,
        match=r"lite0\.pth does not fit the network efficientnet_lite1 .*PyTorch state dict"
        r".*wants weight of \(3, 3, 144, 1\), the file has \d+\.weight of \(5, 5, 144, 1\)",
    ):
        build_network("efficientnet_lite1", num_leaves=2, base_weights=str(released))


def test_imagenet_is_fetched_once_and_kept(
    teacher: keras.Model,
    released: Path,
    server: ThreadingHTTPServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served = release(monkeypatch, released)
    build_network(LITE, num_leaves=2, base_weights="imagenet")
    served.unlink()

    again = backbone_of(build_network(LITE, num_leaves=2, base_weights="imagenet"))

    np.testing.assert_array_equal(again.get_weights()[0], teacher.get_weights()[0])


def test_another_file_than_was_released_is_not_kept(
    released: Path, server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(monkeypatch, released, digits="0badcafe")

    with pytest.raises(DataError, match=r"came with SHA-256 .*expected 0badcafe.*It was not kept"):
        build_network(LITE, num_leaves=2, base_weights="imagenet")

    assert not list((tmp_path / "keras").rglob("*.pth"))


@pytest.mark.parametrize("network", ["efficientnet_lite0", "mobilenet_025"])
def test_imagenet_weights_that_cannot_be_fetched_say_what_to_do(
    network: str, server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setattr("keras.src.applications.mobilenet.BASE_WEIGHT_PATH", base)

    with pytest.raises(
        ConfigError,
        match=rf"ImageNet weights of {network} could not be downloaded \(.*404.*"
        r"fetch the file elsewhere and give its path",
    ):
        build_network(network, num_leaves=2, base_weights="imagenet")  # type: ignore[arg-type]


def test_keras_weights_come_from_where_keras_has_them(
    server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setattr("keras.src.applications.mobilenet.BASE_WEIGHT_PATH", base)
    teacher = tf_keras.applications.MobileNet(
        input_shape=(224, 224, 3), alpha=0.25, include_top=False, weights=None
    )
    (tmp_path / "served").mkdir()
    teacher.save_weights(str(tmp_path / "served" / "mobilenet_2_5_224_tf_no_top.h5"))

    student = backbone_of(build_network("mobilenet_025", num_leaves=2, base_weights="imagenet"))

    for ours, theirs in zip(student.get_weights(), teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", SCALINGS)
def test_networks_have_the_weights_of_those_that_were_published(name: str) -> None:
    model = build_network(name, num_leaves=1000, base_weights="none")  # type: ignore[arg-type]

    millions = sum(np.prod(weight.shape) for weight in model.trainable_weights) / 1e6

    assert millions == pytest.approx(PUBLISHED_MILLIONS[name], abs=0.01)


def test_a_photo_costs_what_was_published() -> None:
    """407 million multiplications with an addition each, at 224 px."""
    flops = FlopCounter("efficientnet_lite0", num_leaves=1000).forward(224)

    assert flops == pytest.approx(2 * 407e6, rel=0.06)
