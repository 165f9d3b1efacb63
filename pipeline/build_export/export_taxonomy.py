"""The taxonomy of an export: the rows of taxonomy.csv and iconic_taxa.csv, new or another's.

Laws: rows are in pre-order, children by taxon id; every leaf's ancestors up to its kingdom are
there and nothing else; Life is no row. Leaf classes are numbered in the order of the rows; a
leaf's spatial class is its leaf class, and the taxa above the leaves follow. Names lose their
commas, since the format has no quoting.

    taxonomy = new_taxonomy(tree, leaf)
    (out / "taxonomy.csv").write_bytes(taxonomy.text)

`given_taxonomy` takes another export's as it is, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.build_export.taxon_tree import TaxonTree
from schemas.csv_rows import Problems, parse_integer, read_rows
from schemas.taxonomy_csv import WRITTEN_COLUMNS, read_taxonomy

ICONIC_COLUMNS = "iconic_taxon_id,iconic_class_id,name"
ICONIC_FILE = "iconic_taxa.csv"
TAXONOMY_FILE = "taxonomy.csv"

_UNQUOTABLE = re.compile(r"[,\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class TaxonRow:
    """A row of taxonomy.csv; None is an empty cell."""

    parent_id: int | None
    taxon_id: int
    rank_level: float
    leaf_class_id: int | None
    iconic_class_id: int | None
    spatial_class_id: int | None
    name: str
    iconic_taxon_id: int | None
    rank: str


@dataclass(frozen=True)
class ExportTaxonomy:
    """The taxonomy of an export.

    Attributes:
        rows: in file order.
        text: the bytes of taxonomy.csv.
        iconic_text: the bytes of iconic_taxa.csv.
    """

    rows: tuple[TaxonRow, ...]
    text: bytes
    iconic_text: bytes

    @cached_property
    def leaves(self) -> tuple[TaxonRow, ...]:
        """The leaves in the order of their classes."""
        leaves = [row for row in self.rows if row.leaf_class_id is not None]
        return tuple(sorted(leaves, key=lambda row: row.leaf_class_id or 0))

    @cached_property
    def row_of(self) -> dict[int, TaxonRow]:
        """Row by taxon id."""
        return {row.taxon_id: row for row in self.rows}


def plain(name: str) -> str:
    """Returns a name without commas and control characters, which the format cannot carry."""
    return _UNQUOTABLE.sub("", name)


def csv_text(header: str, rows: Iterable[tuple[object, ...]]) -> bytes:
    """Returns an unquoted CSV; None is an empty cell, numbers have no needless ".0"."""
    lines = [header]
    lines.extend(",".join(map(_cell, row)) for row in rows)
    return ("\n".join(lines) + "\n").encode()


def new_taxonomy(tree: TaxonTree, leaf: npt.NDArray[np.bool_]) -> ExportTaxonomy:
    """Returns the taxonomy of these leaves.

    Args:
        tree: the taxa of the source.
        leaf: bool [T], the leaves, none above another.
    """
    order = tree.preorder(tree.at_or_above(leaf))
    leaves = [node for node in order if leaf[node]]
    leaf_class = {node: number for number, node in enumerate(leaves)}
    spatial = leaf_class | {
        node: len(leaves) + number
        for number, node in enumerate(node for node in order if not leaf[node])
    }
    iconic = _iconic_classes(tree, leaves, order)
    rows = tuple(_row(tree, node, leaf_class.get(node), spatial[node], iconic) for node in order)
    return ExportTaxonomy(rows, _taxonomy_text(rows), _iconic_text(tree, iconic))


def given_taxonomy(path: Path) -> ExportTaxonomy:
    """Returns another export's taxonomy as it is.

    Args:
        path: its taxonomy.csv; iconic_taxa.csv beside it is taken too, if it is there.

    Raises:
        DataError: if it has faults.
    """
    checked = read_taxonomy(path)
    ranks = [checked.rank_name(node) for node in range(len(checked))]
    rows = []
    for node, (_, cells) in enumerate(read_rows(path, Problems(path))):
        parent = int(checked.parent_nodes[node])
        leaf = int(checked.leaf_class_ids[node])
        rows.append(
            TaxonRow(
                parent_id=int(checked.taxon_ids[parent]) if parent >= 0 else None,
                taxon_id=int(checked.taxon_ids[node]),
                rank_level=float(checked.rank_levels[node]),
                leaf_class_id=leaf if leaf >= 0 else None,
                iconic_class_id=parse_integer(cells.get("iconic_class_id", "")),
                spatial_class_id=parse_integer(cells.get("spatial_class_id", "")),
                name=checked.names[node],
                iconic_taxon_id=int(checked.iconic_taxon_ids[node]) or None,
                rank=cells.get("rank") or ranks[node],
            )
        )
    iconic = path.parent / ICONIC_FILE
    text = iconic.read_bytes() if iconic.is_file() else csv_text(ICONIC_COLUMNS, ())
    return ExportTaxonomy(tuple(rows), path.read_bytes(), text)


def _iconic_classes(tree: TaxonTree, leaves: list[int], order: list[int]) -> dict[int, int]:
    """Class of each iconic node: first those of the leaves, then those of taxa above them only."""
    nodes = [int(tree.iconic_nodes[node]) for node in (*leaves, *order)]
    return {node: number for number, node in enumerate(dict.fromkeys(n for n in nodes if n >= 0))}


def _row(
    tree: TaxonTree, node: int, leaf_class: int | None, spatial: int, iconic: dict[int, int]
) -> TaxonRow:
    taxa, parent, iconic_node = tree.taxa, int(tree.parents[node]), int(tree.iconic_nodes[node])
    return TaxonRow(
        parent_id=int(taxa.taxon_ids[parent]) if parent >= 0 else None,
        taxon_id=int(taxa.taxon_ids[node]),
        rank_level=float(taxa.rank_levels[node]),
        leaf_class_id=leaf_class,
        # As the exporter has it: only leaves name their iconic class.
        iconic_class_id=iconic.get(iconic_node) if leaf_class is not None else None,
        spatial_class_id=spatial,
        name=plain(taxa.names[node]),
        iconic_taxon_id=int(taxa.taxon_ids[iconic_node]) if iconic_node >= 0 else None,
        rank=taxa.ranks[node],
    )


def _taxonomy_text(rows: tuple[TaxonRow, ...]) -> bytes:
    return csv_text(
        WRITTEN_COLUMNS,
        (
            (
                row.parent_id,
                row.taxon_id,
                row.rank_level,
                row.leaf_class_id,
                row.iconic_class_id,
                row.spatial_class_id,
                row.name,
                row.iconic_taxon_id,
                row.rank,
            )
            for row in rows
        ),
    )


def _iconic_text(tree: TaxonTree, iconic: dict[int, int]) -> bytes:
    taxa = tree.taxa
    nodes = sorted(iconic, key=lambda node: int(taxa.taxon_ids[node]))
    return csv_text(
        ICONIC_COLUMNS,
        ((int(taxa.taxon_ids[node]), iconic[node], plain(taxa.names[node])) for node in nodes),
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
