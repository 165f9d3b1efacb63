"""What a table of observations gives, whichever of iNaturalist's formats it comes from.

A source makes a DuckDB view `candidate`, one row a photo of an observation, and says what taxa
there are; the selection knows nothing else of it. Nothing is read into memory: DuckDB streams.
Order of calls: `taxa`, then the table `database.TAXON_ROLE` of the wanted ones, if any, is made by
the caller, then `create_views`, and `check` once the views were read.

Columns of `candidate`:

    photo_id             BIGINT   iNaturalist's photo id
    observation_key      any      what rows of one observation share; orders and hashes
    observation_id       BIGINT   null where the format has only UUIDs
    observation_uuid     VARCHAR  null where the format has only numbers
    observer             VARCHAR  login, or id where the format has only that (see `observer_name`)
    taxon_id             BIGINT   what the observation was identified as; null if nothing
    quality_grade        VARCHAR  research, needs_id or casual
    latitude, longitude  DOUBLE   null if unknown
    positional_accuracy  BIGINT   metres, null if unknown
    observed_on          DATE     null if unknown
    position             INTEGER  of the photo in its observation, from 0
    extension            VARCHAR  as published, without the dot
    photo_url            VARCHAR  null where the format does not say
    license              VARCHAR  of the photo, as "CC-BY-NC"; null = all rights reserved
    rights_holder        VARCHAR  null where the format does not say
    captive              BOOLEAN  null where the format does not say

and of `observer_name`, one row an observer, perhaps empty: observer VARCHAR, login VARCHAR, name
VARCHAR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from duckdb import DuckDBPyConnection

from schemas.photo_store import PHOTOS_FOLDER
from schemas.source import Format


@dataclass(frozen=True, eq=False)
class TaxaTable:
    """All taxa that a source knows, active or not; T rows in ascending order of id.

    Attributes:
        taxon_ids: int64 [T], unique. "Life" (48460) may be among them.
        parent_ids: int64 [T]; 0 for Life and for kingdoms without it.
        rank_levels: float32 [T].
        ranks: iNaturalist's names of the ranks, length T.
        names: scientific names, length T.
        active: bool [T]; an inactive taxon has been merged, split or dropped.
    """

    taxon_ids: npt.NDArray[np.int64]
    parent_ids: npt.NDArray[np.int64]
    rank_levels: npt.NDArray[np.float32]
    ranks: Sequence[str]
    names: Sequence[str]
    active: npt.NDArray[np.bool_]


NO_OBSERVER_NAMES = (
    "CREATE OR REPLACE TEMP VIEW observer_name AS "
    "SELECT '' AS observer, '' AS login, '' AS name LIMIT 0"
)
"""Makes the view of a format whose rows name their observers themselves."""


def photos_beside(path: Path) -> Path | None:
    """Returns the directory named `photos` in a source's directory, or beside its file, if any."""
    found = (path if path.is_dir() else path.parent) / PHOTOS_FOLDER
    return found if found.is_dir() else None


class TableSource(Protocol):
    """A table of observations with photos."""

    @property
    def path(self) -> Path:
        """What the user gave."""

    @property
    def format(self) -> Format:
        """Its format."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is read, in a fixed order."""

    @property
    def photos_dir(self) -> Path | None:
        """Directory named `photos` beside the tables, if there is one."""

    def taxa(self, connection: DuckDBPyConnection) -> TaxaTable:
        """Returns the taxa.

        Raises:
            DataError: with all faults: double ids, unknown parents, loops, unknown ranks.
        """

    @property
    def moved_taxa(self) -> list[str]:
        """Taxa that rows place in more than one way, as "genus Coccinella"; known once read.

        Empty where a table of taxa says where they stand.
        """

    def create_views(self, connection: DuckDBPyConnection) -> None:
        """Makes the views `candidate` and `observer_name`.

        Whoever wants some taxa only makes the table `database.TAXON_ROLE` of them before; a source
        with large tables then leaves the rows of all others out of `candidate` early. The selection
        always does; what only looks at a source has no such table, and gets every row.

        Raises:
            DataError: if a file is missing, or lacks columns.
        """

    def check(self, connection: DuckDBPyConnection) -> None:
        """Raises, once the views were read to their end, what their rows had wrong.

        Raises:
            DataError: with file, row and column of the first 20 faults, and the count of the rest.
        """
