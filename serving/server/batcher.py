"""Photos of several requests put into one batch for the network.

While a batch is computed, the next photos gather, so a busy server works in large batches without
anybody waiting for it; one that is idle waits `max_wait_secs` for company.

Law: every photo that was taken in is answered once, with its own result or with the batch's
exception, also when the batcher is closed; no exception ends the thread.

    batcher = Batcher(network, max_batch=32, max_wait_secs=0.002)
    future = batcher.submit(pixels)      # a concurrent.futures.Future
    batcher.close()                      # answers what waits, then ends
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.float32]
Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class Batcher(Generic[Result]):
    """One thread that runs a network.

    Args:
        run: the network, float32 [B, S, S, 3] -> a result a photo; called by one thread only.
        max_batch: most photos of a batch.
        max_wait_secs: how long a photo waits for others while the network is idle.
        on_batch: is told the number of photos and the seconds that each batch took.
    """

    def __init__(
        self,
        run: Callable[[Pixels], Sequence[Result]],
        *,
        max_batch: int = 32,
        max_wait_secs: float = 0.002,
        on_batch: Callable[[int, float], None] = lambda photos, secs: None,
    ) -> None:
        self._run, self._on_batch = run, on_batch
        self._max_batch, self._max_wait_secs = max_batch, max_wait_secs
        self._waiting: deque[tuple[Pixels, Future[Result]]] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, name="batcher", daemon=True)
        self._thread.start()

    def submit(self, pixels: Pixels) -> Future[Result]:
        """Takes a photo in and returns what its result will be.

        Args:
            pixels: float32 [S, S, 3].
        """
        future: Future[Result] = Future()
        with self._changed:
            assert not self._is_closed, "a closed batcher takes no photos"
            self._waiting.append((pixels, future))
            self._changed.notify()
        return future

    def close(self, *, wait: bool = True) -> None:
        """Answers what waits, and ends the thread.

        Args:
            wait: whether to return only then.
        """
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if wait:
            self._thread.join()

    def _work(self) -> None:
        while batch := self._take():
            started = time.perf_counter()
            try:
                results = self._run(np.stack([pixels for pixels, _ in batch]))
                answered = list(zip(batch, results, strict=True))
            except Exception as error:  # noqa: BLE001 -- those who wait raise it
                for _, future in batch:
                    future.set_exception(error)
                continue
            for (_, future), result in answered:
                future.set_result(result)
            self._tell(len(batch), time.perf_counter() - started)

    def _tell(self, photos: int, secs: float) -> None:
        try:
            self._on_batch(photos, secs)
        except Exception:
            logger.exception("a batch was answered, but not counted")

    def _take(self) -> list[tuple[Pixels, Future[Result]]]:
        """The next batch, without photos that nobody waits for any more; empty at the end."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if not self._waiting:
                    return []
                self._changed.wait_for(
                    lambda: len(self._waiting) >= self._max_batch or self._is_closed,
                    timeout=self._max_wait_secs,
                )
                size = min(self._max_batch, len(self._waiting))
                taken = [self._waiting.popleft() for _ in range(size)]
            wanted = [item for item in taken if item[1].set_running_or_notify_cancel()]
            if wanted:
                return wanted
