"""The leaves of an export, and which leaf each taxon's photos train.

Law: a taxon's photos train the nearest leaf at or above it, and no other.

    leaves = new_leaves(connection, tree, roles, settings)
    leaves.leaf_of_node[node]                # leaf class, or -1
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from duckdb import DuckDBPyConnection

from pipeline.build_export.candidates import histogram, pool_counts
from pipeline.build_export.eligible_taxa import TaxonRoles
from pipeline.build_export.export_taxonomy import ExportTaxonomy, given_taxonomy, new_taxonomy
from pipeline.build_export.leaf_rule import by_observation, by_observer, choose_leaves
from pipeline.build_export.settings import SelectionSettings
from pipeline.build_export.splits import held_out, observer_pool
from pipeline.build_export.taxon_tree import Nodes, TaxonTree
from schemas.errors import ConfigError, DataError

_SHOWN = 20


@dataclass(frozen=True, eq=False)
class Leaves:
    """N leaves among T taxa.

    Attributes:
        taxonomy: of the export.
        leaf_of_node: int32 [T], leaf class that each node's photos train; -1 for none.
        test_first: int64 [N], observations that go to test before any goes to train.
        val_first: int64 [N], the same for val.
    """

    taxonomy: ExportTaxonomy
    leaf_of_node: Nodes
    test_first: npt.NDArray[np.int64]
    val_first: npt.NDArray[np.int64]

    def require_training_photos(self, train: npt.NDArray[np.int64], path: Path) -> None:
        """Raises:
        DataError: if a leaf has no photo in train, int64 [N].
        """
        empty = [self.taxonomy.leaves[leaf] for leaf in np.flatnonzero(train == 0)]
        if not empty:
            return
        names = "\n  ".join(f"{row.name} ({row.taxon_id})" for row in empty[:_SHOWN])
        more = f"\n  ... and {len(empty) - _SHOWN:,} more." if len(empty) > _SHOWN else ""
        raise DataError(
            path,
            problem=f"{len(empty):,} of its {len(train):,} leaves get no training photo:\n"
            f"  {names}{more}\n",
            remedy="Loosen the filters, take a source with photos of them, or build an export "
            "with a taxonomy of its own.",
        )


def new_leaves(
    connection: DuckDBPyConnection, tree: TaxonTree, roles: TaxonRoles, settings: SelectionSettings
) -> Leaves:
    """Returns the leaves that the photos suffice for.

    Raises:
        ConfigError: if there is none.
    """
    own = histogram(connection, len(tree), settings.photos_per_observation)
    summed = tree.sum_up(own)
    may_be = roles.inside & (roles.counts_for == np.arange(len(tree)))
    leaf = choose_leaves(tree, may_be & _suffices(connection, tree, settings, summed))
    if not leaf.any():
        raise ConfigError(_no_leaf(tree, summed, settings))
    return _leaves(tree, roles, new_taxonomy(tree, leaf), own, settings)


def given_leaves(
    connection: DuckDBPyConnection,
    tree: TaxonTree,
    roles: TaxonRoles,
    settings: SelectionSettings,
    path: Path,
) -> Leaves:
    """Returns the leaves of another export's taxonomy.csv.

    Raises:
        DataError: if the taxonomy has faults.
    """
    own = histogram(connection, len(tree), settings.photos_per_observation)
    return _leaves(tree, roles, given_taxonomy(path), own, settings)


def _leaves(
    tree: TaxonTree,
    roles: TaxonRoles,
    taxonomy: ExportTaxonomy,
    own: npt.NDArray[np.int64],
    settings: SelectionSettings,
) -> Leaves:
    leaf_class = np.full(len(tree), -1, np.int32)
    for leaf, row in enumerate(taxonomy.leaves):
        if (node := tree.node_of(row.taxon_id)) is not None:
            leaf_class[node] = leaf
    leaf_of_node = tree.push_down(leaf_class, -1)
    leaf_of_node[roles.counts_for != np.arange(len(tree))] = -1
    sizes = np.zeros((len(taxonomy.leaves), own.shape[1]), np.int64)
    mine = leaf_of_node >= 0
    np.add.at(sizes, leaf_of_node[mine], own[mine])
    test_first, val_first = held_out(sizes, by_observation(sizes, settings), settings)
    return Leaves(taxonomy, leaf_of_node, test_first, val_first)


def _suffices(
    connection: DuckDBPyConnection,
    tree: TaxonTree,
    settings: SelectionSettings,
    summed: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    if settings.split_unit == "observation":
        return by_observation(summed, settings)
    pools = pool_counts(
        connection, len(tree), settings.photos_per_observation, observer_pool(settings)
    )
    train, val, test = (tree.sum_up(pools[split]) for split in ("train", "val", "test"))
    return by_observer(train[:, 1], val[:, 0], test[:, 0], settings)


def _no_leaf(tree: TaxonTree, summed: npt.NDArray[np.int64], settings: SelectionSettings) -> str:
    observations = summed.sum(axis=1)
    minima = (
        f"{settings.train_per_leaf[0]} train, {settings.val_per_leaf[0]} val and "
        f"{settings.test_per_leaf[0]} test photos"
    )
    if not observations.any():
        return (
            "No photo passed the filters (taxon, quality grade, licence, place, date). "
            "Loosen them, or see that the tables belong together."
        )
    most = observations.max()
    # Of the taxa with most observations the lowest one says most.
    nodes = np.flatnonzero(observations == most)
    best = int(nodes[np.argmin(tree.taxa.rank_levels[nodes])])
    return (
        f"No taxon has photos enough for {minima} ({settings.split_unit}s undivided). Most has "
        f"{tree.label(best)}, with {most:,} observations. Loosen the filters, or lower "
        "train_per_leaf, val_per_leaf and test_per_leaf."
    )
