from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.progressive_trainer.batch_search import CLOSE_ENOUGH, Found, Trial, find_batch
from schemas.errors import FieldmarkError


class Machine:
    """Holds `room` photos, and is as fast as its batch up to `busy` photos."""

    def __init__(self, room: int, busy: float = float("inf")) -> None:
        self.room, self.busy = room, busy
        self.tried: list[int] = []

    def __call__(self, batch: int) -> Trial:
        self.tried.append(batch)
        if batch > self.room:
            return Trial(batch, False, 0.0, "out of memory")
        return Trial(batch, True, float(min(batch, self.busy)), "1 GB")


def search(machine: Machine, *, multiple: int = 8, most: int = 1024, speed: float = 0.05) -> Found:
    return find_batch(machine, multiple=multiple, most=most, min_speedup=speed)


@given(
    room=st.integers(8, 3000),
    busy=st.one_of(st.just(float("inf")), st.floats(1, 3000)),
    multiple=st.sampled_from([1, 2, 8]),
    most=st.integers(8, 2000),
    speed=st.sampled_from([0.0, 0.05]),
)
def test_batch_was_tried_fits_and_is_as_large_as_is_worth_it(
    room: int, busy: float, multiple: int, most: int, speed: float
) -> None:
    machine = Machine(room, busy)

    batch = search(machine, multiple=multiple, most=most, speed=speed).batch

    assert batch in machine.tried
    assert batch % multiple == 0
    assert batch <= min(room, most)
    assert max(machine.tried) <= max(most, 8)
    largest = min(room, most) // multiple * multiple
    if busy >= largest or speed == 0:
        assert largest - batch <= max(multiple, batch / CLOSE_ENOUGH)
    else:  # more would be hardly faster
        assert min(2 * batch, busy) < min(batch, busy) * 1.05 or 2 * batch > largest
    assert len(machine.tried) < 20


def test_reason_says_why_it_is_not_larger() -> None:
    assert search(Machine(100)).reason == "104 do not fit (out of memory)"
    assert search(Machine(5000)) == Found(1024, "1024 is the most allowed")
    assert search(Machine(5000, busy=33.0)) == Found(
        32, "64 would fit, but give +3% photos a second (32 with 32)"
    )


def test_memory_that_holds_no_batch_at_all_is_an_error() -> None:
    with pytest.raises(FieldmarkError) as caught:
        search(Machine(7))
    assert str(caught.value) == (
        "The memory does not hold a training step over 8 photos (out of memory). Lower "
        "trainer.batch_auto.multiple, the image size, or take a smaller network."
    )
