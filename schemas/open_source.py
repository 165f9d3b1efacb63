"""Which of iNaturalist's formats lies in a directory or file, and its reader.

Formats are told apart by the names of files and by their first line or first keys. Two formats in
one directory are refused rather than guessed between.

    detect_format("inat2021/train_mini.json")           # 'competition'
    source = open_source("vision-export-20250216070017")
    source.description                                  # 'vision export, columns of 2022'
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Literal, get_args

from schemas.competition_export import CompetitionExport
from schemas.competition_files import VAL_FILES
from schemas.errors import ConfigError, DataError, did_you_mean
from schemas.format_clues import (
    file_format,
    formats_in,
    is_part_of_vision_export,
    near_miss,
)
from schemas.source import Format, Source
from schemas.vision_export import TAXONOMY_FILES, VisionExport

LOOKED_FOR: dict[Format, str] = {
    "vision": f"{' or '.join(TAXONOMY_FILES)}, and train_data.csv",
    "competition": f"a JSON with images and annotations ({', '.join(VAL_FILES)})",
    "open-data": "observations.csv or .csv.gz parted by tabs, or inaturalist-open-data-*.tar.gz",
    "observations-csv": "a .csv or .zip whose header has id and image_url",
    "darwin-core": "a .zip or directory with meta.xml, or with observations.csv and media.csv",
}
"""What tells each format, for people."""

_TABLE_OPTIONS: dict[Format, str] = {
    "open-data": "--open-data",
    "observations-csv": "--observations",
    "darwin-core": "--darwin-core",
}
"""Options of `fieldmark build-export` that take a table."""

_FILES_SHOWN = 8
_NEIGHBOURS_TRIED = 50


def open_source(path: str | PathLike[str], format: Format | Literal["auto"] = "auto") -> Source:
    """Opens an export that has splits and leaves of its own.

    Args:
        path: its directory; for the competition's sets also the train JSON.
        format: what it is; "auto" looks.

    Raises:
        ConfigError: if there is nothing, the format is unknown or ambiguous, or it is a table of
            observations, which has no splits.
        DataError: if nothing known lies there, or files are missing or faulty.
    """
    allowed = ("auto", *get_args(Format))
    if format not in allowed:
        raise ConfigError(
            f"Unknown format. Allowed: {', '.join(allowed)}. Received: {format!r}."
            f"{did_you_mean(format, allowed)}"
        )
    found = detect_format(path) if format == "auto" else format
    if found == "vision":
        return VisionExport.open(path)
    if found == "competition":
        return CompetitionExport.open(path)
    raise ConfigError(
        f"{str(path)!r} is a table of observations ({found}), which has no splits to train from. "
        f"`fieldmark build-export {_TABLE_OPTIONS[found]} {path} --out DIR` selects an export of "
        f"it; `fieldmark run --export {path}` does so by itself."
    )


def detect_format(path: str | PathLike[str]) -> Format:
    """Returns the format of what lies at a path.

    A vision export with a file missing still counts as one: its reader says what is missing.

    Raises:
        ConfigError: if there is nothing, or two formats lie in one directory.
        DataError: if nothing known lies there, or a file cannot be read.
    """
    given = Path(path)
    if not given.exists():
        raise ConfigError(
            f"The export {str(path)!r} does not exist. Expected a directory or file in one of "
            f"the formats {', '.join(LOOKED_FOR)}."
        )
    found = _formats_at(given)
    if len(found) > 1:
        raise ConfigError(
            f"{str(path)!r} holds exports of several formats: {', '.join(found)}. Say which one "
            "is meant with the setting export.format, or give each a directory of its own."
        )
    if found:
        return found[0]
    if given.is_dir() and is_part_of_vision_export(given):
        return "vision"
    raise _unknown(given)


def _formats_at(path: Path) -> list[Format]:
    if path.is_dir():
        return formats_in(path)
    found = file_format(path)
    return [found] if found else []


def _unknown(path: Path) -> DataError:
    sought = "; ".join(f"{name}: {words}" for name, words in LOOKED_FOR.items())
    found = f"Found: {_contents(path)}. " if path.is_dir() else ""
    return DataError(
        path,
        problem=f"is no export that Fieldmark knows. Looked for {sought}. {found}".rstrip(),
        remedy=near_miss(path) or _neighbour(path) or "Give the directory or file of one of these.",
    )


def _contents(directory: Path) -> str:
    names = sorted(path.name + ("/" if path.is_dir() else "") for path in directory.iterdir())
    more = f" and {len(names) - _FILES_SHOWN:,} more" if len(names) > _FILES_SHOWN else ""
    return ", ".join(names[:_FILES_SHOWN]) + more if names else "nothing"


def _neighbour(path: Path) -> str:
    """Returns a hint at the export around or just below a path, "" if there is none."""
    around = [path.parent] if path.is_file() else sorted(filter(Path.is_dir, path.iterdir()))
    for candidate in around[:_NEIGHBOURS_TRIED]:
        found = formats_in(candidate)
        if found:
            return f"Did you mean {str(candidate)!r} ({' or '.join(found)})?"
    return ""
