"""A candidate beside the last blessed model: on which photos, how much changed, and by chance?

comparison = compare(candidate_taxonomy, baseline_taxonomy, read_pairs(tables_directory))
comparison.words()
# "on 36 photos of 6 leaves: top-1 -0.0278 (-0.115 to 0.067), p = 1; 0 taxa fell"
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.taxon_evaluator.bars import number
from components.taxon_evaluator.paired.falls import Falls
from components.taxon_evaluator.paired.mcnemar import two_sided_p_value
from components.taxon_evaluator.paired.pair_counts import shared_taxa
from components.taxon_evaluator.paired.paired_interval import paired_interval
from schemas.counted import counted
from schemas.taxonomy import Taxonomy


@dataclass(frozen=True)
class FallenTaxon:
    """A taxon on which the candidate is worse, beyond chance and beyond what is allowed.

    Attributes:
        taxon_id: of the leaf.
        name: scientific.
        n: photos of it.
        change: of top-1, below 0.
        p_value: one-sided.
        adjusted_p_value: for all taxa tested.
    """

    taxon_id: int
    name: str
    n: int
    change: float
    p_value: float
    adjusted_p_value: float

    def words(self) -> str:
        """Returns the taxon as a part of a sentence."""
        photos = counted(self.n, "photo")
        return f"{self.name} {self.change:+.3f} on {photos} (p = {self.p_value:.2g})"


@dataclass(frozen=True)
class Comparison:
    """Two models on the same photos.

    Attributes:
        candidate_leaves: leaves of the candidate.
        baseline_leaves: leaves of the last blessed model.
        shared_leaves: leaves of both: photos of others are left out.
        photos: compared; with none, the figures below are 0 and the p-value 1.
        both: that both got right.
        only_candidate: that the candidate alone got right.
        only_baseline: that the last blessed model alone got right.
        neither: that none got right.
        change: of top-1, the candidate's less the other's.
        low: lower end of its 95 % interval.
        high: upper end.
        p_value: McNemar's, exact, two-sided.
        fallen: taxa that fell, the worst first.
    """

    candidate_leaves: int
    baseline_leaves: int
    shared_leaves: int
    photos: int
    both: int
    only_candidate: int
    only_baseline: int
    neither: int
    change: float
    low: float
    high: float
    p_value: float
    fallen: tuple[FallenTaxon, ...]

    @property
    def taxonomy_changed(self) -> bool:
        """Whether one of the models has leaves that the other has not."""
        return self.shared_leaves < max(self.candidate_leaves, self.baseline_leaves)

    def slice(self) -> str:
        """Returns what is compared on, in words."""
        if self.taxonomy_changed:
            return f"the photos of {counted(self.shared_leaves, 'shared leaf', 'shared leaves')}"
        return "all photos"

    def words(self) -> str:
        """Returns the comparison as a line."""
        leaves = counted(self.shared_leaves, "leaf", "leaves")
        if self.taxonomy_changed:
            now = counted(self.candidate_leaves, "leaf", "leaves")
            leaves = (
                f"the {leaves} that both have (the taxonomy changed: "
                f"{now}, before {self.baseline_leaves:,})"
            )
        if not self.photos:
            return f"there is no photo of {leaves}: absolute bars only"
        return (
            f"on {counted(self.photos, 'photo')} of {leaves}: top-1 {self.change:+.4f} "
            f"({number(self.low)} to {number(self.high)}), p = {self.p_value:.2g}; "
            f"{counted(len(self.fallen), 'taxon', 'taxa')} fell"
        )


def compare(candidate: Taxonomy, baseline: Taxonomy, pairs: Falls | None) -> Comparison:
    """Returns what `pairs.parquet` comes to.

    Args:
        candidate: its taxonomy.
        baseline: that of the last blessed model.
        pairs: the table; None if no photo could be compared.
    """
    counts = np.zeros(4, np.int64) if pairs is None else pairs.outcomes.sum(axis=0)
    both, won, lost, neither = counts.tolist()
    photos = both + won + lost + neither
    low, high = paired_interval(np.array([won]), np.array([lost]), np.array([photos]))
    return Comparison(
        candidate_leaves=candidate.num_leaves,
        baseline_leaves=baseline.num_leaves,
        shared_leaves=len(shared_taxa(candidate, baseline)),
        photos=photos,
        both=both,
        only_candidate=won,
        only_baseline=lost,
        neither=neither,
        # As TFMA takes it, so that both judge alike on the very bar.
        change=(both + won) / photos - (both + lost) / photos if photos else 0.0,
        low=float(low[0]),
        high=float(high[0]),
        p_value=two_sided_p_value(won, lost),
        fallen=() if pairs is None else _fallen(pairs, candidate),
    )


def _fallen(pairs: Falls, taxonomy: Taxonomy) -> tuple[FallenTaxon, ...]:
    rows = np.flatnonzero(pairs.fallen)
    rows = rows[np.lexsort((pairs.taxon_ids[rows], pairs.change[rows]))]
    return tuple(
        FallenTaxon(
            taxon_id=int(pairs.taxon_ids[row]),
            name=taxonomy.names[taxonomy.node_of_taxon[int(pairs.taxon_ids[row])]],
            n=int(pairs.photos[row]),
            change=float(pairs.change[row]),
            p_value=float(pairs.p_values[row]),
            adjusted_p_value=float(pairs.adjusted[row]),
        )
        for row in rows
    )
