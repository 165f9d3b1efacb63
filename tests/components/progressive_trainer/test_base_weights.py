"""Where a backbone's weights come from: a file that Keras wrote, or Keras's own download."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.error import URLError

import keras
import numpy as np
import pytest
from keras.src.utils import file_utils
from tiny_training import NUM_LEAVES

from components.progressive_trainer.config import Network
from components.progressive_trainer.networks import build_network
from schemas.errors import ConfigError


def backbone_of(model: keras.Model) -> keras.Model:
    (backbone,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
    return backbone


def built(network: Network, weights: str) -> keras.Model:
    return build_network(network, num_leaves=NUM_LEAVES, base_weights=weights)


pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
"""Keras tells what it could not load of a file by a warning each; the error says it in one."""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[np.ndarray]]:
    """A file as Keras publishes them, of a backbone without its top, and what is in it."""
    keras.utils.set_random_seed(11)
    original = keras.applications.MobileNet(
        include_top=False, weights=None, alpha=0.25, input_shape=(None, None, 3)
    )
    path = tmp_path_factory.mktemp("weights") / "mobilenet.weights.h5"
    original.save_weights(str(path))
    return path, original.get_weights()


def test_backbone_is_that_of_the_file_and_the_head_is_fresh(
    published: tuple[Path, list[np.ndarray]],
) -> None:
    path, weights = published
    model = built("mobilenet_025", str(path))
    for ours, theirs in zip(backbone_of(model).get_weights(), weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    *_, kernel, bias = model.get_weights()
    assert np.abs(kernel).max() > 0
    assert not bias.any()


def test_file_of_another_network_is_refused_with_the_one_that_is_needed(
    published: tuple[Path, list[np.ndarray]],
) -> None:
    with pytest.raises(ConfigError) as caught:
        built("small", str(published[0]))
    assert str(caught.value).startswith(
        f"trainer.base_weights: {published[0]} does not fit the network small without its top. "
        "Give the weights of that backbone, saved by Keras"
    )


def test_path_that_is_no_weights_is_refused_with_what_may_stand_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        built("small", str(tmp_path / "lost.h5"))
    assert str(caught.value) == (
        "trainer.base_weights must be 'none', 'imagenet', the path of a weights file or the "
        f"directory of a pushed model. Received: {str(tmp_path / 'lost.h5')!r}, which is none of "
        "them."
    )


def test_network_without_imagenet_weights_says_so() -> None:
    with pytest.raises(ConfigError) as caught:
        built("small", "imagenet")
    assert "there are no ImageNet weights of the network 'small'" in str(caught.value)


def test_imagenet_takes_the_weights_that_keras_publishes_for_the_network(
    monkeypatch: pytest.MonkeyPatch, published: tuple[Path, list[np.ndarray]]
) -> None:
    asked: list[str] = []

    def downloaded(name: str, *_: Any, **__: Any) -> str:
        asked.append(name)
        return str(published[0])

    monkeypatch.setattr(file_utils, "get_file", downloaded)
    model = built("mobilenet_025", "imagenet")
    assert asked == ["mobilenet_2_5_224_tf_no_top.h5"]
    for ours, theirs in zip(backbone_of(model).get_weights(), published[1], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_download_that_fails_says_what_to_do_without_a_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def offline(*_: Any, **__: Any) -> str:
        raise URLError("no route to host")

    monkeypatch.setattr(file_utils, "urlretrieve", offline)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        built("mobilenet_025", "imagenet")
    message = str(caught.value)
    assert message.startswith(
        "trainer.base_weights: the ImageNet weights of mobilenet_025 could not be downloaded (URL "
    )
    assert message.endswith("Without a network, fetch the file elsewhere and give its path.")
    assert "no route to host" in message
