"""From a table of observations to a vision export.

Laws:
 - the same source, settings and taxonomy give the same bytes, whatever the number of threads;
 - no observation stands in two splits or under two leaves;
 - every photo that passed the filters is accounted for in selection.json;
 - the export is whole or not there.

    built = build_export(OpenDataDump(Path("dump")), Path("ladybirds"),
                         SelectionSettings(taxon="Coccinellidae"))
    print(built.words())

Order of work:

 1. the source's taxa: root, what is out, what counts for what (`eligible_taxa`)
 2. one pass over the source's tables into a temporary database (`candidates`)
 3. counts per taxon, summed up the tree: the leaves (`leaf_rule`)
 4. the order of observations, and their splits (`splits`)
 5. the photos in the order written (`selected_photos`)
 6. the files (`data_files`, `export_taxonomy`, `all_taxa`, `selection_report`)
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from duckdb import DuckDBPyConnection
from pydantic_core import to_json

from pipeline.build_export.all_taxa import ALL_TAXA_FILE, AllTaxa
from pipeline.build_export.built_export import BuiltExport
from pipeline.build_export.candidates import (
    CandidateCounts,
    own_counts,
    put_taxon_roles,
    read_candidates,
)
from pipeline.build_export.csv_faults import UnreadableCell
from pipeline.build_export.data_files import write_data_files
from pipeline.build_export.database import OnProgress, working_database
from pipeline.build_export.eligible_taxa import eligible_taxa
from pipeline.build_export.export_taxonomy import ICONIC_FILE, TAXONOMY_FILE, ExportTaxonomy
from pipeline.build_export.leaves import Leaves, given_leaves, new_leaves
from pipeline.build_export.out_directory import link_photos, partial_directory
from pipeline.build_export.request import differences, request
from pipeline.build_export.root_taxon import find_root
from pipeline.build_export.selected_photos import select_photos, selected_counts
from pipeline.build_export.selection_report import REPORT_FILE, Selection
from pipeline.build_export.settings import SelectionSettings
from pipeline.build_export.splits import draw
from pipeline.build_export.table_source import TableSource
from pipeline.build_export.taxon_tree import TaxonTree
from schemas.errors import ConfigError
from schemas.photo_store import PHOTOS_FOLDER
from schemas.vision_export import VisionExport

DEFAULT_MEMORY_LIMIT_MB = 600


def build_export(
    source: TableSource,
    out: Path,
    settings: SelectionSettings,
    *,
    taxonomy_from: Path | None = None,
    photos_dir: Path | None = None,
    memory_limit_mb: int = DEFAULT_MEMORY_LIMIT_MB,
    threads: int | None = None,
    work_dir: Path | None = None,
    on_progress: OnProgress | None = None,
) -> BuiltExport:
    """Builds an export, unless it is there already.

    Args:
        source: the tables.
        out: directory of the export; not there, or empty, or the export of the same request.
        settings: what to select.
        taxonomy_from: another export whose leaves and taxonomy.csv are taken as they are.
        photos_dir: the store that `out`/photos becomes a link to; None for the source's own.
        memory_limit_mb: what DuckDB may hold, in MB; the process takes some 150 MB besides.
        threads: of DuckDB; None for one a core.
        work_dir: where the temporary database goes; None for beside `out`. It takes about half of
            the size of what is selected from.
        on_progress: told what is being done, and which share of it is done.

    Returns:
        Counts of what was built.

    Raises:
        ConfigError: if a setting does not fit the source, `out` holds something else, or memory or
            disk ran out.
        DataError: if the source's tables have faults, or a leaf of `taxonomy_from` has no photo.
    """
    photos = _photos_store(source, photos_dir)
    taxonomy_path = (
        None if taxonomy_from is None else VisionExport.open(taxonomy_from).taxonomy_path
    )
    asked = request(source, settings, taxonomy_path)
    if (out / REPORT_FILE).is_file():
        return _built_already(out, asked, photos)
    with partial_directory(out) as directory:
        # Removed before the rename: it is no part of the export.
        with (
            tempfile.TemporaryDirectory(dir=_made(work_dir) or directory, prefix="work-") as work,
            working_database(
                Path(work), memory_limit_mb=memory_limit_mb, threads=threads
            ) as database,
        ):
            selection = _select(database, source, settings, taxonomy_path, on_progress)
            write_data_files(database, directory, on_progress)
            source.check(database)
        _write_tables(directory, selection, asked)
        if photos is not None:
            link_photos(directory, photos)
    return BuiltExport.read(out)


def _select(
    database: DuckDBPyConnection,
    source: TableSource,
    settings: SelectionSettings,
    taxonomy_path: Path | None,
    on_progress: OnProgress | None,
) -> Selection:
    if on_progress is not None:
        on_progress("reading the taxa", None)
    tree = TaxonTree(source.taxa(database))
    root = None if settings.taxon is None else find_root(tree, settings.taxon)
    roles = eligible_taxa(tree, root=root, excluded=settings.exclude_taxa)
    put_taxon_roles(database, tree, roles)
    source.create_views(database)
    candidates = _read(database, source, settings, on_progress)
    leaves: Leaves = (
        new_leaves(database, tree, roles, settings)
        if taxonomy_path is None
        else given_leaves(database, tree, roles, settings, taxonomy_path)
    )
    draw(
        database,
        settings,
        leaf_of_node=leaves.leaf_of_node,
        test_first=leaves.test_first,
        val_first=leaves.val_first,
        on_progress=on_progress,
    )
    select_photos(database, leaves.taxonomy, on_progress)
    counts = selected_counts(database, len(leaves.taxonomy.leaves))
    if taxonomy_path is not None:
        leaves.require_training_photos(counts["train"], taxonomy_path)
    observations, photos = own_counts(database, tree)
    is_leaf = np.isin(tree.taxa.taxon_ids, [row.taxon_id for row in leaves.taxonomy.leaves])
    return Selection(
        tree=tree,
        roles=roles,
        settings=settings,
        taxonomy=leaves.taxonomy,
        taxonomy_is_given=taxonomy_path is not None,
        leaf_of_node=leaves.leaf_of_node,
        leaf_below=tree.at_or_above(is_leaf) & ~is_leaf,
        moved_taxa=source.moved_taxa,
        candidates=candidates,
        observations=observations,
        photos=photos,
        counts=counts,
    )


def _read(
    database: DuckDBPyConnection,
    source: TableSource,
    settings: SelectionSettings,
    on_progress: OnProgress | None,
) -> CandidateCounts:
    try:
        counts = read_candidates(database, settings, on_progress)
    except UnreadableCell as cell:
        # Faults that the reader noted by row say more than the one that stopped it.
        source.check(database)
        raise cell.located(source.files) from cell
    source.check(database)
    return counts


def _write_tables(directory: Path, selection: Selection, asked: dict[str, Any]) -> None:
    taxonomy: ExportTaxonomy = selection.taxonomy
    (directory / TAXONOMY_FILE).write_bytes(taxonomy.text)
    (directory / ICONIC_FILE).write_bytes(taxonomy.iconic_text)
    table = AllTaxa(
        selection.tree, selection.roles, selection.observations, taxonomy, selection.counts
    )
    (directory / ALL_TAXA_FILE).write_bytes(table.text())
    # Last of all: the file that says the export is complete.
    text = to_json(selection.report(asked), indent=1)
    (directory / REPORT_FILE).write_bytes(text + b"\n")


def _built_already(out: Path, asked: dict[str, Any], photos: Path | None) -> BuiltExport:
    built = json.loads((out / REPORT_FILE).read_text(encoding="utf-8")).get("request", {})
    if built != asked:
        lines = "\n  ".join(differences(asked, built))
        raise ConfigError(
            f"{str(out)!r} holds an export of other settings:\n  {lines}\n"
            "Give another directory, or remove this one to build it anew."
        )
    if photos is not None and not (out / PHOTOS_FOLDER).exists():
        link_photos(out, photos)
    return BuiltExport.read(out, already_complete=True)


def _photos_store(source: TableSource, given: Path | None) -> Path | None:
    if given is not None and not given.is_dir():
        raise ConfigError(
            f"The directory of photos {str(given)!r} does not exist. Give one that holds "
            "<photo_id>/medium.jpg, or leave it out and fetch the photos later."
        )
    return given or source.photos_dir


def _made(directory: Path | None) -> Path | None:
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
    return directory
