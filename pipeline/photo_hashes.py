"""The perceptual hashes of all photos of an export, kept on disk so that the next time is quick.

The cache holds Parquet files with the columns of a photo index and what a photo's file looked
like when it was hashed. A photo is read again only if its path, size or modification time has
changed. Laws: a cache file that is there is whole; memory does not grow with the export; stopped
at any moment, the next call goes on.

    <cache>/<size>/Split-train/index-0000012.parquet        rows 12,000..12,999 of train

    hashed = hash_photos(open_source("my-export"), Path("my-export/.fieldmark/photo-hashes"),
                         size="medium", jobs=4)
    splits = [SplitHashes.read(split, files) for split, files in hashed.files.items()]
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from components.export_example_gen.photo_bytes import UnusablePhoto, check_photo
from schemas.errors import ConfigError, DataError
from schemas.photo_index import SCHEMA as INDEX_SCHEMA
from schemas.photo_row import PhotoRow
from schemas.photo_store import PhotoStore
from schemas.source import Source

ROWS_PER_FILE = 1000
"""Rows of a cache file: a few seconds of work, which is what a stop may cost."""

MAX_PIXELS = 50_000_000
"""A larger photo is not read; the pipeline sets it aside, too (export.max_megapixels)."""

EXAMPLES_KEPT = 10

SCHEMA = pa.schema(
    [
        *(
            INDEX_SCHEMA.field(name)
            for name in ("photo_id", "observation_id", "taxon_id", "path", "sha256", "phash")
        ),
        # Of the photo's file.
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("mtime_ns", pa.int64(), nullable=False),
    ],
    # To be raised when photos come to have other hashes: files of another version are not used.
    metadata={"hash_version": "1"},
)
"""Columns of a cache file."""


@dataclass
class Hashed:
    """What became of the photos.

    Attributes:
        files: cache files of each split, in order.
        read: photos read and hashed.
        cached: photos whose hash was there already.
        missing: photos with no file on disk.
        unreadable: files that show no picture, or are damaged.
        examples: some of those, each with its reason.
    """

    files: dict[str, list[Path]] = field(default_factory=dict)
    read: int = 0
    cached: int = 0
    missing: int = 0
    unreadable: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Photos dealt with."""
        return self.read + self.cached + self.missing + self.unreadable

    def add(self, other: Hashed) -> None:
        """Adds the counts and examples of some photos."""
        self.read += other.read
        self.cached += other.cached
        self.missing += other.missing
        self.unreadable += other.unreadable
        self.examples = (self.examples + other.examples)[:EXAMPLES_KEPT]


class Task(NamedTuple):
    """Rows for one process to hash.

    Attributes:
        root: directory of the export.
        size: photo size to take where there are several.
        path: cache file to read and write.
        rows: what goes into it.
    """

    root: str
    size: str
    path: Path
    rows: list[PhotoRow]


def hash_photos(
    source: Source,
    cache: Path,
    *,
    size: str = "medium",
    jobs: int = 1,
    on_progress: Callable[[Hashed], None] | None = None,
) -> Hashed:
    """Hashes the photos of an export that are on disk.

    Args:
        source: the export.
        cache: where hashes are kept; made if need be.
        size: iNaturalist's photo size to take where several are on disk.
        jobs: processes.
        on_progress: called with the counts so far.

    Raises:
        ConfigError: if the cache cannot be written to.
        DataError: if a row of the export is faulty.
    """
    total = Hashed()
    for split in source.split_paths:
        folder = cache / size / f"Split-{split}"
        _make(folder)
        total.files[split] = []
        for counts in _in_processes(_tasks(source, split, folder, size, total.files[split]), jobs):
            total.add(counts)
            if on_progress is not None:
                on_progress(total)
        # A longer export was here before.
        for path in set(folder.glob("index-*.parquet")) - set(total.files[split]):
            path.unlink()
    return total


