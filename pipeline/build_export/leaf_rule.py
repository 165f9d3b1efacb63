"""Which taxa become leaves.

Laws:
 - a taxon becomes a leaf iff the photos at or below it suffice and no taxon below it is a leaf; so
   a taxon short of photos rolls up to its parent, and is left out if its parent has a leaf below;
 - split by observation, whether photos suffice does not depend on the seed. The worst order is
   taken: test and validation get the observations with most photos, and training must still reach
   its minimum with what remains;
 - split by observer, photos suffice iff each split's pool of observers reaches its minimum.

    histogram[node, m - 1]     # observations of a node that give m photos to training, 1..k
    suffices = by_observation(tree.sum_up(histogram), settings)
    leaves = choose_leaves(tree, suffices & may_be_leaf)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.build_export.settings import SelectionSettings
from pipeline.build_export.taxon_tree import TaxonTree


def by_observation(
    histogram: npt.NDArray[np.int64], settings: SelectionSettings
) -> npt.NDArray[np.bool_]:
    """Returns bool [T]: whether photos suffice in whatever order observations are taken.

    Args:
        histogram: int64 [T, k], observations at or below each node that have 1, 2, ... k or more
            photos.
        settings: the minima; k is its `photos_per_observation`.
    """
    held_out = settings.test_per_leaf[0] + settings.val_per_leaf[0]
    enough_observations = histogram.sum(axis=1) >= held_out
    sizes = np.arange(1, histogram.shape[1] + 1)
    # Taken away from the largest observations down; what is left of each size trains.
    larger = histogram[:, ::-1].cumsum(axis=1)[:, ::-1] - histogram
    taken = np.clip(held_out - larger, 0, histogram)
    train_photos = ((histogram - taken) * sizes).sum(axis=1)
    return enough_observations & (train_photos >= settings.train_per_leaf[0])


def by_observer(
    train_photos: npt.NDArray[np.int64],
    val_observations: npt.NDArray[np.int64],
    test_observations: npt.NDArray[np.int64],
    settings: SelectionSettings,
) -> npt.NDArray[np.bool_]:
    """Returns bool [T]: whether the pools of observers reach the minima.

    Args:
        train_photos: int64 [T], photos at or below each node of the observers of training, at
            most k an observation.
        val_observations: int64 [T], observations of the observers of validation.
        test_observations: int64 [T], observations of the observers of test.
        settings: the minima.
    """
    return (
        (train_photos >= settings.train_per_leaf[0])
        & (val_observations >= settings.val_per_leaf[0])
        & (test_observations >= settings.test_per_leaf[0])
    )


def choose_leaves(tree: TaxonTree, able: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Returns bool [T]: the leaves.

    Args:
        tree: the taxa.
        able: bool [T], taxa that may be leaves and whose photos suffice.
    """
    leaf = np.zeros(len(tree), bool)
    leaf_below = np.zeros(len(tree), bool)
    for layer in reversed(tree.layers):
        leaf[layer] = able[layer] & ~leaf_below[layer]
        below = layer[(leaf | leaf_below)[layer]]
        above = tree.parents[below]
        leaf_below[above[above >= 0]] = True
    return leaf
