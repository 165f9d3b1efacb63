"""What to know of a table of observations before an export is selected of it, in sentences.

table_notes("dump", "open-data", counted, identified, on_disk)       # tuple of str
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.build_export.settings import SelectionSettings
from pipeline.inspect.identified_taxa import IdentifiedTaxa
from pipeline.inspect.inspection import PhotosOnDisk
from pipeline.inspect.table_figures import Counted
from schemas.source import Format

_OPTIONS: dict[Format, str] = {
    "open-data": "--open-data",
    "observations-csv": "--observations",
    "darwin-core": "--darwin-core",
}


def table_notes(
    path: str,
    format: Format,
    counted: Counted,
    identified: IdentifiedTaxa,
    on_disk: PhotosOnDisk | None,
) -> tuple[str, ...]:
    """Returns the notes, the weightiest first.

    Args:
        path: what the user gave.
        format: a table's.
        counted: its rows.
        identified: its taxa.
        on_disk: None if there are no rows.
    """
    return (
        f"This is a table without splits and leaves. Select an export of it with "
        f"`fieldmark build-export {_OPTIONS[format]} {path} --out DIR`; `fieldmark run` does so by "
        "itself.",
        *_photo_notes(on_disk),
        *_taxon_notes(counted, identified),
        *_row_notes(counted),
    )


def _photo_notes(on_disk: PhotosOnDisk | None) -> Iterator[str]:
    if on_disk is None:
        yield "There is no photo in it."
    elif on_disk.found < on_disk.looked_at:
        missing = on_disk.looked_at - on_disk.found
        of = f"a sample of {on_disk.looked_at:,}" if on_disk.is_sample else f"{on_disk.photos:,}"
        yield (
            f"{missing:,} of {of} photos are not on disk. Select an export first: "
            "`fieldmark fetch-photos DIR` then fetches those it takes, and no others."
        )


def _taxon_notes(counted: Counted, identified: IdentifiedTaxa) -> Iterator[str]:
    defaults = SelectionSettings()
    least = defaults.train_per_leaf[0] + defaults.val_per_leaf[0] + defaults.test_per_leaf[0]
    enough = int((identified.photos >= least).sum())
    have = {0: "No taxon has", 1: "1 taxon has"}.get(enough, f"{enough:,} taxa have")
    yield (
        f"{have} {least} photos or more, which is what a leaf needs by default (see "
        "--train-per-leaf and its like of build-export); taxa with fewer roll up to their parent."
    )
    if counted.without_taxon:
        yield f"{_photos(counted.without_taxon)} of no taxon, and never selected."
    if unknown := identified.num_unknown():
        yield (
            f"{_taxa(unknown)} not in the table of taxa, and never selected. Take all tables from "
            "one dump."
        )
    if inactive := identified.num_inactive():
        yield f"{_taxa(inactive)} inactive (merged, split or dropped), and never selected."


def _row_notes(counted: Counted) -> Iterator[str]:
    if counted.unlicensed:
        yield (
            f"{_photos(counted.unlicensed)} without a licence: all rights reserved. "
            "`fieldmark build-export --licenses CC0,CC-BY` takes those under some licences only."
        )
    if counted.captive:
        yield (
            f"{_photos(counted.captive)} of captive or cultivated organisms, which "
            "`fieldmark build-export` takes only with `--include-captive`."
        )


def _photos(count: int) -> str:
    return "1 photo is" if count == 1 else f"{count:,} photos are"


def _taxa(count: int) -> str:
    return "1 taxon is" if count == 1 else f"{count:,} taxa are"
