"""train_data.csv, val_data.csv, test_data.csv and spatial_data.csv of an export.

Laws: rows are in the order of the table `selected`; cells have no comma and no line end, since the
format has no quoting.

    write_data_files(connection, directory)

Columns are iNaturalist's, and at the end whom to credit. spatial_data.csv has a row for each
observation in a split whose place is known.
"""

from __future__ import annotations

from pathlib import Path

from duckdb import DuckDBPyConnection

from pipeline.build_export.database import OnProgress, run
from pipeline.build_export.selected_photos import plain
from pipeline.build_export.tab_separated import literal
from schemas.record import SPLITS
from schemas.vision_export import SPATIAL_FILE, split_file

OPEN_DATA_PHOTOS = "https://inaturalist-open-data.s3.amazonaws.com/photos"


def write_data_files(
    connection: DuckDBPyConnection, directory: Path, on_progress: OnProgress | None = None
) -> None:
    """Writes the four files.

    Args:
        connection: with the table of `selected_photos`, and set to preserve the order of rows.
        directory: where to.
        on_progress: told which file is being written.
    """
    rows = {split_file(split): _data_rows(split) for split in SPLITS}
    for file, sql in (rows | {SPATIAL_FILE: _SPATIAL_ROWS}).items():
        run(connection, _copy(sql, directory / file), f"writing {file}", on_progress)


def _data_rows(split: str) -> str:
    url = (
        f"coalesce({plain('photo_url')}, concat('{OPEN_DATA_PHOTOS}/', photo_id, "
        f"'/medium.', coalesce({plain('extension')}, 'jpg')))"
    )
    return f"""SELECT photo_id, {url} AS photo_url, observation_id, leaf AS leaf_class_id,
        iconic AS iconic_class_id, leaf_taxon AS taxon_id, taxon_id AS obs_taxon_id, community,
        observation_uuid, license, rights_holder, observer
    FROM selected WHERE taken AND split = '{split}'"""


def _number(column: str) -> str:
    """A number without the needless ".0"."""
    whole = f"{column}::BIGINT"
    return f"CASE WHEN {column} = {whole} THEN {whole}::VARCHAR ELSE {column}::VARCHAR END"


_SPATIAL_ROWS = f"""SELECT observation_id,
        {_number("latitude")} AS latitude, {_number("longitude")} AS longitude,
        observed_on::VARCHAR AS observed_on, leaf AS leaf_class_id, iconic AS iconic_class_id,
        spatial AS spatial_class_id, leaf_taxon AS taxon_id, taxon_id AS obs_taxon_id, community,
        captive, positional_accuracy
    FROM selected WHERE placed"""


def _copy(sql: str, path: Path) -> str:
    return (
        f"COPY ({sql}) TO {literal(str(path))} "
        "(FORMAT csv, HEADER true, DELIMITER ',', QUOTE '', ESCAPE '')"
    )
