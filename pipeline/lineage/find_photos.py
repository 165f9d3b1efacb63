"""Where a photo stands in photo indexes and in lists of photos set aside; one scan of each.

found = find_photos([index_a, index_b], photo_id(25))
found[index_a]        # [FoundPhoto(split='train', photo_id=25, ...)]
find_set_aside(list_directory, 25)
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from components.export_example_gen.set_aside import HEADER, SET_ASIDE_FILE
from pipeline.lineage.index_files import IndexFiles, open_duckdb
from pipeline.lineage.photo_question import KNOWS_OBSERVATION, Question
from schemas.errors import DataError

_SELECT = """
SELECT file, photo_id, CASE WHEN {knows} THEN observation_id END, taxon_id, path, row_number,
       {distance} AS distance
FROM photo WHERE {condition}
ORDER BY distance NULLS FIRST, photo_id, file, row_number
"""


@dataclass(frozen=True)
class FoundPhoto:
    """A row of a photo index.

    Attributes:
        split: train, val or test.
        photo_id: iNaturalist's.
        observation_id: None where the export knows no observations.
        taxon_id: the leaf taxon that the photo stands for.
        path: the file, relative to the export's directory.
        row_number: of the split's file, the header being row 1.
        distance: bits between the perceptual hashes; None if it is the very photo.
    """

    split: str
    photo_id: int
    observation_id: int | None
    taxon_id: int
    path: str
    row_number: int
    distance: int | None


@dataclass(frozen=True)
class SetAsidePhoto:
    """A row of a list of photos left out; the fields are its columns."""

    file: str
    row: int
    photo_id: int
    kind: str
    reason: str


def find_photos(indexes: Iterable[Path], question: Question) -> dict[Path, list[FoundPhoto]]:
    """Returns the rows that a question asks for, by index.

    An index with the very photo gives that one alone, and none that only look like it.

    Args:
        indexes: directories of PhotoIndex artifacts; an index without files gives nothing.
        question: which photo.

    Raises:
        DataError: if a file cannot be read.
    """
    files = IndexFiles.of(indexes)
    found: dict[Path, list[FoundPhoto]] = {}
    sql = _SELECT.format(
        knows=KNOWS_OBSERVATION, condition=question.condition, distance=question.distance
    )
    with open_duckdb() as connection:
        for file, *row in files.rows(connection, sql, question.parameters):
            place = files.place_of[file]
            found.setdefault(place.directory, []).append(FoundPhoto(place.split, *row))
    return {index: _very_photo(photos) or photos for index, photos in found.items()}


def knows_observations(index: Path) -> bool:
    """Returns whether any photo of an index has an observation.

    Raises:
        DataError: if a file cannot be read.
    """
    files = IndexFiles.of([index])
    sql = f"SELECT 1 FROM photo WHERE {KNOWS_OBSERVATION} LIMIT 1"
    with open_duckdb() as connection:
        return any(True for _ in files.rows(connection, sql, {}))


def find_set_aside(directory: Path, photo_id: int) -> list[SetAsidePhoto]:
    """Returns the rows of a photo in a list of photos left out.

    Args:
        directory: of a SetAside artifact.
        photo_id: iNaturalist's.

    Raises:
        DataError: if the list cannot be read.
    """
    path, wanted = directory / SET_ASIDE_FILE, str(photo_id)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            return [
                SetAsidePhoto(row["file"], int(row["row"]), photo_id, row["kind"], row["reason"])
                for row in rows
                if row["photo_id"] == wanted
            ]
    except OSError as error:
        problem = f"cannot be read: {error.strerror}."
    except (KeyError, ValueError, csv.Error):
        problem = f"is not a list of photos set aside, with the columns {', '.join(HEADER)}."
    raise DataError(path, problem=problem, remedy="Run the pipeline again to have it written.")


def _very_photo(photos: list[FoundPhoto]) -> list[FoundPhoto]:
    return [photo for photo in photos if photo.distance is None]
