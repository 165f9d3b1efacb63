"""A set of the iNat competitions (2017, 2018, 2019, 2021, 2021 mini) as a source of training.

Train and val are read, by streaming: of a file of a gigabyte, 20 bytes an image are held while its
rows go by. Test files have no annotations and are no split. One leaf a category, in the order of
the categories' ids; a photo's id is the competition's image id, which is not iNaturalist's.

    export = CompetitionExport.open("inat2021/train_mini.json")
    export.taxonomy().num_leaves            # 10000
    for row in export.rows("val"):          # PhotoRow
        ...

Rows are numbered as in the arrays of the JSON, from 0: `.images[12]` is row 12.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

from schemas.competition_files import find_splits
from schemas.competition_ids import check_image_ids
from schemas.competition_index import AnnotationIndex
from schemas.competition_json import CompetitionJson
from schemas.competition_places import NO_PLACE, PlaceCounts, place_of
from schemas.competition_rows import photo_rows
from schemas.competition_tables import (
    REMEDY,
    check_same_categories,
    column,
    read_categories,
    read_licenses,
)
from schemas.competition_taxonomy import Category, taxonomy_of
from schemas.competition_values import as_object, whole_number
from schemas.csv_rows import Problems
from schemas.errors import ConfigError
from schemas.photo_row import PhotoRow
from schemas.photo_store import PhotoKey
from schemas.row_cells import RowFault
from schemas.source import Format, RowRange
from schemas.spatial_row import SpatialRow
from schemas.taxonomy import Taxonomy

_IMAGES_LOOKED_AT_FOR_PLACES = 1000
_YEAR_BYTES = 4096


@dataclass(frozen=True)
class CompetitionExport:
    """The files of a competition set.

    Attributes:
        directory: where the JSON lies; photo paths start there, as the archives unpack.
        split_paths: train and val.
    """

    directory: Path
    split_paths: Mapping[str, Path]

    @classmethod
    def open(cls, path: str | PathLike[str]) -> CompetitionExport:
        """Finds the files of a set; reads none.

        Args:
            path: the directory, or the train JSON; val is looked for beside it.

        Raises:
            ConfigError: if there is nothing, or there are several train JSONs.
            DataError: if there is no train JSON, or no val JSON.
        """
        splits = find_splits(path)
        return cls(splits["train"].parent, splits)

    @property
    def format(self) -> Format:
        """Its format among those of `schemas.source`."""
        return "competition"

    @cached_property
    def description(self) -> str:
        """The format for people, with the year that the train JSON says."""
        train = self.split_paths["train"]
        with train.open("rb") as file:
            said = re.search(rb'"year"\s*:\s*"?(20\d\d)\b', file.read(_YEAR_BYTES))
        year = said[1].decode() if said else next(iter(re.findall(r"20\d\d", train.name)), "")
        return f"competition set{f' of {year}' if year else ''}, {train.name}"

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file but the photos: the JSON of train and val."""
        return tuple(self.split_paths.values())

    @cached_property
    def has_places(self) -> bool:
        """Whether images have a latitude (2021), by the first of train."""
        images = self._jsons["train"].items("images")
        first = itertools.islice(images, _IMAGES_LOOKED_AT_FOR_PLACES)
        return any(isinstance(image, dict) and "latitude" in image for image in first)

    def taxonomy(self) -> Taxonomy:
        """Returns the tree, made from the categories.

        Raises:
            DataError: if the categories have faults, or differ between train and val.
        """
        return self._taxonomy

    def rows(
        self, split: str, problems: Problems | None = None, taxonomy: Taxonomy | None = None
    ) -> Iterator[PhotoRow]:
        """Yields the sound images of a split in file order.

        Args:
            split: train or val.
            problems: where to note faults, for a caller that wants to go on past them. Without it
                they are raised together after the last row.
            taxonomy: to check each row's class against; this set's own needs no check.

        Raises:
            ConfigError: if there is no such split.
            DataError: if a file cannot be read, its JSON is broken, categories differ between the
                splits, or an image id stands for two photos; for faults, see `problems`.
        """
        path = self._split_path(split)
        noted = Problems(path) if problems is None else problems
        noted.take(self._indexes[split].problems)
        to_check = None if taxonomy is self._taxonomy else taxonomy
        for row in self._rows(split, noted):
            fault = row.fault_against(to_check) if to_check is not None else None
            if fault is None:
                yield row
            else:
                noted.add(row.row_number, column("images", fault.column), fault.problem)
        if problems is None:
            noted.raise_if_any(REMEDY)

    def ranges(self, split: str, rows_per_range: int) -> list[RowRange]:
        """Returns one range with all images of a split: JSON cannot be cut.

        Raises:
            ConfigError: if there is no such split.
            DataError: if the annotations cannot be read.
        """
        self._split_path(split)
        num_rows = len(self._indexes[split])
        return [RowRange(split, 0, self._jsons[split].size_bytes, 0, num_rows)]

    def rows_in(self, rows: RowRange) -> Iterator[PhotoRow]:
        """Yields the rows of the split that the range is of.

        Raises:
            DataError: as `rows`.
        """
        yield from self.rows(rows.split)

    def spatial_rows(self, problems: Problems | None = None) -> Iterator[SpatialRow]:
        """Yields the places of the images that have one, by negative photo id (see `SpatialRow`).

        Unknown and absurd places are left out; `place_counts` counts them.

        Args:
            problems: where to note images without an id; `rows` says more of them.

        Raises:
            DataError: if a file cannot be read or its JSON is broken; for faults, see `problems`.
        """
        if not self.has_places:
            return
        for split, path in self.split_paths.items():
            noted = Problems(path) if problems is None else problems
            for row_number, item in enumerate(self._jsons[split].items("images")):
                try:
                    image = as_object(item)
                    photo_id = whole_number(image, "id")
                except RowFault as fault:
                    noted.add(row_number, column("images", fault.column), fault.problem)
                    continue
                latitude, longitude, observed_on, _ = place_of(image)
                if latitude is not None and longitude is not None:
                    yield SpatialRow(row_number, -photo_id, latitude, longitude, observed_on)
            if problems is None:
                noted.raise_if_any(REMEDY)

    def place_counts(self) -> dict[str, PlaceCounts]:
        """Returns, by split, how many images have a place, none, or an absurd one.

        Raises:
            DataError: if a file cannot be read or its JSON is broken.
        """
        return {split: self._place_counts(split) for split in self.split_paths}

    def photo_keys(self) -> Iterator[PhotoKey]:
        """Yields what a `PhotoStore` finds each photo by, split after split.

        Raises:
            DataError: after the last row of a split with faults.
        """
        for split in self.split_paths:
            for row in self.rows(split):
                yield row.key

    def __getstate__(self) -> dict[str, Any]:
        """What a worker is sent: the paths; it reads annotations by itself."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _split_path(self, split: str) -> Path:
        if split not in self.split_paths:
            raise ConfigError(
                f"The competition set '{self.directory}' has no split {split!r}. "
                f"It has: {', '.join(self.split_paths)}."
            )
        return self.split_paths[split]

    def _rows(self, split: str, noted: Problems) -> Iterator[PhotoRow]:
        json = self._jsons[split]
        taxon_ids = self._taxonomy.leaf_taxon_ids.tolist()
        return photo_rows(json, self._indexes[split], taxon_ids, read_licenses(json), noted)

    def _place_counts(self, split: str) -> PlaceCounts:
        known = total = absurd = 0
        for item in self._jsons[split].items("images"):
            place = place_of(item) if isinstance(item, dict) else NO_PLACE
            total += 1
            known += place.latitude is not None
            absurd += place.is_absurd
        return PlaceCounts(known, total - known, absurd)

    @cached_property
    def _jsons(self) -> dict[str, CompetitionJson]:
        return {split: CompetitionJson.scan(path) for split, path in self.split_paths.items()}

    @cached_property
    def _taxonomy(self) -> Taxonomy:
        return taxonomy_of(self._categories)

    @cached_property
    def _categories(self) -> tuple[Category, ...]:
        train, val = self._jsons["train"], self._jsons["val"]
        categories = read_categories(train)
        check_same_categories(train, categories, val, read_categories(val))
        return categories

    @cached_property
    def _indexes(self) -> dict[str, AnnotationIndex]:
        """Annotations of both splits, their image ids checked against each other."""
        leaves = {category.category_id: leaf for leaf, category in enumerate(self._categories)}
        jsons = self._jsons
        indexes = {split: AnnotationIndex.read(jsons[split], leaves) for split in jsons}
        check_image_ids(jsons["train"], indexes["train"], jsons["val"], indexes["val"])
        return indexes
