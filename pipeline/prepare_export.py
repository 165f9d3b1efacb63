"""From what the user gave to an export with splits, before the pipeline starts.

A vision export and the competition's JSON are taken as they are. Any other format is a table of
observations: an export is built of it (`pipeline.build_export`) under the run's own directory, once
for each table and selection, so that the same command finds it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from components.storage import fetch, is_remote
from pipeline.build_export.build import build_export
from pipeline.build_export.open_table import open_table
from pipeline.config import PipelineConfig
from pipeline.layout import Layout
from schemas.errors import ConfigError
from schemas.open_source import detect_format
from schemas.photo_store import PHOTOS_FOLDER
from schemas.source import SPLIT_FORMATS


def prepare_export(
    config: PipelineConfig, layout: Layout, say: Callable[[str], None]
) -> PipelineConfig:
    """Returns the config with an `export_dir` that has splits.

    Args:
        config: with its `export_dir`, in any format.
        layout: of the run.
        say: takes lines for people.

    Raises:
        ConfigError: if nothing can be read there, the selection does not fit the table, or the
            photos of a new export are not on disk.
        DataError: if the tables have faults.
    """
    if config.export_dir is None:
        raise ConfigError("No export to read. Give --export DIR, or export_dir in the config.")
    given = _local(config.export_dir, layout, say)
    format = config.export.format if config.export.format != "auto" else detect_format(given)
    if format in SPLIT_FORMATS:
        return _with_export(config, given, format)
    table = open_table(
        given,
        format,
        taxa=Path(config.taxa_file).absolute() if config.taxa_file else None,
        work_dir=layout.root / "unpacked",
    )
    out = layout.built_exports / _key(table.files, config)
    say(f"{given} is a table of observations ({format}), without splits: selecting an export")
    built = build_export(table, out, config.selection)
    say(built.words())
    if not (out / PHOTOS_FOLDER).is_dir():
        raise ConfigError(
            f"The export is built, but none of its photos is on disk: {out}. Fetch them with "
            f"`fieldmark fetch-photos {out}`, then give the same command again."
        )
    return _with_export(config, out, "vision")


def _local(place: str, layout: Layout, say: Callable[[str], None]) -> Path:
    """The export's directory; of one in an object store, a copy that later runs go on with."""
    if not is_remote(place):
        return Path(place).absolute()
    copy = layout.root / "fetched" / hashlib.sha256(place.encode()).hexdigest()[:12]
    say(f"copying {place} to {copy}; what is there already is not copied again")
    return fetch(place, copy)


def _with_export(config: PipelineConfig, directory: Path, format: str) -> PipelineConfig:
    export = config.export.model_copy(update={"format": format})
    return config.model_copy(update={"export_dir": str(directory), "export": export})


def _key(files: tuple[Path, ...], config: PipelineConfig) -> str:
    """Changes with the table's files and the selection; no content of gigabytes is read for it."""
    facts = [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    facts += [config.selection.model_dump_json(), str(config.taxa_file)]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]
