"""One row a photo that became a record: what it was, where it lay, whom to credit, its hashes.

ExportExampleGen writes it beside the records, a Parquet file for each file of records. Lineage,
attribution and the search for near-duplicates read it, and never the records, whose photos are a
thousand times larger.

    <uri>/Split-train/index-00000-of-00012.parquet
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

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


def index_file(directory: Path, split: str, number: int, of: int) -> Path:
    """Returns the path of one index file of a split."""
    return directory / f"Split-{split}" / f"index-{number:05d}-of-{of:05d}.parquet"


def index_files(directory: Path, split: str) -> list[Path]:
    """Returns the index files of a split that are there, in order."""
    return sorted((directory / f"Split-{split}").glob("index-*.parquet"))
