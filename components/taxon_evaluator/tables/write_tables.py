"""From counts to the files of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.taxon_evaluator.leaf_photos import LeafPhotos
from components.taxon_evaluator.problem_settings import ProblemSettings
from components.taxon_evaluator.tables.confusions import confusions_table
from components.taxon_evaluator.tables.figures import Figure, reliability, slice_figures
from components.taxon_evaluator.tables.leaf_groups import group_figures, leaf_groups
from components.taxon_evaluator.tables.photo_columns import PhotoColumns
from components.taxon_evaluator.tables.problems import LeafCounts, problems_table
from components.taxon_evaluator.tables.table_files import (
    CONFUSIONS_FILE,
    CONFUSIONS_SCHEMA,
    METRICS_FILE,
    METRICS_SCHEMA,
    PROBLEMS_FILE,
    PROBLEMS_SCHEMA,
    RELIABILITY_FILE,
    RELIABILITY_SCHEMA,
    TAXA_FILE,
    TAXA_SCHEMA,
    write_table,
)
from components.taxon_evaluator.tables.tables import Tables
from components.taxon_evaluator.tables.taxon_tree import NO_TAXON, TaxonTree
from schemas.taxonomy import NO_LEAF, Taxonomy
from schemas.wilson import wilson_interval

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TableSettings:
    """How counts become files.

    Attributes:
        bucket_edges: of photos in training (see `leaf_groups`).
        min_slice_photos: slices with fewer photos are left out.
        confusions_per_leaf: rows kept of each leaf, in each direction.
        problems: what a diagnosis takes.
    """

    bucket_edges: tuple[int, ...]
    min_slice_photos: int
    confusions_per_leaf: int
    problems: ProblemSettings = field(default_factory=ProblemSettings)


@dataclass(frozen=True, eq=False)
class SliceFamily:
    """S slices of one kind, with all that is known of them.

    Attributes:
        family: its name.
        names: S names.
        taxon_ids: int64 [S], or None where slices are no taxa.
        sums: int64 [S, M].
        figures: by metric, of S slices.
    """

    family: str
    names: npt.NDArray[np.object_]
    taxon_ids: Ints | None
    sums: Ints
    figures: Mapping[str, Figure]

    def of_at_least(self, photos: int, columns: PhotoColumns) -> SliceFamily:
        """Returns the family without slices of fewer photos."""
        kept = self.sums[:, columns.place["photos"]] >= photos
        if kept.all():
            return self
        return SliceFamily(
            self.family,
            self.names[kept],
            None if self.taxon_ids is None else self.taxon_ids[kept],
            self.sums[kept],
            {name: figure.of(kept) for name, figure in self.figures.items()},
        )


def write_tables(
    tables: Tables,
    tree: TaxonTree,
    columns: PhotoColumns,
    train_photos: Ints,
    settings: TableSettings,
    directory: Path,
    leaf_photos: LeafPhotos | None = None,
) -> None:
    """Writes the files of an evaluation.

    Args:
        tables: of all photos.
        tree: of the model, N leaves.
        columns: of the tables.
        train_photos: int64 [N], photos of each leaf in training.
        settings: what to write.
        directory: is made.
        leaf_photos: what else is known of the leaves' photos; None: nothing, and observations are
            taken for as many as photos evaluated.
    """
    families = [
        family.of_at_least(settings.min_slice_photos, columns)
        for family in slice_families(tables, tree, columns, train_photos, settings.bucket_edges)
    ]
    # One family at a time: the rows of 80,000 leaves are some millions.
    metrics = (_metrics_table(family) for family in families)
    write_table(metrics, directory / METRICS_FILE, METRICS_SCHEMA)
    bins = (_reliability_table(family, columns) for family in families)
    write_table(bins, directory / RELIABILITY_FILE, RELIABILITY_SCHEMA)
    photos = tables.leaves.at(np.arange(tree.taxonomy.num_leaves))[:, columns.place["photos"]]
    confusions = confusions_table(tables.pairs, photos, tree, per_leaf=settings.confusions_per_leaf)
    write_table([confusions], directory / CONFUSIONS_FILE, CONFUSIONS_SCHEMA)
    counts = leaf_counts(tables, tree, columns, train_photos, leaf_photos)
    problems = problems_table(counts, tables.pairs, tree, settings.problems)
    write_table([problems], directory / PROBLEMS_FILE, PROBLEMS_SCHEMA)
    taxa = _taxa_table(tree.taxonomy, train_photos, photos)
    write_table([taxa], directory / TAXA_FILE, TAXA_SCHEMA)


def leaf_counts(
    tables: Tables,
    tree: TaxonTree,
    columns: PhotoColumns,
    train_photos: Ints,
    leaf_photos: LeafPhotos | None,
) -> LeafCounts:
    """Returns what problem taxa are found by; see `write_tables` for the arguments."""
    sums = tables.leaves.at(np.arange(tree.taxonomy.num_leaves))

    def of(name: str) -> Ints:
        return sums[:, columns.place[name]]

    photos, nothing = of("photos"), np.zeros(tree.taxonomy.num_leaves, np.int64)
    known = leaf_photos or LeafPhotos(photos, nothing, nothing, nothing)
    return LeafCounts(
        photos=photos,
        errors=of("errors"),
        errors_within_genus=of("errors_within_genus"),
        confident_errors=of("confident_errors"),
        train_photos=train_photos,
        **known.arrays(),
    )


def slice_families(
    tables: Tables,
    tree: TaxonTree,
    columns: PhotoColumns,
    train_photos: Ints,
    bucket_edges: tuple[int, ...],
) -> Iterator[SliceFamily]:
    """Yields every family of slices; see `write_tables` for the arguments."""
    leaf_taxa = tree.taxonomy.leaf_taxon_ids
    for groups in leaf_groups(tables.leaves.keys, tree, train_photos, bucket_edges):
        sums = groups.sums(tables.leaves)
        figures = slice_figures(sums, columns)
        figures |= group_figures(groups, tables, columns, leaf_taxa)
        taxa = groups.keys if groups.names is None else None
        names = groups.names if groups.names is not None else _taxon_names(tree, groups.keys)
        yield SliceFamily(groups.family, np.array(names, object), taxa, sums, figures)
    for family, summed in tables.slices.items():
        figures = slice_figures(summed.sums, columns) | tables.sliced_leaves[family].figures()
        yield SliceFamily(family, summed.keys.astype(object), None, summed.sums, figures)


def _taxon_names(tree: TaxonTree, taxon_ids: Ints) -> tuple[str, ...]:
    taxonomy = tree.taxonomy
    return tuple(
        taxonomy.names[taxonomy.node_of_taxon[taxon]]
        if taxon in taxonomy.node_of_taxon
        else taxonomy.iconic_name(taxon)
        for taxon in taxon_ids.tolist()
    )


def _metrics_table(family: SliceFamily) -> pa.Table:
    return pa.concat_tables(_metric_table(family, name) for name in family.figures)


def _metric_table(family: SliceFamily, metric: str) -> pa.Table:
    shown = np.flatnonzero(family.figures[metric].n > 0)
    figure = family.figures[metric].of(shown)
    columns = _slice_columns(family, shown) | {
        "metric": _constant(metric, len(shown)),
        "n": figure.n,
        "value": figure.value,
        "low": pa.array(figure.low, from_pandas=True),
        "high": pa.array(figure.high, from_pandas=True),
    }
    return pa.table([columns[name] for name in METRICS_SCHEMA.names], names=METRICS_SCHEMA.names)


def _reliability_table(family: SliceFamily, columns: PhotoColumns) -> pa.Table:
    photos, hits, confidence = reliability(family.sums, columns)
    rows, bins = np.nonzero(photos)
    count, hit = photos[rows, bins], hits[rows, bins]
    low, high = wilson_interval(hit, count)
    values = _slice_columns(family, rows) | {
        "above": bins / columns.bins,
        "up_to": (bins + 1) / columns.bins,
        "n": count,
        "mean_confidence": confidence[rows, bins] / count,
        "accuracy": hit / count,
        "low": low,
        "high": high,
    }
    names = RELIABILITY_SCHEMA.names
    return pa.table([values[name] for name in names], names=names)


def _slice_columns(family: SliceFamily, rows: npt.NDArray[np.intp]) -> dict[str, pa.Array]:
    place = rows.astype(np.int32)
    taxa = family.taxon_ids
    return {
        "family": _constant(family.family, len(place)),
        "slice": pa.DictionaryArray.from_arrays(place, pa.array(family.names, pa.string())),
        "taxon_id": np.zeros(len(place), np.int64) if taxa is None else taxa[rows],
    }


def _constant(value: str, count: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), pa.array([value]))


def _taxa_table(taxonomy: Taxonomy, train_photos: Ints, photos: Ints) -> pa.Table:
    leaves, parents = taxonomy.leaf_class_ids.astype(np.int64), taxonomy.parent_nodes
    is_leaf = leaves != NO_LEAF
    ranks = [taxonomy.rank_name(node) for node in range(len(taxonomy))]
    columns = {
        "taxon_id": taxonomy.taxon_ids,
        "parent_taxon_id": np.where(parents < 0, NO_TAXON, taxonomy.taxon_ids[parents]),
        "name": pa.array(taxonomy.names, pa.string()),
        "rank": pa.array(ranks).dictionary_encode(),
        "rank_level": taxonomy.rank_levels.astype(np.float64),
        "leaf_class_id": leaves,
        "train_photos": np.where(is_leaf, train_photos[leaves], 0),
        "photos": np.where(is_leaf, photos[leaves], 0),
    }
    return pa.table([columns[name] for name in TAXA_SCHEMA.names], names=TAXA_SCHEMA.names)
