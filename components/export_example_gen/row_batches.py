"""Rows on their way between workers, packed by the hundred.

A shuffle that carried every row by itself would cost more than reading its photo's header: a Beam
element, a key and a dozen objects a row. Rows go in batches instead, each to a bucket of some ten
thousand rows that one worker looks at together; a batch is one element of a few kilobytes.

    batches = in_buckets(rows, lambda row: bucket_of(row.placed.row.photo_id, 16))
    for bucket, batch in batches: ...
    unpack(batch)                      # list[Located]
"""

from __future__ import annotations

import pickle
import zlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import fields
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from components.export_example_gen.shards import photo_hash, stretch_of
from components.export_example_gen.splits import Placed
from schemas.photo_row import PhotoRow
from schemas.spatial_row import SpatialRow

ROWS_PER_BUCKET = 30_000
"""Rows that one worker holds at a time, about: some 20 MB."""

MIN_BUCKETS = 4
"""So that a small export is worth a second worker, too."""

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")

_photo_cells = attrgetter(*(field.name for field in fields(PhotoRow)))
_spatial_cells = attrgetter(*(field.name for field in fields(SpatialRow)))


class Found(NamedTuple):
    """A photo's file.

    Attributes:
        path: where it is; None if there is none.
        probe: see `placeholder.probe_key`; 0 if it was not made.
    """

    path: str | None
    probe: int


class Located(NamedTuple):
    """A row with what the export and the disk know besides.

    Attributes:
        placed: the row and its split.
        spatial: its place and date; None if unknown.
        found: its file; None if nobody looked for it yet.
    """

    placed: Placed
    spatial: SpatialRow | None
    found: Found | None = None


def bucket_count(rows: int) -> int:
    """Returns how many buckets to divide `rows` rows into."""
    return max(MIN_BUCKETS, -(-rows // ROWS_PER_BUCKET))


def bucket_of(key: int, count: int) -> int:
    """Returns the bucket that an id belongs to, 0..count-1."""
    return stretch_of(photo_hash(key), count)


def in_buckets(
    items: Iterable[Item], key: Callable[[Item], Key], pack: Callable[[list[Item]], bytes]
) -> Iterator[tuple[Key, bytes]]:
    """Yields (key, its items packed), each key once, in order of appearance."""
    buckets: defaultdict[Key, list[Item]] = defaultdict(list)
    for item in items:
        buckets[key(item)].append(item)
    for bucket, content in buckets.items():
        yield bucket, pack(content)


def pack(rows: list[Located]) -> bytes:
    """Returns rows as bytes, for `unpack`."""
    return _dump(
        [
            (
                row.placed.split,
                _photo_cells(row.placed.row),
                None if row.spatial is None else _spatial_cells(row.spatial),
                None if row.found is None else tuple(row.found),
            )
            for row in rows
        ]
    )


def unpack(batch: bytes) -> list[Located]:
    """Returns the rows in a batch."""
    return [
        Located(
            Placed(split, PhotoRow(*cells)),
            None if place is None else SpatialRow(*place),
            None if found is None else Found(*found),
        )
        for split, cells, place, found in _load(batch)
    ]


def pack_places(places: list[SpatialRow]) -> bytes:
    """Returns places as bytes, for `unpack_places`."""
    return _dump([_spatial_cells(place) for place in places])


def unpack_places(batch: bytes) -> list[SpatialRow]:
    """Returns the places in a batch."""
    return [SpatialRow(*cells) for cells in _load(batch)]


def _dump(cells: list[Any]) -> bytes:
    # Plain tuples: a pickled dataclass costs ten times as much. Level 1 thirds the size.
    return zlib.compress(pickle.dumps(cells, protocol=5), 1)


def _load(batch: bytes) -> list[Any]:
    cells: list[Any] = pickle.loads(zlib.decompress(batch))
    return cells
