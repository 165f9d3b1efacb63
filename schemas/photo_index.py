"""One row a photo that became a record: what it was, where it lay, whom to credit, its hashes.

ExportExampleGen writes it beside the records, a Parquet file for each file of records. Lineage,
attribution and the search for near-duplicates read it, and never the records, whose photos are a
thousand times larger.

    <uri>/Split-train/index-00000-of-00012.parquet

    for table in read_index(uri, "train", ["photo_id", "phash"]):
        table["phash"].to_numpy()
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import DataError

SCHEMA = pa.schema(
    [
        # iNaturalist's photo id.
        pa.field("photo_id", pa.int64(), nullable=False),
        # The observation; the photo id where the export knows no observations.
        pa.field("observation_id", pa.int64(), nullable=False),
        pa.field("observation_uuid", pa.string()),
        # The leaf taxon that the photo trains.
        pa.field("taxon_id", pa.int64(), nullable=False),
        # Row of the split file, the header being row 1.
        pa.field("row_number", pa.int64(), nullable=False),
        # The file, relative to the export's directory (absolute if it lies elsewhere).
        pa.field("path", pa.string(), nullable=False),
        pa.field("photo_url", pa.string()),
        # Hex SHA-256 of the file's bytes as they lie on disk.
        pa.field("sha256", pa.string(), nullable=False),
        # 64-bit perceptual hash of the upright photo (imagehash.phash), most significant bit first.
        pa.field("phash", pa.uint64(), nullable=False),
        pa.field("license", pa.string()),
        pa.field("rights_holder", pa.string()),
        pa.field("observer", pa.string()),
    ]
)
"""Columns of an index file."""

WRITING_PREFIX = "writing-"
"""What the name of a file begins with that is not whole yet."""


class IndexRow(NamedTuple):
    """One row of an index file; the fields are the columns of SCHEMA."""

    photo_id: int
    observation_id: int
    observation_uuid: str | None
    taxon_id: int
    row_number: int
    path: str
    photo_url: str | None
    sha256: str
    phash: int
    license: str | None
    rights_holder: str | None
    observer: str | None


def index_file(directory: Path, split: str, number: int, of: int) -> Path:
    """Returns the path of one index file of a split."""
    return directory / f"Split-{split}" / f"index-{number:05d}-of-{of:05d}.parquet"


def index_files(directory: Path, split: str) -> list[Path]:
    """Returns the index files of a split that are there, in order."""
    return sorted((directory / f"Split-{split}").glob("index-*.parquet"))


def write_index(rows: Sequence[IndexRow], path: Path) -> None:
    """Writes one index file; it bears its name only when it is whole.

    The same rows give the same bytes.
    """
    columns = zip(*rows, strict=True) if rows else [()] * len(SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    path.parent.mkdir(parents=True, exist_ok=True)
    writing = path.with_name(f"{WRITING_PREFIX}{os.getpid()}-{path.name}")
    pq.write_table(pa.table(arrays, schema=SCHEMA), writing, compression="zstd")
    writing.rename(path)


def read_index(
    directory: Path, split: str, columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """Yields the index of a split, a table a file, so that memory does not grow with the split.

    Args:
        directory: of a PhotoIndex artifact.
        split: name of the split; one without photos yields nothing.
        columns: names of the columns wanted; all of SCHEMA for None.

    Raises:
        DataError: if a file cannot be read or lacks columns.
    """
    names = list(columns) if columns is not None else SCHEMA.names
    for path in index_files(directory, split):
        try:
            # Not `read_table`, which takes directories named key=value for columns.
            table = pq.ParquetFile(path).read(columns=names)
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(
                path, problem=f"cannot be read: {error}.", remedy="Run ExportExampleGen again."
            ) from error
        missing = [name for name in names if name not in table.column_names]
        if missing:
            raise DataError(
                path,
                problem=f"lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}.",
                remedy="Run ExportExampleGen again.",
            )
        yield table
