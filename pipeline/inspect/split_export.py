"""Inspection of an export with splits: a vision export or a competition set.

Law: each file is read once, row by row; a fault in a row, a file or the tree is noted, and the rest
is read on.

    inspect_splits(VisionExport.open("export"), "export", progress=live)      # Inspection
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from pipeline.inspect.file_faults import Noted, faults_of
from pipeline.inspect.inspection import FileFaults, FileSize, Inspection, PhotosPerTaxon, Taxa
from pipeline.inspect.known_taxa import KnownTaxa, commonest, rank_counts
from pipeline.inspect.live_progress import LiveProgress
from pipeline.inspect.photo_bins import per_taxon
from pipeline.inspect.photo_sample import SAMPLE_SIZE, PhotoLooks
from pipeline.inspect.place_tally import PlaceTally
from pipeline.inspect.row_tally import RowTally
from pipeline.inspect.split_notes import SplitFacts, split_notes
from schemas.errors import DataError, FieldmarkError
from schemas.photo_row import REMEDY
from schemas.photo_store import PhotoStore
from schemas.row_cells import RowFault
from schemas.source import Source
from schemas.taxonomy import Taxonomy
from schemas.vision_export import VisionExport

_ROWS_BETWEEN_REPORTS = 1 << 14

_Row = TypeVar("_Row")


def inspect_splits(
    export: Source,
    path: str,
    *,
    faults: Iterable[FileFaults] = (),
    sample_size: int | None = SAMPLE_SIZE,
    progress: LiveProgress,
) -> Inspection:
    """Reads an export to its end.

    Args:
        export: what to read.
        path: what the user gave.
        faults: those found when it was opened.
        sample_size: photos to look for on disk; None for all.
        progress: is told how far the reading is.
    """
    noted = list(faults)
    taxonomy, known = _taxa(export, noted)
    looks = PhotoLooks(PhotoStore(export.directory), sample_size)
    tally = RowTally(tuple(export.split_paths), looks)
    for place, split in enumerate(export.split_paths):
        _read_split(export, split, place, taxonomy, tally, noted, progress)
    placed = _read_places(export, noted, progress)
    places = placed.places(tally.units()) if len(placed) else None
    photos = tally.photos_of_leaves(1 + max(known.leaves, default=-1) if known else 0)
    on_disk, leaks = looks.result(), tally.leaks(known)
    if looks.refusal is not None:
        noted.append(faults_of(looks.refusal))
    facts = SplitFacts(
        path=path,
        format=export.format,
        splits=tally.splits,
        photos=photos,
        known=known,
        places=places,
        on_disk=on_disk,
        has_licenses=any(license is not None for license in tally.licenses),
        has_urls=tally.with_url > 0,
        leaks=leaks,
    )
    return Inspection(
        path=path,
        format=export.format,
        description=export.description,
        files=_sizes(export),
        photos=len(tally),
        observations=tally.num_observations,
        observers=len(tally.observers) or None,
        taxa=_figures(known, photos) if known else None,
        splits=tally.split_figures(photos),
        licenses=commonest(tally.licenses) if facts.has_licenses else (),
        quality_grades=(),
        places=places,
        photos_on_disk=on_disk,
        per_taxon=_spread(known, photos),
        leaks=leaks,
        notes=split_notes(facts),
        faults=tuple(dict.fromkeys(noted)),
    )


def _taxa(export: Source, noted: list[FileFaults]) -> tuple[Taxonomy | None, KnownTaxa | None]:
    """Returns the checked tree, None if it is broken, and what it says as far as it can be read."""
    if isinstance(export, VisionExport) and not export.taxonomy_path.is_file():
        return None, None  # That there is none was noted when the export was opened.
    try:
        taxonomy = export.taxonomy()
    except DataError as error:
        noted.append(faults_of(error))
    else:
        return taxonomy, KnownTaxa.of(taxonomy)
    if not isinstance(export, VisionExport):
        return None, None
    try:
        return None, KnownTaxa.read_loosely(export.taxonomy_path)
    except DataError:
        return None, None  # Noted above: nothing of the file can be read.


def _read_split(
    export: Source,
    split: str,
    place: int,
    taxonomy: Taxonomy | None,
    tally: RowTally,
    noted: list[FileFaults],
    progress: LiveProgress,
) -> None:
    path = export.split_paths[split]
    problems = Noted(path)
    try:
        rows = export.rows(split, problems, taxonomy)
        for row in _reported(rows, path, progress):
            try:
                tally.add(row, place)
            except RowFault as fault:
                problems.add(row.row_number, fault.column, fault.problem)
    except FieldmarkError as error:
        noted.append(faults_of(error))
    if found := problems.faults(REMEDY):
        noted.append(found)


def _read_places(export: Source, noted: list[FileFaults], progress: LiveProgress) -> PlaceTally:
    tally = PlaceTally()
    spatial = export.spatial_path if isinstance(export, VisionExport) else None
    problems = Noted(spatial or export.directory)
    try:
        if export.has_places:
            for row in _reported(export.spatial_rows(problems), Path("places"), progress):
                tally.add(row)
    except FieldmarkError as error:
        noted.append(faults_of(error))
    # Where places stand in the split files, the pass over those noted their faults.
    if spatial is not None and (found := problems.faults(REMEDY)):
        noted.append(found)
    return tally


def _reported(rows: Iterable[_Row], path: Path, progress: LiveProgress) -> Iterator[_Row]:
    for done, row in enumerate(rows):
        if done % _ROWS_BETWEEN_REPORTS == 0 and done:
            progress.rows(f"reading {path.name}", done)
        yield row


def _sizes(export: Source) -> tuple[FileSize, ...]:
    return tuple(
        FileSize(path.name, path.stat().st_size) for path in export.files if path.is_file()
    )


def _figures(known: KnownTaxa, photos: npt.NDArray[np.int64]) -> Taxa:
    leaves = [leaf for leaf in known.leaves if leaf < len(photos)]
    return Taxa(
        taxa=known.taxa,
        leaves=len(known.leaves),
        with_photos=int((photos[leaves].sum(axis=1) > 0).sum()),
        ranks=rank_counts(known.leaf_levels),
        all_ranks=rank_counts(known.levels),
    )


def _spread(known: KnownTaxa | None, photos: npt.NDArray[np.int64]) -> PhotosPerTaxon | None:
    """Over the leaves of the tree, and those that only rows know."""
    total = photos.sum(axis=1)
    seen = {leaf for leaf in known.leaves if leaf < len(total)} if known else set()
    leaves = sorted(seen | set(np.flatnonzero(total).tolist()))
    named = known or KnownTaxa(0, {}, {}, {})
    return per_taxon(total[leaves], lambda place: named.leaf(leaves[place]))
