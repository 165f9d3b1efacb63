"""How many photos an export gave, by split, taxon and licence; counted a file at a time.

counts = count_photos(index_dir, taxonomy)
counts.photos["train"], counts.per_leaf["train"].max(), counts.licences["CC-BY"]["val"]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from schemas.photo_index import index_files, read_index
from schemas.record import SPLITS
from schemas.taxonomy import Taxonomy

UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class PhotoCounts:
    """Counts of the photos that became records.

    Attributes:
        per_leaf: int64 [N] by split, photos of each leaf class.
        licences: photos by licence and split.
    """

    per_leaf: Mapping[str, npt.NDArray[np.int64]]
    licences: Mapping[str, Counter[str]]

    @property
    def photos(self) -> dict[str, int]:
        """Photos by split."""
        return {split: int(counts.sum()) for split, counts in self.per_leaf.items()}

    @property
    def leaves(self) -> dict[str, int]:
        """Leaves that have a photo, by split."""
        return {split: int((counts > 0).sum()) for split, counts in self.per_leaf.items()}


def count_photos(index_dir: Path, taxonomy: Taxonomy) -> PhotoCounts:
    """Returns the counts of a photo index.

    Args:
        index_dir: of a PhotoIndex artifact.
        taxonomy: photos of taxa that are none of its leaves are not counted.
    """
    order = np.argsort(taxonomy.leaf_taxon_ids)
    sorted_taxa = taxonomy.leaf_taxon_ids[order]
    per_leaf: dict[str, npt.NDArray[np.int64]] = {}
    licences: dict[str, Counter[str]] = {}
    for split in SPLITS:
        if not index_files(index_dir, split):
            continue
        per_leaf[split] = np.zeros(len(order), np.int64)
        for table in read_index(index_dir, split, ["taxon_id", "license"]):
            taxa = table["taxon_id"].to_numpy()
            place = np.minimum(np.searchsorted(sorted_taxa, taxa), len(order) - 1)
            known = sorted_taxa[place] == taxa
            per_leaf[split] += np.bincount(order[place[known]], minlength=len(order))
            for entry in table["license"].value_counts().to_pylist():
                counter = licences.setdefault(entry["values"] or UNKNOWN, Counter())
                counter[split] += entry["counts"]
    return PhotoCounts(per_leaf, licences)


def histogram(counts: npt.NDArray[np.int64]) -> list[tuple[str, int]]:
    """Returns how many taxa have how many photos, between 0, 1, 2, 5, 10, 20, 50, ...

    It begins and ends with a stretch that some taxon is in.

    >>> histogram(np.array([1, 3, 4, 11]))
    [('1', 1), ('2–4', 2), ('5–9', 0), ('10–19', 1)]
    """
    edges = [0, 1]
    while edges[-1] <= counts.max(initial=0):
        power = 10 ** (len(str(edges[-1])) - 1)
        edges.append(edges[-1] * 2 if edges[-1] // power != 2 else 5 * power)
    bars = []
    for low, high in pairwise(edges):
        inside = int(((counts >= low) & (counts < high)).sum())
        label = str(low) if high == low + 1 else f"{low:,}–{high - 1:,}"
        bars.append((label, inside))
    first = next((place for place, (_, inside) in enumerate(bars) if inside), 0)
    return bars[first:]
