"""How photos are spread over taxa.

Laws: every taxon is in exactly one bin; bins follow one another without a gap, and none but those
between the least and the most photographed taxon are given.

    bins(np.array([0, 3, 4, 120]))
    # (Bin(0, 0, 1), Bin(1, 1, 0), Bin(2, 4, 2), Bin(5, 9, 0), ... Bin(100, 199, 1))
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pipeline.inspect.inspection import Bin, PhotosPerTaxon, TaxonPhotos

EXTREMES_SHOWN = 5


def bins(photos: npt.NDArray[np.int64]) -> tuple[Bin, ...]:
    """Returns the histogram.

    Args:
        photos: int64 [N], not negative, of each taxon.
    """
    if not len(photos):
        return ()
    edges = _edges(int(photos.max()))
    counts = np.histogram(photos, edges)[0]
    used = np.flatnonzero(counts)
    return tuple(
        Bin(edges[place], edges[place + 1] - 1, int(counts[place]))
        for place in range(int(used[0]), int(used[-1]) + 1)
    )


def per_taxon(
    photos: npt.NDArray[np.int64], taxon_at: Callable[[int], tuple[int, str, str]]
) -> PhotosPerTaxon | None:
    """Returns the spread; None without taxa.

    Args:
        photos: int64 [N], of each taxon.
        taxon_at: gives (id, name, rank) of the taxon at a place of `photos`.
    """
    if not len(photos):
        return None
    order = np.argsort(photos, kind="stable")
    # Stable both ways: of taxa with equally many photos the first one leads.
    descending = np.argsort(-photos, kind="stable")

    def shown(places: npt.NDArray[np.intp]) -> tuple[TaxonPhotos, ...]:
        return tuple(
            TaxonPhotos(*taxon_at(int(place)), int(photos[place]))
            for place in places[:EXTREMES_SHOWN]
        )

    median = int(np.median(photos))
    return PhotosPerTaxon(bins(photos), median, shown(descending), shown(order))


def _edges(most: int) -> list[int]:
    """Returns 0, 1, 2, 5, 10, 20, 50, ... up to one above `most`."""
    edges, power = [0, 1], 1
    while edges[-1] <= most:
        edges += [2 * power, 5 * power, 10 * power]
        power *= 10
    return edges
