"""The photos that a selection may draw from, read once from the source into the database.

Laws: the source's tables are read once; a photo that stands on several observations is kept with
one, the same whatever the seed; photos of taxa that are out stay in, so that they can be counted.

Tables made:

    photo         a row a photo within the filters and at or below the root
    observation   a row an observation: its taxon, what that counts for (-1 if out), its photos
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from duckdb import DuckDBPyConnection

from pipeline.build_export.database import TAXON_ROLE, OnProgress, put_table, run
from pipeline.build_export.eligible_taxa import TaxonRoles
from pipeline.build_export.settings import SelectionSettings
from pipeline.build_export.tab_separated import literal
from pipeline.build_export.taxon_tree import TaxonTree
from schemas.record import SPLITS

_COLUMNS = (
    "c.photo_id, c.observation_key, c.observation_id, c.observer, c.taxon_id, r.counts_for, "
    "c.quality_grade, c.latitude, c.longitude, c.positional_accuracy, c.observed_on, c.position, "
    "c.extension, c.photo_url, c.license, c.rights_holder, c.captive"
)


@dataclass(frozen=True)
class CandidateCounts:
    """What was read.

    Attributes:
        photos: within the filters and at or below the root, taxa that are out included.
        doubles: rows left out since their photo stands on another observation too.
        observations: that those photos belong to.
        without_observer: photos left out since nobody knows who observed, split by observer.
    """

    photos: int
    doubles: int
    observations: int
    without_observer: int


def put_taxon_roles(connection: DuckDBPyConnection, tree: TaxonTree, roles: TaxonRoles) -> None:
    """Makes the table of wanted taxa, before the source makes its views."""
    inside = np.flatnonzero(roles.inside)
    put_table(
        connection,
        TAXON_ROLE,
        {"taxon_id": tree.taxa.taxon_ids[inside], "counts_for": roles.counts_for[inside]},
    )


def read_candidates(
    connection: DuckDBPyConnection,
    settings: SelectionSettings,
    on_progress: OnProgress | None = None,
) -> CandidateCounts:
    """Makes the tables `photo` and `observation` from the source's view `candidate`.

    Args:
        connection: with the view, and the table of `put_taxon_roles`.
        settings: the filters and the split unit.
        on_progress: told how far it is.

    Raises:
        DataError: if a table of the source cannot be read to its end.
        ConfigError: if memory or disk ran out.
    """
    # Rows need no order here: it costs memory, and all that is written is sorted.
    connection.execute("SET preserve_insertion_order = false")
    # A UUID key is the observation's UUID; its text would be the largest column of all.
    uuid = "" if _key_is_uuid(connection) else ", c.observation_uuid"
    # DuckDB guesses some ten rows for any CSV, and would then hold the largest table in memory to
    # look up the smallest in it. Joined in the order of the SQL, the right side is what is held.
    connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
    run(
        connection,
        f"""CREATE TABLE photo AS SELECT {_COLUMNS}{uuid}
        FROM candidate c JOIN {TAXON_ROLE} r USING (taxon_id)
        WHERE {_filters(settings)}""",
        "reading observations and photos",
        on_progress,
    )
    connection.execute("RESET disabled_optimizers")
    doubles = _drop_doubles(connection, on_progress)
    without_observer = _group_observations(connection, settings, on_progress)
    connection.execute("SET preserve_insertion_order = true")
    return CandidateCounts(
        photos=_count(connection, "photo"),
        doubles=doubles,
        observations=_count(connection, "observation"),
        without_observer=without_observer,
    )


def observation_uuid(connection: DuckDBPyConnection) -> str:
    """Returns the column of `photo` that holds the observation's UUID."""
    stored = "observation_uuid" in _columns(connection)
    return "observation_uuid" if stored else "observation_key"


def histogram(connection: DuckDBPyConnection, num_nodes: int, most: int) -> npt.NDArray[np.int64]:
    """Returns int64 [T, most]: observations of each node with 1, 2, ... `most` or more photos."""
    answer = connection.execute(
        f"""SELECT counts_for, least(photos, {most}) - 1 AS size, count(*) AS observations
        FROM observation WHERE counts_for >= 0 GROUP BY ALL"""
    ).fetchnumpy()
    table = np.zeros((num_nodes, most), np.int64)
    table[answer["counts_for"], answer["size"]] = answer["observations"]
    return table


