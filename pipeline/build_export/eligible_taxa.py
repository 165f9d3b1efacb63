"""Which taxa may be trained, and which taxon each identification counts for.

Laws: an inactive taxon, a hybrid and a taxon that the user excludes are out, with everything below
them; what is below species counts for its species.

    roles = eligible_taxa(tree, root=find_root(tree, "Coccinellidae"), excluded=(51702,))
    roles.counts_for[node]          # node of its species, or itself; -1 if it is out
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.build_export.taxon_tree import Nodes, TaxonTree
from schemas.errors import ConfigError
from schemas.ranks import LEVEL_OF_RANK

REASONS = ("", "inactive", "hybrid", "excluded", "no species above it")
"""Why a taxon is out, by the code in `TaxonRoles.out`."""

_HYBRID_RANKS = ("hybrid", "genushybrid")
_SPECIES_LEVEL = LEVEL_OF_RANK["species"]


@dataclass(frozen=True, eq=False)
class TaxonRoles:
    """What each of T taxa is to a selection.

    Attributes:
        inside: bool [T], at or below the root.
        out: int8 [T], index into `REASONS`; 0 for a taxon that is not out.
        counts_for: int32 [T], the node that its observations count for; -1 outside and for out.
    """

    inside: npt.NDArray[np.bool_]
    out: npt.NDArray[np.int8]
    counts_for: Nodes


def eligible_taxa(tree: TaxonTree, *, root: int | None, excluded: tuple[int, ...]) -> TaxonRoles:
    """Returns the roles of all taxa.

    Args:
        tree: the taxa of the source.
        root: node that everything must be at or below; None for all.
        excluded: ids of taxa that are out with everything below them.

    Raises:
        ConfigError: if an excluded taxon is unknown, or is the root or above it.
    """
    inside = ~tree.is_life
    if root is not None:
        marked = np.zeros(len(tree), bool)
        marked[root] = True
        inside = tree.nearest(marked) >= 0
    out = tree.push_down(_own_reasons(tree, excluded), 0)
    if root is not None and out[root]:
        raise ConfigError(
            f"taxon: {tree.label(root)} cannot be the root, since it or a taxon above it is "
            f"{REASONS[out[root]]}."
        )
    species = tree.nearest(tree.taxa.rank_levels >= _SPECIES_LEVEL)
    out[(out == 0) & (species < 0)] = REASONS.index("no species above it")
    return TaxonRoles(
        inside=inside,
        out=out,
        counts_for=np.where(inside & (out == 0), species, -1).astype(np.int32),
    )


def _own_reasons(tree: TaxonTree, excluded: tuple[int, ...]) -> npt.NDArray[np.int8]:
    own = np.zeros(len(tree), np.int8)
    own[~tree.taxa.active] = REASONS.index("inactive")
    own[[rank in _HYBRID_RANKS for rank in tree.taxa.ranks]] = REASONS.index("hybrid")
    for taxon_id in excluded:
        node = tree.node_of(taxon_id)
        if node is None or tree.is_life[node]:
            state = "has no row in the table of taxa" if node is None else "is Life, every taxon"
            raise ConfigError(
                f"exclude_taxa: taxon {taxon_id} {state}. Give ids of taxa below the root; the id "
                "is at the end of a taxon's address on iNaturalist."
            )
        own[node] = REASONS.index("excluded")
    return own
