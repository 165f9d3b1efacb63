"""Both apps run a bundle and answer as we do: any bundle, made here or pushed by a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from phone_apps import App, android, ios

from schemas.leaf_paths import NO_NODE
from serving.branches import best_branch
from serving.checked_bundle import Bundle
from serving.rollup import cut_off
from serving.suggestions import Suggester

Opener = Callable[[Path, str], App]

APPS: tuple[Opener, ...] = (android, ios)


def photos(size_px: int, count: int = 6) -> np.ndarray:
    """float32 [count, S, S, 3], 0..255: noise on grounds of different colours."""
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 30, (count, size_px, size_px, 3))
    return np.clip(rng.uniform(0, 255, (count, 1, 1, 3)) + noise, 0, 255).astype(np.float32)


def assert_answers_as_we_do(app: Opener, bundle: Bundle) -> None:
    """Every variant, on a few photos: scores, common ancestor and best branch."""
    tree = bundle.taxonomy
    for variant in bundle.variants:
        phone = app(bundle.directory, variant)
        for pixels in photos(bundle.image_size_px):
            scores = phone.predict(pixels)
            assert scores.min() >= 0
            assert scores.sum() == pytest.approx(1.0, abs=0.01)
            suggested = Suggester(tree)(scores[None])
            node = int(suggested.ancestors.nodes[0])
            ours = None if node == NO_NODE else int(tree.taxon_ids[node])
            held = tree.sum_to_nodes(cut_off(scores[None]))[0]
            assert phone.common_ancestor(scores) == ours
            assert phone.best_branch(scores) == tree.taxon_ids[best_branch(tree, held)].tolist()
