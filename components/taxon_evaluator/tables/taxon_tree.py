"""A taxonomy as the evaluation looks at it: leaves, their ancestors at the ranks asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from schemas.leaf_paths import LeafPaths, leaf_paths
from schemas.ranks import level_of
from schemas.taxonomy import Taxonomy
from serving.rollup import RollUp

ICONIC = "iconic"
"""What stands beside ranks for iNaturalist's iconic taxa."""

NO_TAXON = 0
"""Taxon id where a leaf has no ancestor of a rank."""


class TaxonTree:
    """A taxonomy with the ancestors of its N leaves at R ranks.

    Args:
        taxonomy: of the model.
        ranks: names of ranks, or ICONIC.
    """

    def __init__(self, taxonomy: Taxonomy, ranks: Sequence[str]) -> None:
        self.taxonomy, self.ranks = taxonomy, tuple(ranks)

    @cached_property
    def paths(self) -> LeafPaths:
        """Paths of the leaves."""
        return leaf_paths(self.taxonomy)

    @cached_property
    def roll_up(self) -> RollUp:
        """For common ancestors."""
        return RollUp(self.taxonomy, self.paths)

    @cached_property
    def ancestors(self) -> npt.NDArray[np.int64]:
        """int64 [R, N]: taxon id of each leaf's ancestor (or itself) by rank; NO_TAXON for none."""
        found = [self._ancestors_at(rank) for rank in self.ranks]
        return np.array(found, np.int64).reshape(len(self.ranks), self.taxonomy.num_leaves)

    def _ancestors_at(self, rank: str) -> npt.NDArray[np.int64]:
        if rank == ICONIC:
            return self.taxonomy.iconic_taxon_ids[self.taxonomy.leaf_nodes]
        return self.taxonomy.leaf_ancestors_at(level_of(rank))
