"""The picture that stands in for removed photos, found by its many copies.

Where a photo was taken down, the server may send one and the same picture instead, under photo
after photo; trained on, it teaches the network that many species look alike. It is told from
real photos by this alone: byte for byte the same file under many photo ids, in as many different
observations. (One photo of several observations has one id; that is `splits`' matter.)

Files are compared by a cheap key: size, first and last 4 kB. Three numbers a photo are brought
together, never a row.

    probe_key("photos/1/medium.jpg")             # 64 bits
    batch = pack_probes([(key, photo_id, observation_id), ...])
    dict(shared_probes([batch], copies=10))      # {key: Shared(copies=3000, photo_ids=(7, 12))}
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

PROBED_BYTES = 4096
"""Read at either end of a file: one page, the least that a disk gives."""

NO_PROBE = 0
"""In place of a key for a file that is empty or cannot be read."""

Probe = tuple[int, int, int]
"""Key, photo id, observation id (or what stands for it)."""

_DTYPE = np.dtype([("key", np.uint64), ("photo", np.int64), ("observation", np.int64)])


class Shared(NamedTuple):
    """A file that many photos have.

    Attributes:
        copies: photos that have it.
        photo_ids: the two smallest of their ids.
    """

    copies: int
    photo_ids: tuple[int, int]

    def reason(self, photo_id: int) -> str:
        """Returns why one of the photos is set aside."""
        other = self.photo_ids[self.photo_ids[0] == photo_id]
        return (
            f"placeholder: {self.copies:,} photos of different observations are this very picture, "
            f"photo {other} among them"
        )


def probe_key(path: str) -> int:
    """Returns 64 bits that two files share only if size, first and last 4 kB are the same.

    NO_PROBE for a file that is empty or cannot be read; reading it for good will say why.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return NO_PROBE
    try:
        size = os.fstat(descriptor).st_size
        ends = os.pread(descriptor, PROBED_BYTES, 0)
        if size > PROBED_BYTES:
            ends += os.pread(descriptor, PROBED_BYTES, max(PROBED_BYTES, size - PROBED_BYTES))
    except OSError:
        return NO_PROBE
    finally:
        os.close(descriptor)
    if not size:
        return NO_PROBE
    return int.from_bytes(hashlib.blake2b(b"%d," % size + ends, digest_size=8).digest()) or 1


def pack_probes(probes: list[Probe]) -> bytes:
    """Returns probes as 24 bytes each, for `shared_probes`."""
    return np.array(probes, _DTYPE).tobytes()


def shared_probes(batches: Iterable[bytes], *, copies: int) -> Iterator[tuple[int, Shared]]:
    """Yields (key, Shared) for each key with that many photos in as many observations."""
    table = np.frombuffer(b"".join(batches), _DTYPE)
    table = table[np.lexsort((table["photo"], table["key"]))]
    keys, first, counts = np.unique(table["key"], return_index=True, return_counts=True)
    for place in np.flatnonzero(counts >= copies):
        rows = table[first[place] : first[place] + counts[place]]
        if min(len(np.unique(rows["observation"])), len(np.unique(rows["photo"]))) >= copies:
            lowest, next_lowest = (int(photo_id) for photo_id in rows["photo"][:2])
            yield int(keys[place]), Shared(int(counts[place]), (lowest, next_lowest))
