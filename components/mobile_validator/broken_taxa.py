"""Taxa that a variant breaks: named worse than the server does, on more photos than chance takes.

A variant may lose nothing on the whole and still lose one species for good, if quantisation rounds
the few features away that told it from its sibling. The test is the Evaluator's (`paired.falls`):
one-sided, exact, adjusted for the number of taxa.

    broken_taxa(tally, taxonomy, alpha=0.05)     # the worst first
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.mobile_validator.tally import Tally
from components.taxon_evaluator.paired.falls import find_falls
from components.taxon_evaluator.paired.pair_counts import OUTCOMES, pair_counts
from schemas.taxonomy import Taxonomy


@dataclass(frozen=True)
class BrokenTaxon:
    """A taxon that the variant names worse, beyond chance.

    Attributes:
        taxon_id: of the leaf.
        name: scientific.
        photos: of it.
        server_right: of these, named rightly by the server.
        variant_right: by the variant.
        p_value: one-sided.
        adjusted_p_value: for all taxa tested.
    """

    taxon_id: int
    name: str
    photos: int
    server_right: int
    variant_right: int
    p_value: float
    adjusted_p_value: float


def broken_taxa(tally: Tally, taxonomy: Taxonomy, *, alpha: float) -> list[BrokenTaxon]:
    """Returns the taxa that a variant breaks, those that lose the largest share first.

    Args:
        tally: of the variant.
        taxonomy: of the model.
        alpha: share of the taxa found that may be chance, 0..1.
    """
    ids = taxonomy.leaf_taxon_ids
    counts = pair_counts(
        ids[tally.labels],
        ids[tally.variant_first][:, None],
        ids[tally.server_first][:, None],
        np.sort(ids),
    )
    falls = find_falls(counts, alpha=alpha, max_fall=0.0)
    both, only_variant, only_server = (
        falls.outcomes[:, OUTCOMES.index(name)]
        for name in ("both", "only_candidate", "only_baseline")
    )
    fallen = np.flatnonzero(falls.fallen)
    return [
        BrokenTaxon(
            taxon_id=int(falls.taxon_ids[row]),
            name=taxonomy.names[taxonomy.node_of_taxon[int(falls.taxon_ids[row])]],
            photos=int(falls.photos[row]),
            server_right=int(both[row] + only_server[row]),
            variant_right=int(both[row] + only_variant[row]),
            p_value=float(falls.p_values[row]),
            adjusted_p_value=float(falls.adjusted[row]),
        )
        for row in fallen[np.argsort(falls.change[fallen], kind="stable")]
    ]