def pool_counts(
    connection: DuckDBPyConnection, num_nodes: int, most: int, pool: str
) -> dict[str, npt.NDArray[np.int64]]:
    """Returns int64 [T, 2] by split: observations of its observers, and their photos, at most
    `most` an observation, that count for each node.

    Args:
        connection: with the table `observation`, made for splits by observer.
        num_nodes: T.
        most: photos of one observation that training takes.
        pool: SQL of the split that a row's observer belongs to.
    """
    answer = connection.execute(
        f"""SELECT counts_for, {pool} AS pool, count(*) AS observations,
               sum(least(photos, {most}))::BIGINT AS photos
        FROM observation WHERE counts_for >= 0 GROUP BY ALL"""
    ).fetchnumpy()
    tables = {}
    for split in SPLITS:
        mine = answer["pool"] == split
        table = np.zeros((num_nodes, 2), np.int64)
        table[answer["counts_for"][mine]] = np.stack(
            [answer["observations"][mine], answer["photos"][mine]], axis=1
        )
        tables[split] = table
    return tables


def own_counts(
    connection: DuckDBPyConnection, tree: TaxonTree
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns int64 [T] twice: observations identified as each taxon itself, and their photos."""
    answer = connection.execute(
        """SELECT taxon_id, count(*) AS observations, sum(photos)::BIGINT AS photos
        FROM observation GROUP BY ALL"""
    ).fetchnumpy()
    nodes = np.searchsorted(tree.taxa.taxon_ids, answer["taxon_id"])
    observations, photos = np.zeros(len(tree), np.int64), np.zeros(len(tree), np.int64)
    observations[nodes], photos[nodes] = answer["observations"], answer["photos"]
    return observations, photos


def _filters(settings: SelectionSettings) -> str:
    parts = [f"c.quality_grade IN ({', '.join(map(literal, settings.quality_grades))})"]
    if settings.licenses is not None:
        parts.append(f"c.license IN ({', '.join(map(literal, settings.licenses))})")
    if settings.observed_from is not None:
        parts.append(f"c.observed_on >= DATE '{settings.observed_from}'")
    if settings.observed_to is not None:
        parts.append(f"c.observed_on <= DATE '{settings.observed_to}'")
    if settings.bounding_box is not None:
        south, west, north, east = settings.bounding_box
        within = "OR" if west > east else "AND"
        parts.append(f"c.latitude BETWEEN {south!r} AND {north!r}")
        parts.append(f"(c.longitude >= {west!r} {within} c.longitude <= {east!r})")
    if settings.exclude_captive:
        parts.append("c.captive IS NOT TRUE")
    return " AND ".join(parts)


def _drop_doubles(connection: DuckDBPyConnection, on_progress: OnProgress | None) -> int:
    run(
        connection,
        "CREATE TEMP TABLE double AS SELECT photo_id FROM photo GROUP BY ALL HAVING count(*) > 1",
        "looking for photos on several observations",
        on_progress,
    )
    if not (kept := _count(connection, "double")):
        return 0
    of_doubles = "FROM photo WHERE photo_id IN (FROM double)"
    rows = int(connection.execute(f"SELECT count(*) {of_doubles}").fetchall()[0][0])
    # A taxon that is not out goes first; equal keys are rows of one observation given twice.
    connection.execute(
        f"""CREATE TEMP TABLE kept AS SELECT DISTINCT ON (photo_id) * {of_doubles}
        ORDER BY photo_id, counts_for < 0, observation_key, {", ".join(_columns(connection))}"""
    )
    connection.execute(f"DELETE {of_doubles}")
    connection.execute("INSERT INTO photo FROM kept")
    return rows - kept


def _group_observations(
    connection: DuckDBPyConnection, settings: SelectionSettings, on_progress: OnProgress | None
) -> int:
    by_observer = settings.split_unit == "observer"
    known = "WHERE observer IS NOT NULL" if by_observer else ""
    observer = ", min(observer) AS observer" if by_observer else ""
    run(
        connection,
        f"""CREATE TABLE observation AS
        SELECT observation_key, min(taxon_id) AS taxon_id, min(counts_for) AS counts_for,
               count(*)::INTEGER AS photos, min(photo_id) AS first_photo{observer}
        FROM photo {known} GROUP BY observation_key""",
        "counting photos of observations",
        on_progress,
    )
    if not by_observer:
        return 0
    unknown = "SELECT count(*) FROM photo WHERE observer IS NULL"
    return int(connection.execute(unknown).fetchall()[0][0])


def _key_is_uuid(connection: DuckDBPyConnection) -> bool:
    # Asked of the catalogue: to describe the view would look at the files anew.
    found = connection.execute(
        """SELECT data_type FROM duckdb_columns()
        WHERE table_name = 'candidate' AND column_name = 'observation_key'"""
    ).fetchall()
    return str(found[0][0]) == "UUID"


def _columns(connection: DuckDBPyConnection) -> list[str]:
    return [str(row[0]) for row in connection.execute("DESCRIBE photo").fetchall()]


def _count(connection: DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])
