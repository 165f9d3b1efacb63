"""One row of a split file: a photo, its observation and the leaf it trains.

Two generations of columns are told apart by the header:

    2022 on    photo_id, photo_url, observation_id, leaf_class_id, taxon_id, obs_taxon_id,
               community; needed are photo_id, observation_id, leaf_class_id, taxon_id
    2018-2021  id, filename, labels (leaf class id), texts (taxon id)

`parse_line` is pure and takes single lines, so that a Beam worker can call it:

    row = parse_line(header, "25,https://x/photos/25/medium.jpg,13,0,0,8021,8021,1", 2,
                     path="train_data.csv")
    row.photo_id, row.leaf_class_id, row.extension       # 25, 0, 'jpg'
    row.check_against(taxonomy, "train_data.csv")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Literal

from schemas.csv_rows import require_columns
from schemas.photo_store import EXTENSIONS, PhotoKey
from schemas.row_cells import RowFault, integer, optional_flag, optional_integer, split_line
from schemas.taxonomy import Taxonomy

Generation = Literal["2018-2021", "2022"]
"""Of an export: the years its columns come from; 2022 is the one still written."""

COLUMNS_2022 = ("photo_id", "observation_id", "leaf_class_id", "taxon_id")
"""Columns that a split file must have since 2022."""

COLUMNS_2018 = ("id", "filename", "labels", "texts")
"""Columns of the split files of 2018-2021 (`slim_export_YYYYMMDD`)."""

REMEDY = "Correct the row, or export it again."


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """A photo as a split file names it.

    Attributes:
        row_number: line of the file, the header being 1.
        photo_id: iNaturalist's photo id; positive.
        photo_url: where the photo is published; None if the file does not say.
        filename: path of the photo, absolute or below the export; None if the file does not say.
        observation_id: the observation it belongs to; None in exports of 2018-2021.
        leaf_class_id: the class it trains, 0..N-1.
        taxon_id: taxon of that class.
        obs_taxon_id: what the observation was identified as, the leaf or a taxon below it; None
            if unknown.
        community: whether the community taxon agreed; None if unknown.
        observation_uuid: the observation's UUID; None if the file does not say.
        license: licence code of the photo as iNaturalist writes it ("CC-BY-NC"); None if unknown.
        rights_holder: whom to credit; None if unknown.
        observer: login (or id) of who observed; None if unknown.
    """

    row_number: int
    photo_id: int
    photo_url: str | None
    filename: str | None
    observation_id: int | None
    leaf_class_id: int
    taxon_id: int
    obs_taxon_id: int | None
    community: bool | None
    observation_uuid: str | None = None
    license: str | None = None
    rights_holder: str | None = None
    observer: str | None = None

    @property
    def extension(self) -> str | None:
        """Extension of the published photo, in the case it has there; None if unknown."""
        name = (self.photo_url or self.filename or "").partition("?")[0].rpartition("/")[2]
        extension = name.rpartition(".")[2]
        return extension if extension.lower() in EXTENSIONS else None

    @property
    def key(self) -> PhotoKey:
        """What a `PhotoStore` finds the photo by."""
        return PhotoKey(self.photo_id, self.extension, self.filename)

    def fault_against(self, taxonomy: Taxonomy) -> RowFault | None:
        """Returns how the row disagrees with the taxonomy, or None."""
        leaf = taxonomy.leaf_of_taxon.get(self.taxon_id)
        if leaf == self.leaf_class_id:
            return None
        if self.leaf_class_id >= taxonomy.num_leaves:
            return RowFault(
                "leaf_class_id",
                f"{self.leaf_class_id} is none of the taxonomy's, 0..{taxonomy.num_leaves - 1}.",
            )
        if leaf is not None:
            return RowFault(
                "leaf_class_id",
                f"is {self.leaf_class_id}, but taxon {self.taxon_id} has leaf class {leaf} in the "
                "taxonomy.",
            )
        known = self.taxon_id in taxonomy.node_of_taxon
        state = "is not a leaf of the taxonomy" if known else "is not in the taxonomy"
        return RowFault("taxon_id", f"{self.taxon_id} {state}.")

    def check_against(self, taxonomy: Taxonomy, path: str | PathLike[str]) -> None:
        """Checks that the taxonomy gives the row's class to the row's taxon.

        Args:
            taxonomy: the export's.
            path: the split file, for the message.

        Raises:
            DataError: naming file, row and column.
        """
        fault = self.fault_against(taxonomy)
        if fault is not None:
            remedy = "Take the split files and the taxonomy from one export."
            raise fault.at(path, self.row_number, remedy)


def generation_of(path: str | PathLike[str], header: tuple[str, ...]) -> Generation:
    """Returns the generation that a split file's header is of.

    Raises:
        DataError: if a column is missing that its generation must have.
    """
    if "labels" in header and "photo_id" not in header:
        require_columns(path, header, COLUMNS_2018)
        return "2018-2021"
    require_columns(path, header, COLUMNS_2022)
    return "2022"


def parse_line(
    header: tuple[str, ...], line: str, row_number: int, *, path: str | PathLike[str]
) -> PhotoRow:
    """Returns the row in one line of a split file.

    Args:
        header: the file's columns, as `schemas.csv_rows.read_header` gives them.
        line: the line, with or without its end.
        row_number: its number, the header being 1.
        path: the file, for the message.

    Raises:
        DataError: naming file, row and column of the first fault.
    """
    try:
        return parse_row(split_line(header, line), row_number)
    except RowFault as fault:
        raise fault.at(path, row_number, REMEDY) from None


def parse_row(cells: Mapping[str, str], row_number: int) -> PhotoRow:
    """Returns the row in `cells`, which are by column name of a header `generation_of` accepts.

    Raises:
        RowFault: naming the column.
    """
    old = "photo_id" not in cells
    return PhotoRow(
        row_number=row_number,
        photo_id=integer(cells, "id" if old else "photo_id", least=1),
        photo_url=cells.get("photo_url") or None,
        filename=cells.get("filename") or None,
        observation_id=None if old else integer(cells, "observation_id", least=1),
        leaf_class_id=integer(cells, "labels" if old else "leaf_class_id", least=0),
        taxon_id=integer(cells, "texts" if old else "taxon_id", least=1),
        obs_taxon_id=optional_integer(cells, "obs_taxon_id", least=1),
        community=optional_flag(cells, "community"),
        observation_uuid=cells.get("observation_uuid") or None,
        license=cells.get("license") or None,
        rights_holder=cells.get("rights_holder") or None,
        observer=cells.get("observer") or None,
    )
