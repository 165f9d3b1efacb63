"""Which observations of a leaf go to train, val and test.

Laws:
 - observations are taken in the order of a keyed hash of (seed, observation), which is the same on
   every machine and in every version of DuckDB: the last 8 bytes of MD5, little-endian;
 - test is filled to its minimum, val to its minimum, train to its maximum, then test and val to
   their maxima; val and test take 1 photo of an observation, train at most k;
 - an observation is in one split of one leaf; split by observer, so is an observer, across all
   leaves: a hash of (seed, observer) gives train, val and test shares like their minima;
 - a leaf with fewer photos than the minima (only where the taxonomy is another export's) shares its
   observations out in the proportion of the minima.

Table made: `pick`, a row an observation: observation_key, leaf, split, place (in its leaf), photos
(that it has), take (how many of them are taken), first_photo (the smallest id).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from duckdb import DuckDBPyConnection

from pipeline.build_export.database import OnProgress, put_table, run
from pipeline.build_export.settings import SelectionSettings

TRAIN, VAL, TEST = "train", "val", "test"


def keyed_hash(seed: int, column: str) -> str:
    """Returns the SQL of an unsigned 64-bit hash of (seed, column)."""
    return f"md5_number_lower(concat({seed}, ':', {column}::VARCHAR))"


def observer_pool(settings: SelectionSettings, column: str = "observer") -> str:
    """Returns the SQL of the split that an observer belongs to."""
    train, val, test = _minima(settings)
    share = f"({keyed_hash(settings.seed, column)} % {train + val + test})"
    return (
        f"CASE WHEN {share} < {train} THEN '{TRAIN}' WHEN {share} < {train + val} THEN '{VAL}' "
        f"ELSE '{TEST}' END"
    )


def held_out(
    histogram: npt.NDArray[np.int64], suffices: npt.NDArray[np.bool_], settings: SelectionSettings
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns the observations of each leaf that go to test and to val before any goes to train.

    Args:
        histogram: int64 [N, k], observations of each leaf with 1, 2, ... k or more photos.
        suffices: bool [N], whether they reach the minima in any order.
        settings: the minima.
    """
    minima = _minima(settings)
    observations = histogram.sum(axis=1)
    test = np.where(suffices, minima[2], observations * minima[2] // sum(minima))
    val = np.where(suffices, minima[1], observations * minima[1] // sum(minima))
    return test, val


def draw(
    connection: DuckDBPyConnection,
    settings: SelectionSettings,
    *,
    leaf_of_node: npt.NDArray[np.int32],
    test_first: npt.NDArray[np.int64],
    val_first: npt.NDArray[np.int64],
    on_progress: OnProgress | None = None,
) -> None:
    """Makes the table `pick`.

    Args:
        connection: with the table `observation`.
        settings: maxima, split unit and seed.
        leaf_of_node: int32 [T], leaf class that each node's observations train; -1 for none.
        test_first: int64 [N], from `held_out`.
        val_first: int64 [N], from `held_out`.
    """
    nodes = np.flatnonzero(leaf_of_node >= 0).astype(np.int32)
    put_table(connection, "leaf_of", {"counts_for": nodes, "leaf": leaf_of_node[nodes]})
    leaves = np.arange(len(test_first), dtype=np.int32)
    put_table(
        connection, "held", {"leaf": leaves, "test_first": test_first, "val_first": val_first}
    )
    by_observer = settings.split_unit == "observer"
    run(
        connection,
        _ordered(settings, observer_pool(settings) if by_observer else "''"),
        "putting the observations of each leaf in order",
        on_progress,
    )
    run(
        connection,
        _by_observer(settings) if by_observer else _by_observation(settings),
        "filling the splits",
        on_progress,
    )


def _ordered(settings: SelectionSettings, pool: str) -> str:
    """A single sort: place of each observation in its leaf (and pool), photos up to and with it.

    No more observations of a leaf can be needed than all maxima together.
    """
    most = settings.train_per_leaf[1] + settings.val_per_leaf[1] + settings.test_per_leaf[1]
    return f"""CREATE TABLE ordered AS
        SELECT observation_key, leaf, pool, photos, first_photo, most,
               (row_number() OVER in_order)::INTEGER AS place,
               (sum(most) OVER in_order)::INTEGER AS through
        FROM (
            SELECT *, least(photos, {settings.photos_per_observation}) AS most, {pool} AS pool,
                   {keyed_hash(settings.seed, "observation_key")} AS hash
            FROM observation JOIN leaf_of USING (counts_for)
        )
        WINDOW in_order AS (
            PARTITION BY leaf, pool ORDER BY hash, observation_key
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
        QUALIFY place <= {most}"""


def _by_observation(settings: SelectionSettings) -> str:
    """Test and val to their minima come first (`held`); train follows, then what is spare."""
    train = settings.train_per_leaf[1]
    return f"""CREATE TABLE pick AS
        WITH held_photos AS (
            SELECT leaf, test_first, val_first, test_first + val_first AS held,
                   coalesce(sum(most) FILTER (place <= test_first + val_first), 0) AS photos_held
            FROM ordered JOIN held USING (leaf) GROUP BY ALL
        ), trained AS (
            SELECT o.* EXCLUDE (pool), h.*  EXCLUDE (leaf), through - most - photos_held AS before
            FROM ordered o JOIN held_photos h USING (leaf)
        ), train_size AS (
            SELECT leaf, count(*) FILTER (place > held AND before < {train}) AS trained
            FROM trained GROUP BY leaf
        ), given AS (
            SELECT *, place - held - trained AS spare,
                   {settings.test_per_leaf[1]} - test_first AS test_more,
                   {settings.val_per_leaf[1]} - val_first AS val_more,
                   CASE WHEN place <= test_first THEN '{TEST}'
                        WHEN place <= held THEN '{VAL}'
                        WHEN before < {train} THEN '{TRAIN}'
                        WHEN spare <= test_more THEN '{TEST}'
                        WHEN spare <= test_more + val_more THEN '{VAL}' END AS split
            FROM trained JOIN train_size USING (leaf)
        )
        SELECT observation_key, leaf, split, place, photos, first_photo,
               CASE WHEN split = '{TRAIN}' THEN least(most, {train} - before) ELSE 1
               END::INTEGER AS take
        FROM given WHERE split IS NOT NULL"""


def _by_observer(settings: SelectionSettings) -> str:
    train, val, test = (
        settings.train_per_leaf[1],
        settings.val_per_leaf[1],
        settings.test_per_leaf[1],
    )
    return f"""CREATE TABLE pick AS
        SELECT observation_key, leaf, pool AS split, place, photos, first_photo,
               CASE WHEN pool = '{TRAIN}' THEN least(most, {train} - (through - most)) ELSE 1
               END::INTEGER AS take
        FROM ordered
        WHERE (pool = '{TRAIN}' AND through - most < {train})
           OR (pool = '{VAL}' AND place <= {val}) OR (pool = '{TEST}' AND place <= {test})"""


def _minima(settings: SelectionSettings) -> tuple[int, int, int]:
    return settings.train_per_leaf[0], settings.val_per_leaf[0], settings.test_per_leaf[0]
