"""Where the tree that the apps read is not the model's: a taxon more, a taxon less, another cell.

A tree can be sound in itself, and the same in both files, and yet send an answer to a wrong genus:
the apps roll up by the bundle's tree and by nothing else. So parent, rank and name of every taxon
are held against the model's. (`app_contract` looks at the leaf classes, as one list; a model
knows no geo thresholds.)

    tree_differences(read_android_taxonomy("bundle/taxonomy.csv"), taxonomy)
    # ["Strix aluco (101) has the parent_taxon_id 40, in the model 20."]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.taxonomy import NO_LEAF, Taxonomy
from serving.mobile_readers import MobileTaxon

_COMPARED = ("parent_taxon_id", "rank_level", "name")


def tree_differences(taxa: Sequence[MobileTaxon], taxonomy: Taxonomy) -> list[str]:
    """Returns a sentence for each difference; none if the trees are the same.

    Args:
        taxa: of a bundle, in any order.
        taxonomy: of the model that it was made from.
    """
    found = {taxon.taxon_id: taxon for taxon in taxa}
    wanted = {taxon.taxon_id: taxon for taxon in _taxa(taxonomy)}
    return [
        *(f"{_named(wanted[taxon])} has no row." for taxon in wanted if taxon not in found),
        *(f"{_named(found[taxon])} is not in the model." for taxon in found if taxon not in wanted),
        *_other_cells(found, wanted),
    ]


def _other_cells(found: Mapping[int, MobileTaxon], wanted: Mapping[int, MobileTaxon]) -> list[str]:
    return [
        f"{_named(wanted[taxon])} has the {column} {_cell(here)}, in the model {_cell(there)}."
        for taxon in found
        if taxon in wanted
        for column in _COMPARED
        if (here := getattr(found[taxon], column)) != (there := getattr(wanted[taxon], column))
    ]


def _taxa(taxonomy: Taxonomy) -> list[MobileTaxon]:
    ids, parents = taxonomy.taxon_ids.tolist(), taxonomy.parent_nodes.tolist()
    levels, leaves = taxonomy.rank_levels.tolist(), taxonomy.leaf_class_ids.tolist()
    return [
        MobileTaxon(
            taxon_id=ids[node],
            parent_taxon_id=ids[parents[node]] if parents[node] >= 0 else None,
            rank_level=levels[node],
            leaf_class_id=leaves[node] if leaves[node] != NO_LEAF else None,
            name=name,
        )
        for node, name in enumerate(taxonomy.names)
    ]


def _named(taxon: MobileTaxon) -> str:
    return f"{taxon.name} ({taxon.taxon_id})"


def _cell(value: object) -> str:
    return "empty" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
