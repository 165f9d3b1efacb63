"""What one run of ExportExampleGen reads, and where it writes: all that its workers are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from components.export_example_gen.config import ExportSettings
from components.export_example_gen.row_batches import bucket_count
from components.export_example_gen.shards import Shard, shard_of
from schemas import record
from schemas.open_source import open_source
from schemas.source import RowRange, Source
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy

ROWS_PER_RANGE = 30_000
"""Rows that are parsed in one piece; what they come to is held until it is handed on."""


@dataclass(frozen=True)
class ReadPlan:
    """What to read and where to write.

    Attributes:
        export_dir: the export.
        taxonomy_dir: of the Taxonomy artifact, written already: reading the source's own may mean
            reading all of it.
        split_dirs: directory of each split's records.
        index_dir: of the PhotoIndex artifact.
        ranges: the rows, cut into pieces; a few dozen bytes each.
        has_places: whether the export knows any.
        settings: of ExportExampleGen.
    """

    export_dir: str
    taxonomy_dir: str
    split_dirs: Mapping[str, str]
    index_dir: str
    ranges: Sequence[RowRange]
    has_places: bool
    settings: ExportSettings

    def source(self) -> Source:
        """Opens the export."""
        return open_source(self.export_dir, self.settings.format)

    def taxonomy(self) -> Taxonomy:
        """Reads the taxonomy."""
        return read_taxonomy(Path(self.taxonomy_dir) / record.TAXONOMY_FILE)

    @cached_property
    def split_rows(self) -> dict[str, int]:
        """Rows of each split, about: empty lines are counted, too."""
        rows = dict.fromkeys(self.split_dirs, 0)
        for part in self.ranges:
            rows[part.split] += part.num_rows
        return rows

    @cached_property
    def bucket_count(self) -> int:
        """Buckets that rows meet in."""
        return bucket_count(sum(self.split_rows.values()))

    def shard_of(self, split: str, photo_id: int) -> Shard:
        """Returns the file that a photo's record goes to."""
        per_file = self.settings.photos_per_file
        return shard_of(split, photo_id, max(1, -(-self.split_rows[split] // per_file)))


def plan_ranges(source: Source) -> list[RowRange]:
    """Returns the rows of all splits, cut into pieces; parses none of them."""
    return [part for split in source.split_paths for part in source.ranges(split, ROWS_PER_RANGE)]
