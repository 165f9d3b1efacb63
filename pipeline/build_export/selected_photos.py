"""The photos of the picked observations, in the order in which they are written.

Laws: an observation's photos are taken in the order in which its observer put them; rows are sorted
by leaf class, by the place of the observation in its leaf, and by the photo's position in the
observation, so that they do not depend on threads. They are sorted once for all files: a file is
then a scan of one table.

    select_photos(connection, taxonomy)
    selected_counts(connection, len(taxonomy.leaves))["train"]

Table made: `selected`, a row a photo in a split, or that an observation's place is known by.

    taken          whether it is in a split; a first photo may stand for a place only
    placed         whether it stands for its observation's place, which is known
    leaf, split    of the observation
    observation_*  id and uuid of the observation: one that has only a UUID gets the smallest of its
                   photo ids as its id
    community      1 for research grade, where the taxon is what the community agreed on
    leaf_taxon, iconic, spatial    of the leaf
    rights_holder, observer        whom to credit, by name where the source has it
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from duckdb import DuckDBPyConnection

from pipeline.build_export.candidates import observation_uuid
from pipeline.build_export.database import OnProgress, put_table, run
from pipeline.build_export.export_taxonomy import ExportTaxonomy
from schemas.record import SPLITS

_PLACED = "p.latitude BETWEEN -90 AND 90 AND p.longitude BETWEEN -180 AND 180"


def select_photos(
    connection: DuckDBPyConnection,
    taxonomy: ExportTaxonomy,
    on_progress: OnProgress | None = None,
) -> None:
    """Makes the table `selected` of `photo` and `pick`, and drops `photo`.

    Args:
        connection: with the tables, and the source's view `observer_name`.
        taxonomy: of the export.
        on_progress: told what is being done.
    """
    _put_leaves(connection, taxonomy)
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
        f"""CREATE TABLE credit AS
        SELECT observer, {plain("min(login)")} AS login, {plain("min(name)")} AS name
        FROM observer_name
        WHERE observer IN (SELECT DISTINCT observer FROM photo) GROUP BY observer""",
        "looking up the observers",
        on_progress,
    )
    run(connection, _selected(connection), "taking the photos", on_progress)
    connection.execute("DROP TABLE photo")


def selected_counts(
    connection: DuckDBPyConnection, num_leaves: int
) -> dict[str, npt.NDArray[np.int64]]:
    """Returns int64 [N] by name: photos of each leaf in train, val and test, and observations and
    places (rows of spatial_data.csv) of all splits together.
    """
    counts = {name: np.zeros(num_leaves, np.int64) for name in (*SPLITS, "observations", "places")}
    for split in SPLITS:
        _count_leaves(connection, f"selected WHERE taken AND split = '{split}'", counts[split])
    _count_leaves(connection, "pick", counts["observations"])
    _count_leaves(connection, "selected WHERE placed", counts["places"])
    return counts


def plain(text: str) -> str:
    """Returns the SQL of a text without what the format, which has no quoting, cannot carry."""
    return f"replace(replace(replace({text}, ',', ''), chr(10), ''), chr(13), '')"


def _put_leaves(connection: DuckDBPyConnection, taxonomy: ExportTaxonomy) -> None:
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


def _selected(connection: DuckDBPyConnection) -> str:
    # Ids are sorted, not the cells made of them; those are made when they are written.
    return f"""CREATE TABLE selected AS
        SELECT photo_id NOT IN (FROM not_taken) AS taken,
               coalesce(photo_id = first_photo AND {_PLACED}, false) AS placed,
               k.leaf, k.split, photo_id, p.photo_url, p.extension,
               coalesce(p.observation_id, k.first_photo) AS observation_id,
               p.{observation_uuid(connection)} AS observation_uuid,
               l.leaf_taxon, nullif(l.iconic, -1) AS iconic, nullif(l.spatial, -1) AS spatial,
               p.taxon_id, (p.quality_grade = 'research')::TINYINT AS community,
               {plain("p.license")} AS license,
               coalesce({plain("p.rights_holder")}, c.name, c.login) AS rights_holder,
               coalesce(c.login, {plain("p.observer")}) AS observer,
               p.latitude, p.longitude, p.observed_on, p.captive::INTEGER AS captive,
               p.positional_accuracy
        FROM photo p JOIN pick k USING (observation_key) JOIN leaf_row l USING (leaf)
        LEFT JOIN credit c ON c.observer = p.observer
        WHERE taken OR placed
        ORDER BY k.leaf, k.place, k.split, p.position NULLS LAST, photo_id"""


def _count_leaves(connection: DuckDBPyConnection, rows: str, counts: npt.NDArray[np.int64]) -> None:
    answer = connection.execute(
        f"SELECT leaf, count(*) AS n FROM {rows} GROUP BY leaf"
    ).fetchnumpy()
    counts[answer["leaf"]] = answer["n"]


def _classes(classes: list[int | None]) -> npt.NDArray[np.int64]:
    """Class ids as an array, -1 where there is none."""
    return np.array([-1 if number is None else number for number in classes], np.int64)
