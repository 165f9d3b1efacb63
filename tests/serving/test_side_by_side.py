"""Copies of a network that share the photos of a batch."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt
import pytest

from serving.side_by_side import SideBySide

Floats = npt.NDArray[np.float32]


class Reader:
    """Gives a photo's first two values, and counts the photos."""

    image_size_px = 4

    def __init__(self) -> None:
        self.photos = 0

    def scores(self, pixels: Floats) -> Floats:
        self.photos += len(pixels)
        return pixels[:, 0, 0, :2]


def photos(count: int) -> Floats:
    return np.arange(count * 4 * 4 * 3, dtype=np.float32).reshape(count, 4, 4, 3)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 32])
def test_each_photo_is_answered_once_in_its_place(count: int) -> None:
    copies = [Reader() for _ in range(3)]
    given = photos(count)
    np.testing.assert_array_equal(SideBySide(copies).scores(given), given[:, 0, 0, :2])
    shares = [copy.photos for copy in copies]
    assert sum(shares) == count
    assert max(shares) - min(shares) <= 1


def test_a_copy_meets_one_thread_at_a_time_and_copies_work_at_once() -> None:
    meeting = threading.Barrier(2, timeout=30)

    class Waits(Reader):
        def scores(self, pixels: Floats) -> Floats:
            meeting.wait()  # is passed only if the other copy is at work, too
            return super().scores(pixels)

    copies = [Waits(), Waits()]
    network = SideBySide(copies)
    for _ in range(3):
        network.scores(photos(5))
    assert all(copy.photos in (6, 9) for copy in copies)


def test_what_a_copy_raises_reaches_whoever_asked() -> None:
    class Broken(Reader):
        def scores(self, pixels: Floats) -> Floats:
            raise RuntimeError("no such operator")

    with pytest.raises(RuntimeError, match="no such operator"):
        SideBySide([Reader(), Broken()]).scores(photos(2))
