"""One tree for a model and an export: what photos show and what outputs say, as leaves of it.

It is the export's tree, changed as little as lets both be said in it:

* an output that is a leaf of the export, or stands below one, is that leaf; of several, scores add;
* an output that is an inner taxon, as a genus, is a leaf in its place if no other output stands
  below it, and otherwise a leaf of its name below it;
* an output that was split into several leaves takes the place of them all, unless other outputs
  are among them;
* an output that the export lacks is a leaf below the lowest taxon above it that the export has, or
  stands alone where there is none.

A photo counts as the leaf that it shows; where no output says that, as the lowest taxon above it
that an output does say. Where there is none, the model does not know its leaf.

Laws: the tree keeps what `schemas.taxonomy_csv` asks of one. With a model whose leaves are the
export's it is the export's own, and every class stays as it is.

    joint = join(export.taxonomy(), labels, matches)
    joint.output_classes, joint.leaf_classes
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.evaluate.label_matches import LabelMatch
from pipeline.evaluate.labels import Label
from schemas.ranks import RANK_OF_LEVEL
from schemas.taxon_numbers import invented_taxon_id
from schemas.taxonomy import NO_LEAF, Taxonomy

Ints = npt.NDArray[np.int64]

_NO_PARENT = -1


@dataclass(frozen=True, eq=False)
class Joint:
    """A tree of J leaves for a model of M outputs and an export of N leaves.

    Attributes:
        taxonomy: the tree.
        output_classes: int64 [M], leaf class of each output.
        leaf_classes: int64 [N], leaf class that photos of each leaf of the export count as.
        is_known: bool [N], whether the model has an output for that class.
        is_itself: bool [N], whether that class is the leaf, and not a taxon above it.
    """

    taxonomy: Taxonomy
    output_classes: Ints
    leaf_classes: Ints
    is_known: npt.NDArray[np.bool_]
    is_itself: npt.NDArray[np.bool_]


def join(taxonomy: Taxonomy, labels: Sequence[Label], matches: Sequence[LabelMatch]) -> Joint:
    """Returns the joint tree.

    Args:
        taxonomy: of the export.
        labels: of the model, M.
        matches: where each label stands in `taxonomy`.
    """
    tree = _GrowingTree(taxonomy)
    speaks, targets = _place(tree, labels, matches)
    return tree.joint(np.array(targets, np.int64), speaks)


def _place(
    tree: _GrowingTree, labels: Sequence[Label], matches: Sequence[LabelMatch]
) -> tuple[dict[int, int], list[int]]:
    """Returns, by node of the export, the node that photos below count as; and each output's."""
    shared, occupied = _shared(matches), _occupied(tree, matches)
    speaks: dict[int, int] = {}
    targets = []
    for number, (label, match) in enumerate(zip(labels, matches, strict=True)):
        nodes = match.nodes
        if len(nodes) == 1 and tree.is_leaf[nodes[0]]:
            target = speaks[nodes[0]] = nodes[0]
        elif len(nodes) == 1 and match.is_itself:
            target = speaks.get(nodes[0], _NO_PARENT)
            if target == _NO_PARENT:
                target = speaks[nodes[0]] = tree.make_leaf(nodes[0], nodes[0] in occupied)
        else:
            target = tree.add(number, label, tree.common(nodes))
            if len(nodes) > 1 and not any(n in shared or not tree.is_leaf[n] for n in nodes):
                tree.drop(nodes)
                speaks |= dict.fromkeys(nodes, target)
        targets.append(target)
    return speaks, targets


def _shared(matches: Sequence[LabelMatch]) -> set[int]:
    """Nodes that more than one output is, or was split into."""
    once: set[int] = set()
    more: set[int] = set()
    for match in matches:
        for node in match.nodes:
            (more if node in once else once).add(node)
    return more


def _occupied(tree: _GrowingTree, matches: Sequence[LabelMatch]) -> set[int]:
    """Inner nodes that an output stands below."""
    found: set[int] = set()
    for match in matches:
        for node in match.nodes:
            stands_below = not match.is_itself and not tree.is_leaf[node]
            above = node if stands_below else int(tree.export.parent_nodes[node])
            while above != _NO_PARENT and above not in found:
                found.add(above)
                above = int(tree.export.parent_nodes[above])
    return found


