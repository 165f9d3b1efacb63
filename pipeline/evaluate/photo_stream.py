"""The photos of a split, found, decoded and prepared by threads, in batches and in file order.

Memory is flat: some batches of squares, whatever the size of the split. A photo that is not on
disk, or cannot be read, is counted and left out.

    stream = PhotoStream(store, size_px=299, batch_photos=16, jobs=2)
    for batch in stream.batches(rows):       # rows: (PhotoRow, class) in file order
        batch.pixels, batch.truths
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from schemas.errors import DataError
from schemas.photo_row import PhotoRow
from schemas.photo_store import PhotoStore
from serving.prepare_file import prepare_file

EXAMPLES_KEPT = 5
"""Photos that are named, of those that cannot be used."""

Pixels = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PhotoBatch:
    """B photos.

    Attributes:
        rows: of the split file.
        truths: int64 [B], class of each.
        pixels: float32 [B, S, S, 3], RGB, 0..255.
    """

    rows: tuple[PhotoRow, ...]
    truths: npt.NDArray[np.int64]
    pixels: Pixels


@dataclass
class LeftOut:
    """Photos that could not be used.

    Attributes:
        missing: not on disk.
        unreadable: on disk, and no photo.
        examples: what was wrong with the first ones.
    """

    missing: int = 0
    unreadable: int = 0
    examples: list[str] = field(default_factory=list)


class PhotoStream:
    """Prepares photos.

    Args:
        store: where they lie.
        size_px: S.
        batch_photos: B.
        jobs: threads that decode.
        crop_share: see `serving.prepare_file`.

    Attributes:
        left_out: what could not be used so far.
    """

    def __init__(
        self,
        store: PhotoStore,
        *,
        size_px: int,
        batch_photos: int,
        jobs: int,
        crop_share: float = 1.0,
    ) -> None:
        self._store, self._size_px, self._crop_share = store, size_px, crop_share
        self._batch_photos, self._jobs = batch_photos, jobs
        self.left_out = LeftOut()

    def batches(self, rows: Iterable[tuple[PhotoRow, int]]) -> Iterator[PhotoBatch]:
        """Yields batches; the last may be smaller.

        Args:
            rows: of the split, each with the class that its photo counts as.

        Raises:
            DataError: if the disk forbids looking for a photo.
        """
        waiting: list[tuple[PhotoRow, int, Pixels]] = []
        for row, truth, pixels in self._prepared(rows):
            if pixels is not None:
                waiting.append((row, truth, pixels))
            if len(waiting) == self._batch_photos:
                yield _batch(waiting)
                waiting = []
        if waiting:
            yield _batch(waiting)

    def _prepared(
        self, rows: Iterable[tuple[PhotoRow, int]]
    ) -> Iterator[tuple[PhotoRow, int, Pixels | None]]:
        """Each row with its photo, in order; a batch more than threads can take is under way."""
        ahead = self._batch_photos + 2 * self._jobs
        under_way: deque[tuple[PhotoRow, int, Future[Pixels | None]]] = deque()
        with ThreadPoolExecutor(self._jobs) as pool:
            for row, truth in rows:
                under_way.append((row, truth, pool.submit(self._pixels, row)))
                if len(under_way) > ahead:
                    yield self._next(under_way)
            while under_way:
                yield self._next(under_way)

    def _next(
        self, under_way: deque[tuple[PhotoRow, int, Future[Pixels | None]]]
    ) -> tuple[PhotoRow, int, Pixels | None]:
        row, truth, future = under_way.popleft()
        try:
            pixels = future.result()
        except DataError as error:
            self.left_out.unreadable += 1
            self._keep_example(str(error))
            return row, truth, None
        if pixels is None:
            self.left_out.missing += 1
            self._keep_example(f"photo {row.photo_id} is not on disk.")
        return row, truth, pixels

    def _pixels(self, row: PhotoRow) -> Pixels | None:
        path = self._store.find(*row.key)
        if path is None:
            return None
        return prepare_file(path, self._size_px, crop_share=self._crop_share)

    def _keep_example(self, text: str) -> None:
        if len(self.left_out.examples) < EXAMPLES_KEPT:
            self.left_out.examples.append(text)


def _batch(prepared: list[tuple[PhotoRow, int, Pixels]]) -> PhotoBatch:
    rows, truths, pixels = zip(*prepared, strict=True)
    return PhotoBatch(rows, np.array(truths, np.int64), np.stack(pixels))
