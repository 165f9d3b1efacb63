"""What every source of a training run can do, whatever its files look like.

Two formats carry splits and leaves of their own and are read as they are: iNaturalist's vision
export and the competition's JSON. The others are tables of observations, from which
`fieldmark build-export` selects a vision export first.

    source = open_source("inat2021")
    source.taxonomy().num_leaves
    for row in source.rows("train"):          # PhotoRow
        ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from schemas.csv_rows import Problems
from schemas.photo_row import PhotoRow
from schemas.photo_store import PhotoKey
from schemas.spatial_row import SpatialRow
from schemas.taxonomy import Taxonomy

Format = Literal["vision", "competition", "open-data", "observations-csv", "darwin-core"]
"""The formats that Fieldmark reads."""

SPLIT_FORMATS: tuple[Format, ...] = ("vision", "competition")
"""Those with splits and leaves of their own."""


class RowRange(NamedTuple):
    """A run of rows of one split that can be read alone.

    Attributes:
        split: train, val or test.
        start_byte: where the first row begins in the split's file.
        end_byte: where the row after the last one begins.
        first_row: number of the first row, the header being row 1.
        num_rows: lines in the range.
    """

    split: str
    start_byte: int
    end_byte: int
    first_row: int
    num_rows: int


class Source(Protocol):
    """An export with splits and leaves."""

    @property
    def directory(self) -> Path:
        """What relative photo paths start from; `photos/` lies in it."""

    @property
    def format(self) -> Format:
        """Its format."""

    @property
    def description(self) -> str:
        """The format for people, such as "vision export, columns of 2022"."""

    @property
    def split_paths(self) -> Mapping[str, Path]:
        """File of each split: train and val always, test perhaps."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file but the photos, in a fixed order; a fingerprint covers them."""

    @property
    def has_places(self) -> bool:
        """Whether `spatial_rows` can yield anything."""

    def taxonomy(self) -> Taxonomy:
        """Returns the checked tree.

        Raises:
            DataError: if it has faults.
        """

    def rows(
        self, split: str, problems: Problems | None = None, taxonomy: Taxonomy | None = None
    ) -> Iterator[PhotoRow]:
        """Yields the sound rows of a split in file order.

        Args:
            split: one of `split_paths`.
            problems: where to note faulty rows, for a caller that wants to go on past them.
                Without it they are raised together after the last row.
            taxonomy: to check each row's class against.

        Raises:
            ConfigError: if there is no such split.
            DataError: if the file cannot be read; for faulty rows, see `problems`.
        """

    def ranges(self, split: str, rows_per_range: int) -> list[RowRange]:
        """Returns a split's rows, cut into ranges of about `rows_per_range` rows.

        A format that cannot be cut gives one range.
        """

    def rows_in(self, rows: RowRange) -> Iterator[PhotoRow]:
        """Yields the rows of a range.

        Raises:
            DataError: after the last row, with the faulty ones.
        """

    def spatial_rows(self, problems: Problems | None = None) -> Iterator[SpatialRow]:
        """Yields places and dates, none if the export knows none."""

    def photo_keys(self) -> Iterator[PhotoKey]:
        """Yields what a `PhotoStore` finds each photo by, split after split."""
