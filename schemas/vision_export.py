"""An iNaturalist vision export on disk: which files it has, and its rows.

The directory of an export holds a taxonomy, one CSV a split, and perhaps places. `open` finds
them, tells the generation, and refuses what cannot be trained from; rows stream.

    export = VisionExport.open("vision-export-20250216070017")
    export.generation                       # '2022'
    for row in export.rows("train"):        # PhotoRow
        ...
    for part in export.ranges("train", 100_000):
        export.rows_in(part)                # the same rows, in pieces that workers can share
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from schemas.csv_rows import (
    Problems,
    cut,
    read_header,
    read_rows,
    read_rows_between,
    require_columns,
)
from schemas.errors import ConfigError, DataError
from schemas.photo_row import (
    REMEDY,
    Generation,
    PhotoRow,
    generation_of,
    parse_line,
    parse_row,
)
from schemas.photo_store import PhotoKey
from schemas.record import SPLITS
from schemas.row_cells import RowFault
from schemas.source import Format, RowRange
from schemas.spatial_row import SPATIAL_COLUMNS, SpatialRow, parse_spatial_line, parse_spatial_row
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy

__all__ = [
    "PhotoRow",
    "VisionExport",
    "parse_line",
    "parse_row",
    "parse_spatial_line",
]

TAXONOMY_FILES = ("taxonomy.csv", "taxonomy_data.csv")
"""Name of the taxonomy since 2022, and in 2018-2021."""

SPATIAL_FILE = "spatial_data.csv"

_FILES_SHOWN = 8


@dataclass(frozen=True)
class VisionExport:
    """The files of an export.

    Attributes:
        directory: the export.
        generation: the years its columns come from.
        taxonomy_path: its taxonomy.
        split_paths: file of each split that is there: train and val always, test perhaps.
        headers: column names of each of those files.
        spatial_path: places of its observations; None if it has none.
    """

    directory: Path
    generation: Generation
    taxonomy_path: Path
    split_paths: Mapping[str, Path]
    headers: Mapping[str, tuple[str, ...]]
    spatial_path: Path | None

    @classmethod
    def open(cls, directory: str | PathLike[str]) -> VisionExport:
        """Finds the files of an export; reads their headers only.

        Raises:
            ConfigError: if there is no such directory.
            DataError: if it is not an export, has no train or val split, or lacks columns.
        """
        root = Path(directory)
        if not root.is_dir():
            state = "is a file" if root.exists() else "does not exist"
            raise ConfigError(
                f"The export {str(directory)!r} {state}. Expected the directory that iNaturalist's "
                "exporter wrote, with taxonomy.csv and train_data.csv in it."
            )
        taxonomy = next((root / name for name in TAXONOMY_FILES if (root / name).is_file()), None)
        splits = {split: path for split in SPLITS if (path := root / split_file(split)).is_file()}
        if taxonomy is None or "train" not in splits:
            raise _not_an_export(root)
        if "val" not in splits:
            raise _no_validation(root)
        headers = {split: read_header(path) for split, path in splits.items()}
        spatial = root / SPATIAL_FILE
        if spatial.is_file():
            require_columns(spatial, read_header(spatial), SPATIAL_COLUMNS)
        return cls(
            directory=root,
            generation=_common_generation(splits, headers),
            taxonomy_path=taxonomy,
            split_paths=splits,
            headers=headers,
            spatial_path=spatial if spatial.is_file() else None,
        )

    @property
    def format(self) -> Format:
        """Its format among those of `schemas.source`."""
        return "vision"

    @property
    def description(self) -> str:
        """The format for people."""
        return f"vision export, columns of {self.generation}"

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file but the photos: taxonomy, splits, places."""
        places = (self.spatial_path,) if self.spatial_path else ()
        return (self.taxonomy_path, *self.split_paths.values(), *places)

    @property
    def has_places(self) -> bool:
        """Whether there is a file of places."""
        return self.spatial_path is not None

    def taxonomy(self) -> Taxonomy:
        """Returns the checked tree.

        Raises:
            DataError: naming every faulty row of the taxonomy (the first 20, the rest counted).
        """
        return read_taxonomy(self.taxonomy_path)

    def rows(
        self, split: str, problems: Problems | None = None, taxonomy: Taxonomy | None = None
    ) -> Iterator[PhotoRow]:
        """Yields the sound rows of a split in file order.

        Args:
            split: train, val or test; one of `split_paths`.
            problems: where to note faulty rows, for a caller that wants to go on past them.
                Without it they are raised together after the last row.
            taxonomy: to check each row's class against.

        Raises:
            ConfigError: if the export has no such split.
            DataError: if the file cannot be read; for faulty rows, see `problems`.
        """
        path = self._split_path(split)
        noted = Problems(path) if problems is None else problems
        yield from _parsed(read_rows(path, noted), noted, taxonomy)
        if problems is None:
            noted.raise_if_any(REMEDY)

    def ranges(self, split: str, rows_per_range: int) -> list[RowRange]:
        """Returns a split's lines, cut every `rows_per_range` lines without parsing any.

        Raises:
            ConfigError: if the export has no such split, or `rows_per_range` is not positive.
            DataError: if the file cannot be read.
        """
        return [RowRange(split, *part) for part in cut(self._split_path(split), rows_per_range)]

    def rows_in(self, rows: RowRange) -> Iterator[PhotoRow]:
        """Yields the sound rows of a range, numbered as in the whole file.

        Raises:
            ConfigError: if the export has no such split.
            DataError: if the file cannot be read or has changed; for faulty rows, after the last.
        """
        path = self._split_path(rows.split)
        noted = Problems(path)
        cells = read_rows_between(
            path, self.headers[rows.split], rows.start_byte, rows.end_byte, rows.first_row, noted
        )
        yield from _parsed(cells, noted, None)
        noted.raise_if_any(REMEDY)

    def spatial_rows(self, problems: Problems | None = None) -> Iterator[SpatialRow]:
        """Yields the sound rows of `spatial_data.csv`, none if the export has no such file.

        Args:
            problems: as for `rows`.

        Raises:
            DataError: if the file cannot be read; for faulty rows, see `problems`.
        """
        if self.spatial_path is None:
            return
        noted = Problems(self.spatial_path) if problems is None else problems
        for number, cells in read_rows(self.spatial_path, noted):
            try:
                yield parse_spatial_row(cells, number)
            except RowFault as fault:
                noted.add(number, fault.column, fault.problem)
        if problems is None:
            noted.raise_if_any(REMEDY)

    def photo_keys(self) -> Iterator[PhotoKey]:
        """Yields what a `PhotoStore` finds each photo by, split after split.

        Raises:
            DataError: after the last row of a split with faulty rows.
        """
        for split in self.split_paths:
            for row in self.rows(split):
                yield row.key

    def _split_path(self, split: str) -> Path:
        if split not in self.split_paths:
            raise ConfigError(
                f"The export {str(self.directory)!r} has no split {split!r}. "
                f"It has: {', '.join(self.split_paths)}."
            )
        return self.split_paths[split]


