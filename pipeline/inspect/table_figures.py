"""Figures of a table of observations, counted by DuckDB from the narrow rows of `seen`.

counted = count_rows(connection)
count_by(connection, "license")      # (Count('CC-BY-NC', 120), Count(None, 4))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from duckdb import DuckDBPyConnection

from pipeline.inspect.identified_taxa import IdentifiedTaxa
from pipeline.inspect.inspection import Count, Leak, PhotosOnDisk, Places
from pipeline.inspect.known_taxa import commonest
from pipeline.inspect.photo_sample import MISSING_SHOWN, PhotoLooks
from schemas.errors import DataError
from schemas.photo_store import PhotoKey, PhotoStore

EXAMPLES_SHOWN = 3

_FETCHED_ROWS = 4096


@dataclass(frozen=True)
class Counted:
    """Counts over the rows.

    Attributes:
        photos: rows.
        observations: different ones.
        observers: different ones.
        without_taxon: rows of observations that nobody identified.
        unlicensed: rows without a licence: all rights reserved.
        captive: rows of captive or cultivated organisms.
    """

    photos: int
    observations: int
    observers: int
    without_taxon: int
    unlicensed: int
    captive: int


def count_rows(connection: DuckDBPyConnection) -> Counted:
    """Returns the counts."""
    photos, untaxed, unlicensed, captive = _row(
        connection,
        """SELECT count(*), count(*) FILTER (taxon_id IS NULL),
                  count(*) FILTER (license IS NULL), count(*) FILTER (captive) FROM seen""",
    )
    # Grouping goes to disk where it must; a distinct count over all rows at once would not.
    (observations,) = _row(
        connection, "SELECT count(*) FROM (SELECT DISTINCT observation FROM seen)"
    )
    (observers,) = _row(
        connection,
        "SELECT count(*) FROM (SELECT DISTINCT observer FROM seen WHERE NOT is_anonymous)",
    )
    return Counted(photos, observations, observers, untaxed, unlicensed, captive)


def count_by(connection: DuckDBPyConnection, column: str) -> tuple[Count, ...]:
    """Returns photos by the values of a column, commonest first."""
    rows = connection.execute(f"SELECT {column}, count(*) FROM seen GROUP BY ALL").fetchall()
    return commonest(dict(rows))


def places(connection: DuckDBPyConnection, observations: int) -> Places | None:
    """Returns what is known of place and date; None if nothing is.

    Args:
        connection: with the table `seen`.
        observations: how many there are.
    """
    of_observations = """SELECT observation, max(has_place) AS has_place, min(year) AS year
        FROM seen GROUP BY observation"""
    rows = connection.execute(
        f"SELECT year, count(*), count(*) FILTER (has_place) FROM ({of_observations}) GROUP BY year"
    ).fetchall()
    known = sum(row[2] for row in rows)
    years = tuple(Count(f"{year:04d}", count) for year, count, _ in _dated(rows))
    return Places(known, observations, years) if known or years else None


def doubled_photos(connection: DuckDBPyConnection, identified: IdentifiedTaxa) -> tuple[Leak, ...]:
    """Returns the photos that stand on several observations, none if there are none.

    Args:
        connection: with the table `seen`.
        identified: names the taxa.
    """
    doubled = """SELECT photo_id FROM seen GROUP BY photo_id
        HAVING min(observation) <> max(observation)"""
    connection.execute(f"CREATE TEMP TABLE doubled AS {doubled}")
    (count,) = _row(connection, "SELECT count(*) FROM doubled")
    if not count:
        return ()
    rows = connection.execute(
        f"""SELECT photo_id, count(DISTINCT observation), list(DISTINCT taxon_id)
        FROM seen WHERE photo_id IN (SELECT photo_id FROM doubled ORDER BY ALL LIMIT
        {EXAMPLES_SHOWN}) GROUP BY photo_id ORDER BY photo_id"""
    ).fetchall()
    examples = (
        f"photo {photo_id}: {observations} observations "
        f"({', '.join(sorted(map(identified.name, taxon_ids or [None])))})"
        for photo_id, observations, taxon_ids in rows
    )
    return (Leak("photos on several observations", count, tuple(examples)),)


def photos_on_disk(
    connection: DuckDBPyConnection, photos_dir: Path | None, sample_size: int | None
) -> tuple[PhotosOnDisk | None, DataError | None]:
    """Returns which photos are on disk, and why looking was forbidden, if it was.

    Without rows there is nothing to look for.

    Args:
        connection: with the table `seen`.
        photos_dir: the store; None if there is none, so that no photo is there.
        sample_size: photos to look for; None for all.
    """
    (photos,) = _row(connection, "SELECT count(*) FROM seen")
    if not photos:
        return None, None
    if photos_dir is None:
        first = connection.execute(
            f"SELECT DISTINCT photo_id FROM seen ORDER BY photo_id LIMIT {MISSING_SHOWN}"
        ).fetchall()
        return PhotosOnDisk(photos, 0, photos, tuple(row[0] for row in first)), None
    looks = PhotoLooks(PhotoStore(photos_dir.parent), None)
    for key in _keys(connection, sample_size):
        looks.see(key)
    result = looks.result()
    return result and replace(result, photos=photos), looks.refusal


def _keys(connection: DuckDBPyConnection, sample_size: int | None) -> Iterator[PhotoKey]:
    """A hash orders photos at random, and equally each time."""
    chosen = "" if sample_size is None else f"ORDER BY hash(photo_id), photo_id LIMIT {sample_size}"
    answer = connection.execute(f"SELECT photo_id, extension FROM seen {chosen}")
    while rows := answer.fetchmany(_FETCHED_ROWS):
        yield from (PhotoKey(photo_id, extension) for photo_id, extension in rows)


def _dated(rows: list[tuple[int | None, int, int]]) -> list[tuple[int, int, int]]:
    return sorted((year, count, known) for year, count, known in rows if year is not None)


def _row(connection: DuckDBPyConnection, sql: str) -> tuple[int, ...]:
    return tuple(int(value) for value in connection.execute(sql).fetchall()[0])
