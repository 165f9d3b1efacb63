"""The reader of a table of observations, by format."""

from __future__ import annotations

from pathlib import Path

from pipeline.build_export.table_source import TableSource
from schemas.errors import ConfigError
from schemas.source import Format


def open_table(
    path: Path, format: Format, *, taxa: Path | None = None, work_dir: Path | None = None
) -> TableSource:
    """Returns the source of a table.

    Args:
        path: what the user gave.
        format: open-data, observations-csv or darwin-core.
        taxa: table of taxa; None for the format's own.
        work_dir: where an archive of tables may be unpacked to.

    Raises:
        ConfigError: if taxa are given to a format that has its own.
        DataError: if files are missing.
    """
    if format == "open-data":
        from pipeline.build_export.open_data import OpenDataDump

        if taxa is not None:
            raise ConfigError(
                f"taxa_file is for observations CSVs and Darwin Core archives; the Open Data dump "
                f"brings its own taxa.csv. Received: {str(taxa)!r}."
            )
        return OpenDataDump(path, work_dir)
    if format == "observations-csv":
        from pipeline.build_export.observations_csv import ObservationsCsv

        return ObservationsCsv(path, taxa)
    from pipeline.build_export.darwin_core import DarwinCoreArchive

    return DarwinCoreArchive(path, taxa)
