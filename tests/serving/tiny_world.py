"""Tiny models and painted photos for the tests of serving and of what stands on it."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from PIL import Image, ImageDraw
from tiny_tree import TAXONOMY_CSV, tiny_taxonomy

from schemas.taxonomy import Taxonomy
from serving.bundle_manifest import Training
from serving.mobile_bundle import BundleRequest, build_bundle
from serving.preprocess_spec import OURS, as_client
from serving.saved_model import export_saved_model
from serving.variants import VARIANTS

__all__ = ["SIZE_PX", "TAXONOMY_CSV", "paint", "small_model", "tiny_bundle", "tiny_export"]
__all__ += ["tiny_taxonomy"]

SIZE_PX = 32


def small_model(num_leaves: int = 5, *, seed: int = 1, dtype: str = "float32") -> keras.Model:
    """A network with the layers that matter: rescaling, augmentation, batch norm, dropout."""
    keras.utils.set_random_seed(seed)
    pixels = keras.Input((None, None, 3), dtype="float32")
    x = keras.layers.Rescaling(1 / 127.5, -1, dtype=dtype)(pixels)
    x = keras.layers.RandomFlip(dtype=dtype)(x)
    x = keras.layers.Conv2D(16, 3, strides=2, dtype=dtype)(x)
    x = keras.layers.BatchNormalization(dtype=dtype)(x)
    x = keras.layers.ReLU(dtype=dtype)(x)
    x = keras.layers.GlobalAveragePooling2D(dtype=dtype)(x)
    x = keras.layers.Dropout(0.5, dtype=dtype)(x)
    x = keras.layers.Dense(
        num_leaves, kernel_initializer=keras.initializers.RandomNormal(0, 8), dtype=dtype
    )(x)
    return keras.Model(pixels, keras.layers.Softmax(dtype="float32")(x))


def tiny_export(model: keras.Model, taxonomy: Taxonomy, directory: Path) -> Path:
    """Returns `directory`, where the model is now a SavedModel."""
    export_saved_model(
        model, taxonomy, image_size_px=SIZE_PX, directory=directory, manifest={"run": "r1"}
    )
    return directory


def tiny_bundle(saved_model: Path, taxonomy: Taxonomy, directory: Path) -> Path:
    """Returns the bundle's own directory, in `directory`: the model in all variants."""
    request = BundleRequest(
        "tiny",
        variants=VARIANTS,
        representative=np.stack([pixels_of(paint(50, 40, seed=seed)) for seed in range(8)]),
        training=Training(photos=40, observers=3, licences={"CC-BY-NC": 30, "CC0": 10}),
        lineage={"run": "r1"},
    )
    return build_bundle(saved_model, directory, taxonomy=taxonomy, request=request)


def pixels_of(photo: Image.Image) -> np.ndarray:
    """float32 [S, S, 3]: a photo as the network takes it."""
    return as_client(photo, SIZE_PX, OURS)


def paint(width: int, height: int, *, seed: int = 0) -> Image.Image:
    """A photo-like picture: soft gradients, and discs with sharp edges."""
    rng = np.random.default_rng(seed)
    x, y = np.linspace(0, 255, width)[None], np.linspace(0, 255, height)[:, None]
    gradients = np.stack([x + 0 * y, 0 * x + y, (x + y) / 2], axis=-1)
    image = Image.fromarray(gradients.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(40):
        left, top = int(rng.integers(0, width)), int(rng.integers(0, height))
        side = int(rng.integers(2, max(3, min(width, height) // 4)))
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        draw.ellipse([left, top, left + side, top + side], fill=colour)
    return image
