"""What lies at a path, read whatever format it has.

with live_progress(sys.stderr) as live:
    inspection = inspect(Path("export"), progress=live)
inspection.faults                        # () if a run would take it
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pipeline.inspect.inspection import Inspection
from pipeline.inspect.live_progress import LiveProgress
from pipeline.inspect.photo_sample import SAMPLE_SIZE
from pipeline.inspect.readable_export import readable_export
from pipeline.inspect.split_export import inspect_splits
from schemas.open_source import detect_format, open_source
from schemas.source import SPLIT_FORMATS, Format


def inspect(
    path: Path,
    *,
    format: Format | Literal["auto"] = "auto",
    sample_size: int | None = SAMPLE_SIZE,
    work_dir: Path | None = None,
    progress: LiveProgress,
) -> Inspection:
    """Returns what lies at a path.

    Args:
        path: directory or file of an export, or of a table of observations.
        format: what it is; "auto" looks.
        sample_size: photos to look for on disk; None for all.
        work_dir: where a table is read through a database on disk; a temporary one if None.
        progress: is told how far the reading is.

    Raises:
        ConfigError: if there is nothing, or two formats lie in one directory.
        DataError: if no file of it can be read.
    """
    found = detect_format(path) if format == "auto" else format
    if found == "vision":
        export, faults = readable_export(path)
        return inspect_splits(
            export, str(path), faults=faults, sample_size=sample_size, progress=progress
        )
    if found in SPLIT_FORMATS:
        return inspect_splits(
            open_source(path, found), str(path), sample_size=sample_size, progress=progress
        )
    from pipeline.inspect.observation_table import inspect_table

    return inspect_table(path, found, sample_size=sample_size, work_dir=work_dir, progress=progress)
