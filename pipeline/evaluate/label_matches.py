"""Where the labels of a model stand in the tree of an export.

For each label, the first of these that finds something:

1. its taxon id is in the tree;
2. the table of synonyms says what its id, or its name, is today;
3. a taxon of the tree has its name;
4. a taxon above it is in the tree: by the file's own ancestors, else the species and the genus
   that its name begins with.

Names are compared without regard to case. A name that stands for taxa of different branches (a
genus of birds, and one of mints) finds nothing.

    matches = match_labels(read_labels("labels.txt"), export.taxonomy(), Synonyms())
    matches[0].node, matches[0].is_itself
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pipeline.evaluate.labels import Label, comparable
from schemas.ranks import LEVEL_OF_RANK
from schemas.taxonomy import Taxonomy

_GENUS = LEVEL_OF_RANK["genus"]

Via = Literal["taxon id", "synonym", "name", "taxon above", "nothing"]


@dataclass(frozen=True)
class Synonyms:
    """What taxa are today (schemas.synonyms).

    Attributes:
        by_id: today's taxon ids by the model's.
        by_name: ids to look for, by comparable name.
    """

    by_id: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    by_name: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class LabelMatch:
    """Where a label stands.

    Attributes:
        via: how that was found.
        nodes: of the tree: the label's own, or the lowest known one above it; several where the
            label was split into them; () for nothing.
        is_itself: whether the label is the taxon of `nodes`, and not one below it.
    """

    via: Via
    nodes: tuple[int, ...] = ()
    is_itself: bool = False


def match_labels(
    labels: Sequence[Label], taxonomy: Taxonomy, synonyms: Synonyms
) -> list[LabelMatch]:
    """Returns a match for each label.

    Args:
        labels: of the model.
        taxonomy: of the export.
        synonyms: of the model's taxa.
    """
    index = _NameIndex(taxonomy)
    return [_match(label, index, synonyms) for label in labels]


class _NameIndex:
    """Nodes by comparable name."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self._nodes: dict[str, list[int]] = {}
        for node, name in enumerate(taxonomy.names):
            self._nodes.setdefault(comparable(name), []).append(node)

    def find(self, name: str) -> int | None:
        """Returns the node of a name; of a genus and its subgenus of one name, the genus."""
        nodes = self._nodes.get(comparable(name), [])
        highest = min(nodes, key=lambda node: self.taxonomy.depths[node], default=None)
        if highest is None or any(highest not in self.taxonomy.lineage(node) for node in nodes):
            return None
        return highest

    def ids(self, taxon_ids: Iterable[int]) -> tuple[int, ...]:
        """Returns the nodes of those taxon ids that are in the tree."""
        known = self.taxonomy.node_of_taxon
        return tuple(known[taxon_id] for taxon_id in taxon_ids if taxon_id in known)


def _match(label: Label, index: _NameIndex, synonyms: Synonyms) -> LabelMatch:
    if label.taxon_id is not None and (nodes := index.ids([label.taxon_id])):
        return LabelMatch("taxon id", nodes, is_itself=True)
    today = synonyms.by_id.get(label.taxon_id or 0, ())
    today = today or synonyms.by_name.get(comparable(label.name), ())
    if nodes := index.ids(today):
        return LabelMatch("synonym", nodes, is_itself=True)
    if label.name and (node := index.find(label.name)) is not None:
        return LabelMatch("name", (node,), is_itself=True)
    above = _above(label, index)
    return LabelMatch("nothing") if above is None else LabelMatch("taxon above", (above,))


def _above(label: Label, index: _NameIndex) -> int | None:
    for taxon_id, _ in label.ancestors:
        if nodes := index.ids([taxon_id]):
            return nodes[0]
    words = label.name.split()
    for count in (2, 1):  # a subspecies is below its species, a species below its genus
        node = index.find(" ".join(words[:count])) if len(words) > count else None
        if node is not None and (count == 2 or index.taxonomy.rank_levels[node] == _GENUS):
            return node
    return None
