"""A vision export opened as far as it can be, for a run would refuse it whole.

Law: what `VisionExport.open` refuses is a fault to show; the files that can be read are read.

    export, faults = readable_export(Path("half-an-export"))
"""

from __future__ import annotations

from pathlib import Path

from pipeline.inspect.file_faults import faults_of
from pipeline.inspect.inspection import FileFaults
from schemas.csv_rows import read_header, require_columns
from schemas.errors import DataError
from schemas.photo_row import Generation, generation_of
from schemas.record import SPLITS
from schemas.spatial_row import SPATIAL_COLUMNS
from schemas.vision_export import SPATIAL_FILE, TAXONOMY_FILES, VisionExport, split_file


def readable_export(directory: Path) -> tuple[VisionExport, list[FileFaults]]:
    """Returns the export with the files that can be read, and what is wrong with the others.

    Raises:
        ConfigError: if there is no such directory.
        DataError: if no split can be read.
    """
    try:
        return VisionExport.open(directory), []
    except DataError as error:
        refusal = error
    faults = [faults_of(refusal)]
    splits: dict[str, Path] = {}
    headers: dict[str, tuple[str, ...]] = {}
    generations: list[Generation] = []
    for split in SPLITS:
        path = directory / split_file(split)
        if not path.is_file():
            continue
        try:
            header = read_header(path)
            generations.append(generation_of(path, header))
        except DataError as error:
            faults.append(faults_of(error))
        else:
            splits[split], headers[split] = path, header
    if not splits:
        raise refusal
    spatial = _readable_places(directory / SPATIAL_FILE, faults)
    taxonomy = [path for name in TAXONOMY_FILES if (path := directory / name).is_file()]
    export = VisionExport(
        directory=directory,
        generation=generations[0],
        taxonomy_path=(taxonomy or [directory / TAXONOMY_FILES[0]])[0],
        split_paths=splits,
        headers=headers,
        spatial_path=spatial,
    )
    return export, list(dict.fromkeys(faults))


def _readable_places(path: Path, faults: list[FileFaults]) -> Path | None:
    if not path.is_file():
        return None
    try:
        require_columns(path, read_header(path), SPATIAL_COLUMNS)
    except DataError as error:
        faults.append(faults_of(error))
        return None
    return path