def split_file(split: str) -> str:
    """Returns the name of a split's file."""
    return f"{split}_data.csv"


def _parsed(
    lines: Iterable[tuple[int, Mapping[str, str]]], noted: Problems, taxonomy: Taxonomy | None
) -> Iterator[PhotoRow]:
    for number, cells in lines:
        try:
            row = parse_row(cells, number)
        except RowFault as fault:
            noted.add(number, fault.column, fault.problem)
            continue
        disagreement = row.fault_against(taxonomy) if taxonomy is not None else None
        if disagreement is None:
            yield row
        else:
            noted.add(number, disagreement.column, disagreement.problem)


def _common_generation(
    splits: Mapping[str, Path], headers: Mapping[str, tuple[str, ...]]
) -> Generation:
    first = generation_of(splits["train"], headers["train"])
    for split, path in splits.items():
        generation = generation_of(path, headers[split])
        if generation != first:
            raise DataError(
                path,
                row=1,
                problem=f"has the columns of {generation}, but {splits['train'].name} has those "
                f"of {first}. Received: {','.join(headers[split])}.",
                remedy="Take all split files from one export.",
            )
    return first


def _not_an_export(root: Path) -> DataError:
    names = sorted(path.name + ("/" if path.is_dir() else "") for path in root.iterdir())
    more = f" and {len(names) - _FILES_SHOWN:,} more" if len(names) > _FILES_SHOWN else ""
    found = ", ".join(names[:_FILES_SHOWN]) + more if names else "nothing"
    inner = sorted(path.parent for path in root.glob("*/train_data.csv"))
    hint = f" Did you mean {str(inner[0])!r}?" if inner else ""
    return DataError(
        root,
        problem=f"is not a vision export. Looked for: {' or '.join(TAXONOMY_FILES)}, and "
        f"train_data.csv. Found: {found}.",
        remedy=f"Give the directory that the exporter wrote.{hint}",
    )


def _no_validation(root: Path) -> DataError:
    return DataError(
        root,
        problem="has no val_data.csv, so nothing could tell a good model from a bad one.",
        remedy="Export it again with a val split; Fieldmark never cuts one from train, because "
        "photos of one observation would stand on both sides.",
    )
