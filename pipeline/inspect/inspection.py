"""What an inspection found: figures, leaks, faults and notes, as plain values.

Law: nothing in here is formatted; `text.lines` and `to_json` say the same figures. A figure that
the format cannot give is None, and never 0.

    to_json(inspection)                  # the keys are the fields below; docs/inspect.md
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from schemas.source import Format


@dataclass(frozen=True)
class FileSize:
    """A file that was read, without the photos.

    Attributes:
        name: without its directory.
        size_bytes: on disk.
    """

    name: str
    size_bytes: int


@dataclass(frozen=True)
class Count:
    """How often something occurs.

    Attributes:
        name: a licence, rank, grade or year; None where it is unknown.
        count: how often.
    """

    name: str | None
    count: int


@dataclass(frozen=True)
class SplitFigures:
    """What is in one split.

    Attributes:
        name: train, val or test.
        photos: sound rows.
        observations: different ones; None if the format knows none.
        taxa: different leaves.
    """

    name: str
    photos: int
    observations: int | None
    taxa: int


@dataclass(frozen=True)
class Taxa:
    """The tree of taxa.

    Attributes:
        taxa: nodes of the tree.
        leaves: classes of a model; None for a table, whose leaves are not chosen yet.
        with_photos: leaves (of a table: taxa that something was identified as) with a photo.
        ranks: ranks of the leaves (of a table: of the taxa with photos), from kingdom down.
        all_ranks: ranks of all taxa, from kingdom down.
    """

    taxa: int
    leaves: int | None
    with_photos: int
    ranks: tuple[Count, ...]
    all_ranks: tuple[Count, ...]


@dataclass(frozen=True)
class Places:
    """What is known of place and date.

    Attributes:
        known: observations (photos, if the format knows no observations) with a place.
        of: observations (photos) in all.
        years: observations (photos) by the year they were made in, unknown ones left out.
    """

    known: int
    of: int
    years: tuple[Count, ...]


@dataclass(frozen=True)
class PhotosOnDisk:
    """Which photos are on disk.

    Attributes:
        looked_at: photos that were looked for; all, or a sample.
        found: of those, how many are there.
        photos: rows in all.
        missing_photo_ids: the first few that are not.
    """

    looked_at: int
    found: int
    photos: int
    missing_photo_ids: tuple[int, ...]

    @property
    def is_sample(self) -> bool:
        """Whether only some were looked for."""
        return self.looked_at < self.photos


@dataclass(frozen=True)
class Bin:
    """Taxa with about equally many photos.

    Attributes:
        least: photos, included.
        most: photos, included.
        taxa: how many.
    """

    least: int
    most: int
    taxa: int


@dataclass(frozen=True)
class TaxonPhotos:
    """A taxon and its photos.

    Attributes:
        taxon_id: iNaturalist's id.
        name: scientific name; "" if unknown.
        rank: a word; "" if unknown.
        photos: in all splits.
    """

    taxon_id: int
    name: str
    rank: str
    photos: int


@dataclass(frozen=True)
class PhotosPerTaxon:
    """How photos are spread over the leaves (of a table: over the taxa that were identified).

    Attributes:
        bins: taxa by number of photos, on a scale of 1, 2, 5, 10, ...
        median: photos of the taxon in the middle, rounded down.
        most: the most photographed taxa, most first.
        least: the least photographed taxa, least first.
    """

    bins: tuple[Bin, ...]
    median: int
    most: tuple[TaxonPhotos, ...]
    least: tuple[TaxonPhotos, ...]


@dataclass(frozen=True)
class Leak:
    """Photos or observations that stand where they should not.

    Attributes:
        kind: for example "observations in two splits".
        count: photos or observations, not rows.
        examples: the first few, with their rows.
    """

    kind: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class FileFaults:
    """What is wrong in one file, and what a run would refuse.

    Attributes:
        path: the file; "" if it is not one file's.
        count: faults in all.
        faults: the first 20, a sentence each, with row and column.
        remedy: what to do; "" if each fault says so itself.
    """

    path: str
    count: int
    faults: tuple[str, ...]
    remedy: str


@dataclass(frozen=True)
class Inspection:
    """All that was found.

    Attributes:
        path: what the user gave.
        format: one of `schemas.source.Format`.
        description: the format for people, with its generation.
        files: what was read.
        photos: sound rows.
        observations: different ones; None if the format knows none.
        observers: different ones; None if the format does not say.
        taxa: the tree; None if it could not be read.
        splits: in the order train, val, test; none in a table.
        licenses: of photos, commonest first; none if the format does not say.
        quality_grades: of photos, commonest first; none but in a table.
        places: None if there are none.
        photos_on_disk: None if there is no row to look for.
        per_taxon: None if there is no taxon.
        leaks: only those that occur.
        notes: what is missing or weak, and the way out, a sentence or two each.
        faults: what a run would refuse.
    """

    path: str
    format: Format
    description: str
    files: tuple[FileSize, ...]
    photos: int
    observations: int | None
    observers: int | None
    taxa: Taxa | None
    splits: tuple[SplitFigures, ...]
    licenses: tuple[Count, ...]
    quality_grades: tuple[Count, ...]
    places: Places | None
    photos_on_disk: PhotosOnDisk | None
    per_taxon: PhotosPerTaxon | None
    leaks: tuple[Leak, ...]
    notes: tuple[str, ...]
    faults: tuple[FileFaults, ...]

    @property
    def size_bytes(self) -> int:
        """Of all files that were read."""
        return sum(file.size_bytes for file in self.files)


def to_json(inspection: Inspection) -> str:
    """Returns the inspection as JSON: the fields as keys, in their order; ASCII alone."""
    return json.dumps(asdict(inspection), indent=2)
