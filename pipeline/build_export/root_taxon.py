"""Which taxon the user means by an id or a scientific name.

Law: one active taxon or an error that says which ones there are; nothing is guessed.

    node = find_root(tree, "Coccinellidae")
"""

from __future__ import annotations

import numpy as np

from pipeline.build_export.taxon_tree import TaxonTree
from schemas.errors import ConfigError, did_you_mean
from schemas.ranks import LEVEL_OF_RANK

_SHOWN = 20
_SPECIES_LEVEL = LEVEL_OF_RANK["species"]
# Latin endings that change with the gender of the genus: Adalia punctata, Adalius punctatus.
_ENDINGS = ("us", "um", "is", "a", "e")


def find_root(tree: TaxonTree, wanted: int | str) -> int:
    """Returns the node of the root of an export.

    Args:
        tree: the taxa of the source.
        wanted: taxon id, also as digits, or scientific name in any case.

    Raises:
        ConfigError: if the taxon is unknown, ambiguous, inactive, a hybrid or below species.
    """
    text = str(wanted).strip()
    node = _by_id(tree, int(text)) if text.isdecimal() else _by_name(tree, text)
    if not tree.taxa.active[node]:
        raise ConfigError(_inactive(tree, node))
    if tree.is_life[node]:
        raise ConfigError("taxon: Life is every taxon. Leave the setting out to take all of them.")
    if tree.taxa.ranks[node] in ("hybrid", "genushybrid"):
        raise ConfigError(
            f"taxon: {tree.label(node)} is a hybrid, and hybrids are left out. Give one of its "
            "parents."
        )
    if tree.taxa.rank_levels[node] < _SPECIES_LEVEL:
        above = int(tree.parents[node])
        hint = f" Give {tree.label(above)}." if above >= 0 else ""
        raise ConfigError(
            f"taxon: {tree.label(node)} is below species, and such taxa are rolled up to their "
            f"species.{hint}"
        )
    return node


def _by_id(tree: TaxonTree, taxon_id: int) -> int:
    node = tree.node_of(taxon_id)
    if node is None:
        raise ConfigError(
            f"taxon: no taxon has this id in the table of {len(tree):,} taxa. Received: "
            f"{taxon_id}. Look the id up at the end of the taxon's address on iNaturalist."
        )
    return node


def _by_name(tree: TaxonTree, name: str) -> int:
    names = tree.taxa.names
    nodes = [node for node, known in enumerate(names) if known == name]
    if not nodes:
        folded = name.casefold()
        nodes = [node for node, known in enumerate(names) if known.casefold() == folded]
    if not nodes:
        raise ConfigError(
            f"taxon: no taxon has this scientific name in the table of {len(tree):,} taxa. "
            f"Received: {name!r}.{did_you_mean(name, _alike(tree, name))}"
        )
    active = [node for node in nodes if tree.taxa.active[node]]
    if len(active) <= 1:
        return active[0] if active else nodes[0]
    lines = "\n  ".join(f"{tree.label(node)}: {_path(tree, node)}" for node in active[:_SHOWN])
    raise ConfigError(
        f"taxon: {len(active)} active taxa are called {name!r}:\n  {lines}\n"
        "Give the id of the one you mean."
    )


def _alike(tree: TaxonTree, name: str) -> list[str]:
    """Active names worth comparing: comparing millions letter by letter would take minutes."""
    return [
        known
        for known, active in zip(tree.taxa.names, tree.taxa.active, strict=True)
        if active
        and abs(len(known) - len(name)) <= 3
        and known[:2].casefold() == name[:2].casefold()
    ] or [
        known
        for known in tree.taxa.names
        if len(known) == len(name) and known[:1].casefold() == name[:1].casefold()
    ]


def _path(tree: TaxonTree, node: int) -> str:
    above = tree.lineage(node)[:-1]
    return " > ".join(tree.taxa.names[step] for step in above) or "no taxon above it"


def _inactive(tree: TaxonTree, node: int) -> str:
    found = _replacements(tree, node)
    text = f"taxon: {tree.label(node)} is inactive: iNaturalist has merged, split or dropped it."
    if not found:
        return f"{text} Look up on iNaturalist what has become of it."
    if len(found) == 1:
        return f"{text} Active instead, it seems: {tree.label(found[0])}."
    labels = ", ".join(tree.label(other) for other in found[:_SHOWN])
    return f"{text} Active, and perhaps meant: {labels}."


def _replacements(tree: TaxonTree, node: int) -> list[int]:
    """Active taxa of the same name, else species of the same epithet in its genus or family."""
    taxa = tree.taxa
    same = [
        other
        for other in np.flatnonzero(taxa.active).tolist()
        if taxa.names[other] == taxa.names[node]
    ]
    words = taxa.names[node].split()
    if same or len(words) < 2:
        return same
    for rank in ("genus", "family"):
        below = _below(tree, node, LEVEL_OF_RANK[rank])
        alike = [
            other
            for other in below
            if taxa.rank_levels[other] == taxa.rank_levels[node]
            and _stem(taxa.names[other].split()[-1]) == _stem(words[-1])
        ]
        if alike:
            return alike
    return []


def _below(tree: TaxonTree, node: int, level: float) -> list[int]:
    """Active nodes below the ancestor of that level; none if there is no such ancestor."""
    tops = [above for above in tree.lineage(node) if tree.taxa.rank_levels[above] == level]
    if not tops:
        return []
    marked = np.zeros(len(tree), bool)
    marked[tops[0]] = True
    return np.flatnonzero((tree.nearest(marked) >= 0) & tree.taxa.active).tolist()


def _stem(epithet: str) -> str:
    return next((epithet.removesuffix(end) for end in _ENDINGS if epithet.endswith(end)), epithet)