class _GrowingTree:
    """A tree that loses and gains nodes. Nodes of the export keep their numbers until the end.

    Args:
        export: its taxonomy, T nodes.
    """

    def __init__(self, export: Taxonomy) -> None:
        self.export = export
        self.is_leaf = export.leaf_class_ids != NO_LEAF
        self._kept = np.ones(len(export), bool)
        self._made_leaves: list[int] = []
        self._taken = set(export.node_of_taxon)
        # Of the added ones: taxon id, parent, rank level, name.
        self._added: list[tuple[int, int, float, str]] = []

    def common(self, nodes: Sequence[int]) -> int:
        """Returns the lowest node at or above all nodes; -1 where there is none."""
        paths = [self.export.lineage(node) for node in nodes]
        shared = [level[0] for level in zip(*paths, strict=False) if len(set(level)) == 1]
        return shared[-1] if shared else _NO_PARENT

    def add(self, number: int, label: Label, parent: int) -> int:
        """Returns a new leaf below `parent`, for an output."""
        name = label.name.replace(",", "") or f"output {number}"
        return self._add(label.taxon_id, parent, label.rank_level, name)

    def make_leaf(self, node: int, occupied: bool) -> int:
        """Returns an inner node as a leaf: in its place, or below it if others are."""
        if occupied:
            level = float(self.export.rank_levels[node])
            return self._add(None, node, level, self.export.names[node])
        self.is_leaf[node] = True
        self._made_leaves.append(node)
        return node

    def drop(self, nodes: Sequence[int]) -> None:
        """Takes leaves out."""
        self._kept[list(nodes)] = False

    def joint(self, targets: Ints, speaks: dict[int, int]) -> Joint:
        """Returns the tree as it stands.

        Args:
            targets: int64 [M], node of each output.
            speaks: by node of the export, the node that photos at or below it count as.
        """
        self._drop_what_hangs()
        kept = np.concatenate([self._kept, np.ones(len(self._added), bool)])
        classes = self._classes(kept)
        counted = [self._counted_as(int(node), speaks) for node in self.export.leaf_nodes]
        nodes = np.array(counted, np.int64)
        return Joint(
            self._taxonomy(kept, classes),
            classes[targets],
            classes[nodes],
            np.isin(nodes, targets),
            nodes == self.export.leaf_nodes,
        )

    def _add(self, taxon_id: int | None, parent: int, rank_level: float, name: str) -> int:
        if taxon_id is None or taxon_id in self._taken:
            rank = RANK_OF_LEVEL.get(rank_level, f"{rank_level:g}")
            taxon_id = invented_taxon_id(rank, name, self._taken)
        self._taken.add(taxon_id)
        self._added.append((taxon_id, parent, rank_level, name))
        return len(self.export) + len(self._added) - 1

    def _counted_as(self, leaf: int, speaks: dict[int, int]) -> int:
        above = leaf
        while above != _NO_PARENT:
            if above in speaks:
                return speaks[above]
            above = int(self.export.parent_nodes[above])
        return leaf

    def _drop_what_hangs(self) -> None:
        """Drops what is below a leaf, then inner nodes that have lost all below them."""
        parents = self.export.parent_nodes
        below = np.zeros(len(self.export), bool)
        for node in np.argsort(self.export.depths, kind="stable"):
            parent = parents[node]
            below[node] = parent != _NO_PARENT and (below[parent] or self.is_leaf[parent])
        self._kept &= ~below
        has_child = np.zeros(len(self.export), bool)
        has_child[[parent for _, parent, _, _ in self._added if parent != _NO_PARENT]] = True
        for node in np.argsort(-self.export.depths, kind="stable"):
            self._kept[node] &= self.is_leaf[node] or has_child[node]
            if self._kept[node] and parents[node] != _NO_PARENT:
                has_child[parents[node]] = True

    def _classes(self, kept: npt.NDArray[np.bool_]) -> Ints:
        """int64 [T + added]: leaf class of each node; the export's leaves come first."""
        size = len(self.export)
        leaves = [n for n in self.export.leaf_nodes.tolist() if kept[n]]
        leaves += [*self._made_leaves, *range(size, size + len(self._added))]
        classes = np.full(size + len(self._added), NO_LEAF, np.int64)
        classes[leaves] = np.arange(len(leaves))
        return classes

    def _taxonomy(self, kept: npt.NDArray[np.bool_], classes: Ints) -> Taxonomy:
        export = self.export
        ids, parents, levels, names = (
            zip(*self._added, strict=True) if self._added else ((), (), (), ())
        )
        all_parents = np.concatenate([export.parent_nodes, np.array(parents, np.int32)])
        iconic_above = np.append(export.iconic_taxon_ids, 0)  # 0 for the parent -1
        iconic = np.concatenate(
            [export.iconic_taxon_ids, iconic_above[np.array(parents, np.int64)]]
        )
        new_number = np.append(np.cumsum(kept) - 1, _NO_PARENT)
        every_name = (*export.names, *names)
        return Taxonomy(
            taxon_ids=np.concatenate([export.taxon_ids, np.array(ids, np.int64)])[kept],
            parent_nodes=new_number[all_parents[kept]].astype(np.int32),
            rank_levels=np.concatenate([export.rank_levels, np.array(levels, np.float32)])[kept],
            leaf_class_ids=classes[kept].astype(np.int32),
            iconic_taxon_ids=iconic[kept],
            names=tuple(every_name[node] for node in np.flatnonzero(kept)),
        )
