"""Names of taxa for a page: scientific, or the id where the taxonomy has no such taxon."""

from __future__ import annotations

from schemas.ranks import RANK_OF_LEVEL
from schemas.taxonomy import Taxonomy


class TaxonNames:
    """Looks up names.

    Args:
        taxonomy: of the model.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy

    def name(self, taxon_id: int) -> str:
        """Returns the scientific name of a taxon."""
        node = self._taxonomy.node_of_taxon.get(taxon_id)
        return f"taxon {taxon_id}" if node is None else self._taxonomy.names[node]

    def iconic(self, taxon_id: int) -> str:
        """Returns the name of a taxon's iconic taxon; "" if it has none."""
        node = self._taxonomy.node_of_taxon.get(taxon_id)
        if node is None:
            return ""
        return self._taxonomy.iconic_name(int(self._taxonomy.iconic_taxon_ids[node]))


def rank_name(level: float) -> str:
    """Returns the rank of a level as a word.

    >>> rank_name(20.0), rank_name(100.0), rank_name(12.5)
    ('genus', 'none', 'level 12.5')
    """
    if level >= 100:
        return "none"
    return RANK_OF_LEVEL.get(level, f"level {level:g}")
