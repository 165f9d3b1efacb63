from __future__ import annotations

import threading
from concurrent.futures import Future

import numpy as np
import pytest

from serving.server.batcher import Batcher


def photo(value: float) -> np.ndarray:
    return np.full((2, 2, 3), value, np.float32)


class Doubler:
    """Doubles photos, when it may."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.may_go = threading.Event()
        self.has_begun = threading.Event()

    def __call__(self, pixels: np.ndarray) -> list[float]:
        self.has_begun.set()
        assert self.may_go.wait(timeout=60)
        self.batches.append(len(pixels))
        return [2 * float(row.mean()) for row in pixels]


def test_what_gathers_while_a_batch_runs_is_the_next_batch() -> None:
    run = Doubler()
    batcher = Batcher(run, max_batch=4, max_wait_secs=0)
    first = batcher.submit(photo(0))
    assert run.has_begun.wait(timeout=60)

    others = [batcher.submit(photo(value)) for value in range(1, 7)]
    run.may_go.set()

    assert [future.result(timeout=60) for future in (first, *others)] == [0, 2, 4, 6, 8, 10, 12]
    assert run.batches == [1, 4, 2]
    batcher.close()


def test_batch_sizes_and_times_are_told() -> None:
    told: list[tuple[int, float]] = []
    batcher = Batcher(list, on_batch=lambda photos, secs: told.append((photos, secs)))
    batcher.submit(photo(1)).result(timeout=60)
    batcher.close()

    ((photos, secs),) = told
    assert photos == 1
    assert secs >= 0


def test_a_failing_batch_fails_those_in_it_and_no_others() -> None:
    def run(pixels: np.ndarray) -> list[float]:
        if pixels.min() < 0:
            raise ValueError("no such photo")
        return [1.0] * len(pixels)

    batcher = Batcher(run, max_wait_secs=0)
    with pytest.raises(ValueError, match="no such photo"):
        batcher.submit(photo(-1)).result(timeout=60)
    assert batcher.submit(photo(1)).result(timeout=60) == 1.0
    batcher.close()


def test_close_answers_what_waits() -> None:
    run = Doubler()
    batcher = Batcher(run, max_batch=2, max_wait_secs=60)
    futures: list[Future[float]] = [batcher.submit(photo(value)) for value in range(5)]
    run.may_go.set()

    batcher.close()

    assert [future.result(timeout=0) for future in futures] == [0, 2, 4, 6, 8]


def test_photos_that_nobody_waits_for_are_left_out() -> None:
    run = Doubler()
    batcher = Batcher(run, max_batch=8, max_wait_secs=0)
    batcher.submit(photo(0))
    assert run.has_begun.wait(timeout=60)
    gone, wanted = batcher.submit(photo(1)), batcher.submit(photo(2))
    assert gone.cancel()
    run.may_go.set()

    assert wanted.result(timeout=60) == 4
    batcher.close()
    assert run.batches == [1, 1]


def test_no_exception_ends_the_thread() -> None:
    """Neither of a network that answers for too few, nor of whoever counts."""

    def run(pixels: np.ndarray) -> list[float]:
        return [] if pixels.min() < 0 else [1.0] * len(pixels)

    def count(photos: int, secs: float) -> None:
        raise OSError("the disk is full")

    batcher = Batcher(run, max_wait_secs=0, on_batch=count)
    with pytest.raises(ValueError, match="shorter"):
        batcher.submit(photo(-1)).result(timeout=60)
    for _ in range(2):
        assert batcher.submit(photo(1)).result(timeout=60) == 1.0
    batcher.close()


def test_close_need_not_wait() -> None:
    run = Doubler()
    batcher = Batcher(run, max_wait_secs=0)
    waiting = batcher.submit(photo(1))
    assert run.has_begun.wait(timeout=60)

    batcher.close(wait=False)

    assert not waiting.done()
    run.may_go.set()
    assert waiting.result(timeout=60) == 2
