from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.inspect.bars import bar

EIGHTHS = {"█": 8, "▉": 7, "▊": 6, "▋": 5, "▌": 4, "▍": 3, "▎": 2, "▏": 1}


def eighths(text: str) -> int:
    return sum(EIGHTHS[character] for character in text)


@given(st.integers(1, 10**9), st.integers(1, 80), st.data())
def test_is_as_long_as_its_share_to_an_eighth(
    longest: int, width: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, longest))
    drawn = bar(count, longest, width)
    assert len(drawn) <= width
    assert drawn.rstrip("".join(EIGHTHS)) == ""
    exact = 8 * width * count / longest
    assert abs(eighths(drawn) - exact) <= 0.5 or (exact < 1 and eighths(drawn) == 1)


@given(st.integers(1, 10**9), st.integers(1, 80))
def test_the_longest_fills_the_width(longest: int, width: int) -> None:
    assert bar(longest, longest, width) == "█" * width
    assert bar(longest, longest, width, blocks=False) == "#" * width


def test_what_occurs_is_seen_and_what_does_not_is_not() -> None:
    assert bar(1, 10**9, 50) == "▏"
    assert bar(1, 10**9, 50, blocks=False) == "#"
    assert bar(0, 5, 50) == bar(0, 0, 50) == bar(0, 5, 50, blocks=False) == ""
    assert bar(3, 8, 4) == "█▌"
