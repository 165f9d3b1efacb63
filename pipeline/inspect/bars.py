"""Bars of block characters, to an eighth of a cell.

Laws: a bar is as long as its share of the longest, rounded to an eighth; what occurs at all is
seen; the longest fills the width.

    >>> bar(3, 8, 4)
    '█▌'
    >>> bar(3, 8, 4, blocks=False)
    '##'
"""

from __future__ import annotations

_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def bar(count: int, longest: int, width: int, *, blocks: bool = True) -> str:
    """Returns a bar.

    Args:
        count: what it stands for, 0..longest.
        longest: what a bar of full width stands for.
        width: in characters.
        blocks: False draws whole characters, for an output that is not UTF-8.
    """
    if count <= 0 or longest <= 0:
        return ""
    if not blocks:
        return "#" * max(1, round(count * width / longest))
    eighths = max(1, round(8 * count * width / longest))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8]
