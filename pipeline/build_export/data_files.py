"""train_data.csv, val_data.csv, test_data.csv and spatial_data.csv of an export.

Laws: rows are sorted by leaf class, by the place of the observation in its leaf, and by the photo's
position in the observation, so that they do not depend on threads; cells have no comma and no line
end, since the format has no quoting.

Columns are iNaturalist's, and at the end whom to credit. `community` is 1 for research grade, where
the observation's taxon is what the community agreed on. An observation that has only a UUID gets
the smallest of its photo ids as its id. spatial_data.csv has a row for each observation in a split
whose place is known.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from duckdb import DuckDBPyConnection

from pipeline.build_export.candidates import observation_uuid
from pipeline.build_export.database import OnProgress, put_table, run
from pipeline.build_export.export_taxonomy import ExportTaxonomy
from pipeline.build_export.tab_separated import literal
from schemas.record import SPLITS
from schemas.vision_export import SPATIAL_FILE, split_file

OPEN_DATA_PHOTOS = "https://inaturalist-open-data.s3.amazonaws.com/photos"

_OBSERVATION = "coalesce(p.observation_id, k.first_photo)"
_COMMUNITY = "(p.quality_grade = 'research')::TINYINT"
_PLACED = "p.latitude BETWEEN -90 AND 90 AND p.longitude BETWEEN -180 AND 180"
# An observation's row is that of its first photo, whichever of its photos are taken.
_SPATIAL = f"photo p JOIN pick k ON p.photo_id = k.first_photo WHERE {_PLACED}"


def select_photos(connection: DuckDBPyConnection, on_progress: OnProgress | None = None) -> None:
    """Makes the tables `selected`, a row a photo in a split, and `credit`, a row an observer.

    An observation's photos are taken in the order in which its observer put them.
    """
    # Few observations have more photos than are taken; only theirs are put in order.
    run(
        connection,
        """CREATE TABLE not_taken AS
        SELECT photo_id FROM photo JOIN pick k USING (observation_key) WHERE k.photos > k.take
        QUALIFY row_number() OVER (
            PARTITION BY observation_key ORDER BY position NULLS LAST, photo_id
        ) > k.take""",
        "choosing among the photos of an observation",
        on_progress,
    )
    run(
        connection,
        f"""CREATE TABLE selected AS
        SELECT p.photo_id, p.position, p.photo_url, p.extension, p.license, p.rights_holder,
               p.observer, p.taxon_id, k.leaf, k.split, k.place,
               {_OBSERVATION} AS observation_id, {_COMMUNITY} AS community,
               p.{observation_uuid(connection)} AS observation_uuid
        FROM photo p JOIN pick k USING (observation_key)
        WHERE p.photo_id NOT IN (FROM not_taken)""",
        "taking the photos",
        on_progress,
    )
    run(
        connection,
        f"""CREATE TABLE credit AS
        SELECT observer, {_plain("min(login)")} AS login, {_plain("min(name)")} AS name
        FROM observer_name
        WHERE observer IN (SELECT observer FROM selected) GROUP BY observer""",
        "looking up the observers",
        on_progress,
    )


def write_data_files(
    connection: DuckDBPyConnection,
    taxonomy: ExportTaxonomy,
    directory: Path,
    on_progress: OnProgress | None = None,
) -> None:
    """Writes the four files.

    Args:
        connection: with the tables of `select_photos`.
        taxonomy: of the export.
        directory: where to.
    """
    leaves = taxonomy.leaves
    put_table(
        connection,
        "leaf_row",
        {
            "leaf": np.arange(len(leaves), dtype=np.int32),
            "leaf_taxon": np.array([row.taxon_id for row in leaves], np.int64),
            "iconic": _classes([row.iconic_class_id for row in leaves]),
            "spatial": _classes([row.spatial_class_id for row in leaves]),
        },
    )
    for split in SPLITS:
        file = split_file(split)
        run(
            connection,
            _copy(_data_rows(split), directory / file),
            f"writing {file}",
            on_progress,
        )
    run(
        connection,
        _copy(_SPATIAL_ROWS, directory / SPATIAL_FILE),
        f"writing {SPATIAL_FILE}",
        on_progress,
    )


def selected_counts(
    connection: DuckDBPyConnection, num_leaves: int
) -> dict[str, npt.NDArray[np.int64]]:
    """Returns int64 [N] by name: photos of each leaf in train, val and test, and observations and
    places (rows of spatial_data.csv) of all splits together.
    """
    counts = {name: np.zeros(num_leaves, np.int64) for name in (*SPLITS, "observations", "places")}
    for split in SPLITS:
        _count_leaves(connection, f"selected WHERE split = '{split}'", counts[split])
    _count_leaves(connection, "pick", counts["observations"])
    _count_leaves(connection, _SPATIAL, counts["places"])
    return counts


def _count_leaves(connection: DuckDBPyConnection, rows: str, counts: npt.NDArray[np.int64]) -> None:
    answer = connection.execute(
        f"SELECT leaf, count(*) AS n FROM {rows} GROUP BY leaf"
    ).fetchnumpy()
    counts[answer["leaf"]] = answer["n"]


def _data_rows(split: str) -> str:
    url = (
        f"coalesce({_plain('s.photo_url')}, concat('{OPEN_DATA_PHOTOS}/', s.photo_id, "
        f"'/medium.', coalesce({_plain('s.extension')}, 'jpg')))"
    )
    # Cells are written out after the sort: it is cheaper to sort ids than URLs.
    return f"""SELECT s.photo_id, {url} AS photo_url, s.observation_id, s.leaf AS leaf_class_id,
        nullif(s.iconic, -1) AS iconic_class_id, s.leaf_taxon AS taxon_id,
        s.taxon_id AS obs_taxon_id, s.community, s.observation_uuid,
        {_plain("s.license")} AS license,
        coalesce({_plain("s.rights_holder")}, s.name, s.login) AS rights_holder,
        coalesce(s.login, {_plain("s.observer")}) AS observer
    FROM (
        SELECT s.*, l.* EXCLUDE (leaf), c.login, c.name
        FROM selected s JOIN leaf_row l USING (leaf) LEFT JOIN credit c ON c.observer = s.observer
        WHERE s.split = '{split}'
        ORDER BY s.leaf, s.place, s.position NULLS LAST, s.photo_id
    ) s"""


def _number(column: str) -> str:
    """A number without the needless ".0"."""
    whole = f"{column}::BIGINT"
    return f"CASE WHEN {column} = {whole} THEN {whole}::VARCHAR ELSE {column}::VARCHAR END"


def _plain(text: str) -> str:
    """A text without what the format cannot carry."""
    return f"replace(replace(replace({text}, ',', ''), chr(10), ''), chr(13), '')"


_SPATIAL_ROWS = f"""SELECT {_OBSERVATION} AS observation_id,
        {_number("p.latitude")} AS latitude, {_number("p.longitude")} AS longitude,
        p.observed_on::VARCHAR AS observed_on, k.leaf AS leaf_class_id,
        nullif(l.iconic, -1) AS iconic_class_id, nullif(l.spatial, -1) AS spatial_class_id,
        l.leaf_taxon AS taxon_id, p.taxon_id AS obs_taxon_id, {_COMMUNITY} AS community,
        p.captive::INTEGER AS captive, p.positional_accuracy
    FROM {_SPATIAL.replace(" WHERE", " JOIN leaf_row l USING (leaf) WHERE")}
    ORDER BY k.leaf, k.place, k.split"""


def _copy(sql: str, path: Path) -> str:
    return (
        f"COPY ({sql}) TO {literal(str(path))} "
        "(FORMAT csv, HEADER true, DELIMITER ',', QUOTE '', ESCAPE '')"
    )


def _classes(classes: list[int | None]) -> npt.NDArray[np.int64]:
    """Class ids as an array, -1 where there is none."""
    return np.array([-1 if number is None else number for number in classes], np.int64)
