"""An export of one-coloured photos, and TFLite models that answer by the colour: scores are known.

A model's logits are linear in the mean colour, so that ten lines of numpy say what it answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

HEADER = "photo_id,observation_id,leaf_class_id,taxon_id,obs_taxon_id,community,license,observer"
TAXONOMY_CSV = """parent_taxon_id,taxon_id,rank_level,leaf_class_id,name
,1,70,,Animalia
1,10,30,,Strigidae
10,20,20,,Strix
20,101,10,2,Strix aluco
20,102,10,0,Strix varia
10,30,20,,Bubo
30,103,10,3,Bubo bubo
1,40,20,1,Corvus
"""
LEAVES = {"Strix varia": 102, "Corvus": 40, "Strix aluco": 101, "Bubo bubo": 103}
"""Name and taxon id of each leaf, in class order."""

SIZE_PX = 8


@dataclass(frozen=True)
class ColourPhoto:
    """A photo: its id, the leaf class it shows, its colour."""

    photo_id: int
    leaf: int
    colour: tuple[int, int, int]


def photos(count: int, *, leaves: int = 4, seed: int = 0) -> list[ColourPhoto]:
    """Photos whose colours say something of their leaf, and not all."""
    rng = np.random.default_rng(seed)
    drawn = []
    for number in range(count):
        leaf = int(rng.integers(leaves))
        colour = np.clip(rng.normal(60 + 40 * leaf, 45, 3), 0, 255).astype(int).tolist()
        drawn.append(ColourPhoto(500 + number, leaf, tuple(colour)))
    return drawn


def write_export(directory: Path, val: Sequence[ColourPhoto], *, places: bool = False) -> Path:
    """A vision export with `val`, and one photo to train on."""
    directory.mkdir(parents=True)
    (directory / "taxonomy.csv").write_text(TAXONOMY_CSV)
    taxa = list(LEAVES.values())
    lines = [
        f"{p.photo_id},{7000 + p.photo_id},{p.leaf},{taxa[p.leaf]},{taxa[p.leaf]},1,CC-BY,ada"
        for p in val
    ]
    (directory / "val_data.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    (directory / "train_data.csv").write_text(f"{HEADER}\n1,1,0,102,102,1,,zoe\n")
    for photo in val:
        path = directory / "photos" / str(photo.photo_id) / "medium.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (11, 9), photo.colour).save(path)
    if places:
        rows = [f"{7000 + p.photo_id},47.5,8.5,20{p.photo_id % 20 + 10}-05-01" for p in val]
        header = "observation_id,latitude,longitude,observed_on"
        (directory / "spatial_data.csv").write_text("\n".join([header, *rows]) + "\n")
    return directory


@dataclass(frozen=True)
class ColourModel:
    """Logits of a mean colour in 0..1: [3] -> [M]."""

    weights: np.ndarray
    bias: np.ndarray

    @classmethod
    def drawn(cls, outputs: int, *, seed: int = 1) -> ColourModel:
        rng = np.random.default_rng(seed)
        weights = rng.normal(0, 6, (3, outputs)).astype(np.float32)
        return cls(weights, rng.normal(0, 1, outputs).astype(np.float32))

    def logits(self, colours: np.ndarray) -> np.ndarray:
        """float64 [B, M] for colours of 0..255, [B, 3]."""
        return colours / 255 @ self.weights.astype(np.float64) + self.bias

    def scores(self, colours: np.ndarray) -> np.ndarray:
        """Their softmax."""
        powers = np.exp(self.logits(colours))
        return powers / powers.sum(axis=1, keepdims=True)


def convert(
    model: ColourModel,
    path: Path,
    *,
    ends: tuple[float, float] = (0.0, 255.0),
    softmax: bool = True,
    quantised: type | None = None,
    colours_first: bool = False,
) -> Path:
    """Writes the model as a `.tflite` file.

    Args:
        model: what it computes.
        path: of the file.
        ends: what black and white are to it.
        softmax: whether it ends in one.
        quantised: np.uint8 or np.int8 of input and output; None for float.
        colours_first: whether it takes [1, 3, S, S].
    """
    import tensorflow as tf

    low, high = ends
    shape = [1, 3, SIZE_PX, SIZE_PX] if colours_first else [1, SIZE_PX, SIZE_PX, 3]

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)])
    def network(photo: tf.Tensor) -> tf.Tensor:
        mean = tf.reduce_mean(photo, [2, 3] if colours_first else [1, 2])
        logits = tf.matmul((mean - low) / (high - low), model.weights) + model.bias
        return tf.nn.softmax(logits) if softmax else logits

    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()])
    if quantised is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = _samples(shape, low, high)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        dtype = tf.as_dtype(quantised)
        converter.inference_input_type = converter.inference_output_type = dtype
    path.write_bytes(converter.convert())
    return path


def _samples(shape: list[int], low: float, high: float) -> Callable[[], object]:
    rng = np.random.default_rng(0)

    def samples() -> object:
        for value in (low, high):
            yield [np.full(shape, value, np.float32)]
        for _ in range(30):
            colour = rng.uniform(low, high, 3).astype(np.float32)
            yield [np.broadcast_to(colour, (1, SIZE_PX, SIZE_PX, 3)).copy().reshape(shape)]

    return samples
