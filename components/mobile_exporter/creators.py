"""Whom the training photos are to be credited to: creators with their photos, by licence.

A row a photo would be gigabytes for 30 million of them; a row a creator and licence is what travels
in a bundle. Counted from the photo index, a file in memory at a time.

    found = creators_of(index_dir)
    content, note = found.packed(max_megabytes=5)   # content of credits.csv.gz, or why not

Law: the photos of all rows are the photos of the train split; the same index gives the same bytes.
"""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from schemas.licence_terms import licence_code, licence_url
from schemas.photo_index import read_index
from schemas.record import SPLITS
from serving.bundle_manifest import CREDITS_FILE

TRAIN = SPLITS[0]
KEYS = ["creator", "license"]


@dataclass(frozen=True, eq=False)
class CreatorCredits:
    """Creators and licences.

    Attributes:
        table: columns creator (null where unknown), license (code; null for none), license_url
            (null where there is none) and photos, int64; sorted.
    """

    table: pa.Table

    @property
    def creators(self) -> int:
        """How many creators are named."""
        return int(pc.count_distinct(self.table["creator"]).as_py())

    def packed(self, max_megabytes: float) -> tuple[bytes | None, str | None]:
        """Returns the content of the bundle's file, and a note for people; None for none.

        Args:
            max_megabytes: of the content, in millions of bytes; more is left out, and noted.
        """
        if not self.creators or not max_megabytes:
            return None, None
        content = self.content()
        if len(content) <= max_megabytes * 1e6:
            return content, None
        return None, (
            f"{CREDITS_FILE} is left out of the bundle: {self.creators:,} creators take "
            f"{len(content) / 1e6:,.2f} MB. Allowed: mobile_export.max_credits_megabytes, "
            f"{max_megabytes:g}. Raise it, or publish what `fieldmark attribution` writes and give "
            "its address as mobile_export.credits."
        )

    def content(self) -> bytes:
        """Returns the table as gzipped CSV; an empty cell is what is not known."""
        text = io.BytesIO()
        pa_csv.write_csv(self.table, text)
        return gzip.compress(text.getvalue(), mtime=0)


def creators_of(index_dir: Path) -> CreatorCredits:
    """Returns whom the train split of a photo index is to be credited to.

    Args:
        index_dir: of a PhotoIndex artifact.

    Raises:
        DataError: if a file of the index cannot be read.
    """
    columns = ["license", "rights_holder", "observer"]
    counted = [_counted(table) for table in read_index(index_dir, TRAIN, columns)]
    schema = pa.schema([("creator", pa.string()), ("license", pa.string()), ("photos", pa.int64())])
    whole = pa.concat_tables([schema.empty_table(), *counted])
    summed = whole.group_by(KEYS).aggregate([("photos", "sum")]).rename_columns([*KEYS, "photos"])
    ordered = summed.sort_by([(key, "ascending") for key in KEYS])
    urls = pa.array([licence_url(code) for code in ordered["license"].to_pylist()], pa.string())
    return CreatorCredits(ordered.add_column(2, "license_url", urls))


def _counted(table: pa.Table) -> pa.Table:
    """Columns creator, license and photos of one file."""
    codes = table["license"].combine_chunks().dictionary_encode()
    known = pa.array([licence_code(text) for text in codes.dictionary.to_pylist()], pa.string())
    named = pa.table(
        {
            "creator": pc.coalesce(_text(table["rights_holder"]), _text(table["observer"])),
            "license": known.take(codes.indices),
        }
    )
    return named.group_by(KEYS).aggregate([([], "count_all")]).rename_columns([*KEYS, "photos"])


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Without blanks around; null for an empty one."""
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(trimmed, ""), None, trimmed)
