"""How many photos each taxon gets, and how they fall into observations and splits.

Pure arithmetic with a long tail, as in the real export: a few taxa with many photos, many with
few; whole numbers that add up to what was asked.

    photos_per_leaf(leaves=24, photos=2400, rng=rng).sum()        # 2400
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigError

MIN_TRAIN, MIN_VAL, MIN_TEST = 3, 2, 2  # photos a leaf, however tiny the export
MIN_PHOTOS_PER_LEAF = MIN_TRAIN + MIN_VAL + MIN_TEST
MOST_PHOTOS_PER_OBSERVATION = 5  # the export's own limit in train
_HELD_OUT_SHARE = 0.15  # of a leaf's photos, in val and again in test
_TAIL_EXPONENT = 0.75  # the commonest of 24 species then has about 6 times the rarest's photos
# Chances of 1..5 photos in an observation; real users mostly add one or two.
_PHOTOS_PER_OBSERVATION = (0.42, 0.27, 0.16, 0.09, 0.06)


@dataclass(frozen=True)
class SplitCounts:
    """Photos of one leaf in each split."""

    train: int
    val: int
    test: int


def photos_per_leaf(leaves: int, photos: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Returns how many photos each leaf has: int64 [leaves], adding up to `photos`.

    Raises:
        ConfigError: if `photos` cannot give every leaf its least number.
    """
    least = MIN_PHOTOS_PER_LEAF * leaves
    if photos < least:
        raise ConfigError(
            f"photos must be at least {least} for {leaves} species ({MIN_TRAIN} train, {MIN_VAL} "
            f"val and {MIN_TEST} test photos each). Received: {photos}."
        )
    weights = (np.arange(leaves) + 1.5) ** -_TAIL_EXPONENT
    shares = rng.permutation(weights / weights.sum()) * (photos - least)
    counts = np.floor(shares).astype(np.int64)
    # Largest remainders get what rounding left over.
    left_over = photos - least - int(counts.sum())
    counts[np.argsort(counts - shares, kind="stable")[:left_over]] += 1
    return counts + MIN_PHOTOS_PER_LEAF


def split_counts(photos: int) -> SplitCounts:
    """Returns the splits of a leaf with so many photos: about 70/15/15, never under the least."""
    val = max(MIN_VAL, round(photos * _HELD_OUT_SHARE))
    test = max(MIN_TEST, round(photos * _HELD_OUT_SHARE))
    return SplitCounts(photos - val - test, val, test)


def observation_sizes(photos: int, rng: np.random.Generator) -> list[int]:
    """Returns photos per observation, each 1..5, adding up to `photos`."""
    sizes: list[int] = []
    while photos > 0:
        size = 1 + int(rng.choice(MOST_PHOTOS_PER_OBSERVATION, p=_PHOTOS_PER_OBSERVATION))
        sizes.append(min(size, photos))
        photos -= sizes[-1]
    return sizes
