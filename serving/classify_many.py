"""Many photos classified: decoded by threads ahead of the network, which takes them in batches.

Law: there is one result a photo, in the photos' order; a photo that cannot be read is an `Unread`,
and the others are answered as if it were not there.

    for result in classify_many(classifier, paths, batch_size=32, decode_threads=2):
        print(result.path, getattr(result, "error", ""))

Memory does not grow with the number of photos: two batches are decoded ahead and no more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
import numpy.typing as npt

from schemas.errors import DataError
from serving.answer import Answer, Unread
from serving.classify import Classifier
from serving.prepare_file import prepare_file

BATCHES_AHEAD = 2

Pixels = npt.NDArray[np.float32]


def classify_many(
    classifier: Classifier,
    paths: Iterable[str],
    *,
    top: int = 5,
    batch_size: int = 32,
    decode_threads: int = 2,
) -> Iterator[Answer | Unread]:
    """Yields what is said of each photo.

    Args:
        classifier: of any kind.
        paths: photos.
        top: leaves to name.
        batch_size: photos that the network takes at once.
        decode_threads: threads that read and decode.
    """
    with ThreadPoolExecutor(decode_threads) as pool:
        prepared = _prepared(pool, classifier, paths, ahead=BATCHES_AHEAD * batch_size)
        while batch := list(islice(prepared, batch_size)):
            yield from _answers(classifier, batch, top)


def _prepared(
    pool: ThreadPoolExecutor, classifier: Classifier, paths: Iterable[str], *, ahead: int
) -> Iterator[tuple[str, Pixels | Unread]]:
    waiting: deque[tuple[str, Future[Pixels | Unread]]] = deque()
    size = classifier.image_size_px
    for path in paths:
        waiting.append((path, pool.submit(_prepare, path, size)))
        if len(waiting) > ahead:
            first, future = waiting.popleft()
            yield first, future.result()
    for path, future in waiting:
        yield path, future.result()


def _prepare(path: str, size_px: int) -> Pixels | Unread:
    try:
        return prepare_file(path, size_px)
    except DataError as error:
        return Unread(path, str(error))


def _answers(
    classifier: Classifier, batch: list[tuple[str, Pixels | Unread]], top: int
) -> Iterator[Answer | Unread]:
    read = [(path, pixels) for path, pixels in batch if not isinstance(pixels, Unread)]
    answers: Iterator[Answer] = iter(())
    if read:
        names, pixels = zip(*read, strict=True)
        answers = iter(classifier.classify_pixels(names, np.stack(pixels), top=top))
    for _, item in batch:
        yield item if isinstance(item, Unread) else next(answers)
