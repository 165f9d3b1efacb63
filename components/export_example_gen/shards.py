"""Which file a photo's record goes to, and in which order.

Only rows are shuffled between workers, a few dozen bytes each: a photo's bytes go from its file
straight into the record's. File and order follow a hash of the photo id, so that the records of a
taxon are spread over all files, and the same export gives the same files on any Beam runner. Files
are stretches of the hash's range: rows that were brought together by the same hash need hardly any
second shuffle to be in their files.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")

_HASH_BITS = 64


class Shard(NamedTuple):
    """One TFRecord file of a split."""

    split: str
    number: int
    of: int

    @property
    def file_name(self) -> str:
        """Name of the file inside the split's directory."""
        return f"data_tfrecord-{self.number:05d}-of-{self.of:05d}.gz"


def photo_hash(photo_id: int) -> int:
    """Returns 64 well-mixed bits of a photo id (or of another id)."""
    return int.from_bytes(hashlib.blake2b(str(photo_id).encode(), digest_size=8).digest())


def stretch_of(hashed: int, count: int) -> int:
    """Returns which of `count` equal stretches of the hash's range a hash is in."""
    return hashed * count >> _HASH_BITS


def shard_of(split: str, photo_id: int, shard_count: int) -> Shard:
    """Returns the shard that a photo's record goes to."""
    return Shard(split, stretch_of(photo_hash(photo_id), shard_count), shard_count)


def ordered_map(
    function: Callable[[In], Out], items: Iterable[In], *, threads: int
) -> Iterator[Out]:
    """Yields `function(item)` in the order of the items, computed by a few threads.

    At most twice as many results as threads are held at a time.
    """
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Out]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