def hash_rows(task: Task) -> Hashed:
    """Brings one cache file up to date."""
    store = PhotoStore(task.root, task.size)
    known = _read_cache(task.path)
    counts, lines = Hashed(), []
    for row in task.rows:
        try:
            lines.append(_line(store, row, known, counts))
        except UnusablePhoto as fault:
            counts.unreadable += 1
            if len(counts.examples) < EXAMPLES_KEPT:
                counts.examples.append(f"photo {row.photo_id}: {fault}")
    kept = [line for line in lines if line is not None]
    if kept != list(known.values()) or not task.path.exists():
        _write_cache(kept, task.path)
    return counts


def _line(
    store: PhotoStore, row: PhotoRow, known: dict[str, dict[str, Any]], counts: Hashed
) -> dict[str, Any] | None:
    """Returns the cache line of a row, None if its photo is missing."""
    try:
        path = store.find(*row.key)
        facts = path.stat() if path is not None else None
    except (DataError, OSError) as error:
        raise UnusablePhoto(str(error)) from error
    if path is None or facts is None:
        counts.missing += 1
        return None
    name = str(path).removeprefix(f"{store.directory}{os.sep}")
    line = {
        "photo_id": row.photo_id,
        "observation_id": row.observation_id or row.photo_id,
        "taxon_id": row.taxon_id,
        "path": name,
        "size_bytes": facts.st_size,
        "mtime_ns": facts.st_mtime_ns,
    }
    before = known.get(name)
    if before and all(before[key] == line[key] for key in ("size_bytes", "mtime_ns")):
        counts.cached += 1
        return line | {"sha256": before["sha256"], "phash": before["phash"]}
    data = _bytes_of(path)
    line |= {
        "sha256": hashlib.sha256(data).hexdigest(),
        "phash": check_photo(data, max_pixels=MAX_PIXELS).phash,
    }
    counts.read += 1
    return line


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnusablePhoto(f"cannot be read: {error.strerror}") from error


def _read_cache(path: Path) -> dict[str, dict[str, Any]]:
    """Returns the lines of a cache file by path; none of a file of another version or half one."""
    try:
        with pq.ParquetFile(path) as file:
            if file.schema_arrow.equals(SCHEMA, check_metadata=True):
                return {line["path"]: line for line in file.read().to_pylist()}
    except (FileNotFoundError, pa.ArrowInvalid):
        pass  # Nothing is lost but time: the photos are hashed again.
    return {}


def _write_cache(lines: list[dict[str, Any]], path: Path) -> None:
    writing = path.with_name(f"writing-{path.name}")
    try:
        pq.write_table(pa.Table.from_pylist(lines, SCHEMA), writing, compression="zstd")
        writing.replace(path)
    except OSError as error:
        raise _not_writable(path.parent, error) from error


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(folder, error) from error


def _not_writable(folder: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"The hashes of the photos cannot be kept in {folder}: {error.strerror}. "
        "Name a directory that can be written to with --cache DIR."
    )


def _tasks(
    source: Source, split: str, folder: Path, size: str, files: list[Path]
) -> Iterator[Task]:
    """Yields the rows of a split in tasks; notes their files."""
    rows = iter(source.rows(split))
    while part := list(islice(rows, ROWS_PER_FILE)):
        files.append(folder / f"index-{len(files):07d}.parquet")
        yield Task(os.fspath(source.directory), size, files[-1], part)


def _in_processes(tasks: Iterable[Task], jobs: int) -> Iterator[Hashed]:
    """Yields what became of each task, in the order they end; two a process are in the air."""
    if jobs == 1:
        yield from map(hash_rows, tasks)
        return
    # Spawned, not forked: the caller may hold threads, which do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _leave_interrupts_to_the_caller) as pool:
        waiting: set[Future[Hashed]] = set()
        try:
            for task in tasks:
                waiting.add(pool.submit(hash_rows, task))
                if len(waiting) >= 2 * jobs:
                    ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in ended)
            yield from (future.result() for future in waiting)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _leave_interrupts_to_the_caller() -> None:
    """Lets Ctrl-C reach the first process only, which then ends the others in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
