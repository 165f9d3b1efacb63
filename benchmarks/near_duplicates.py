"""How fast near-duplicates are found among millions of photos, and in how much memory.

    python benchmarks/near_duplicates.py --train 1e6 --val 1e5
    python benchmarks/near_duplicates.py --train 3e7 --val 3e6 --in-memory

Hashes are random; each hundredth held-out photo is a copy of a photo in train, up to
`--max-distance` bits from it. Checks that every copy is found. Without --in-memory a photo index
is written first, read back, and the pairs are looked up in it.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from schemas.duplicate_pairs import RowPair, look_up
from schemas.near_duplicates import find_near_duplicates
from schemas.photo_hash import has_detail
from schemas.photo_index import index_file, index_files
from schemas.split_hashes import SplitHashes

TAXA = 80_000
COPIES = 100  # one in so many
ROWS_PER_FILE = 100_000


def main() -> None:
    """Searches once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=float, default=1e6)
    parser.add_argument("--val", type=float, default=1e5)
    parser.add_argument("--max-distance", type=int, default=4)
    parser.add_argument("--in-memory", action="store_true")
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    train = photos("train", int(arguments.train), random)
    val = photos("val", int(arguments.val), random)
    copies = plant(val, train, arguments.max_distance, random)
    if arguments.in_memory:
        search([train, val], arguments.max_distance, copies)
    else:
        with tempfile.TemporaryDirectory() as folder:
            with timed("index written"):
                for split in (train, val):
                    write(split, Path(folder))
            names = [train.split, val.split]
            del train, val, split
            with timed("index read"):
                splits = [SplitHashes.read(name, index_files(Path(folder), name)) for name in names]
            found = search(splits, arguments.max_distance, copies)
            with timed(f"{len(found):,} pairs looked up"):
                look_up(found, splits)
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory: {peak_gb:.2f} GB")


def photos(split: str, count: int, random: np.random.Generator) -> SplitHashes:
    """Returns photos that are all different."""
    return SplitHashes(
        split,
        (),
        random.integers(0, 2**64, count, np.uint64),
        random.integers(0, 2**64, count, np.uint64),
        random.integers(0, TAXA, count),
    )


def plant(
    val: SplitHashes, train: SplitHashes, max_distance: int, random: np.random.Generator
) -> int:
    """Makes some held-out photos copies of photos in train; returns how many can be found."""
    copies = len(val) // COPIES
    chosen = random.choice(len(train), copies, replace=False)
    val.phash[:copies], val.taxon_id[:copies] = train.phash[chosen], train.taxon_id[chosen]
    for _ in range(max_distance):
        val.phash[:copies] ^= np.uint64(1) << random.integers(0, 64, copies, np.uint64)
    # Photos with few bits set are not compared; of random hashes 1 in 40 is such a one.
    return int((has_detail(val.phash[:copies]) & has_detail(train.phash[chosen])).sum())


def write(photos: SplitHashes, directory: Path) -> None:
    """Writes photos as a photo index."""
    for start in range(0, len(photos), ROWS_PER_FILE):
        stop = min(start + ROWS_PER_FILE, len(photos))
        ids = np.arange(start, stop)
        table = {
            "photo_id": ids,
            "observation_id": ids,
            "taxon_id": photos.taxon_id[start:stop],
            "path": [f"photos/{number}/medium.jpg" for number in ids],
            "sha256": [f"{key:016x}" * 4 for key in photos.file_key[start:stop].tolist()],
            "phash": photos.phash[start:stop],
        }
        number, of = start // ROWS_PER_FILE, -(-len(photos) // ROWS_PER_FILE)
        path = index_file(directory, photos.split, number, of)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(table), path)


def search(splits: list[SplitHashes], max_distance: int, copies: int) -> tuple[RowPair, ...]:
    """Returns the pairs listed, having checked that no copy was missed."""
    train, val = splits
    with timed(f"{len(val):,} photos against {len(train):,} at {max_distance} bits"):
        found = find_near_duplicates(splits, max_distance=max_distance)
    if found.counts["val"].twins < copies:
        raise SystemExit(f"Copies were missed: {copies:,} are there. val: {found.counts['val']}")
    print(f"{copies:,} copies planted, {found.num_pairs:,} pairs; val: {found.counts['val']}")
    return found.listed


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Prints how long something took."""
    started_secs = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - started_secs:.1f} s")


if __name__ == "__main__":
    main()
