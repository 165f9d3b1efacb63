"""A number with its noun, as people write it.

>>> counted(1, "taxon", "taxa"), counted(1200, "taxon", "taxa"), counted(0, "leaf", "leaves")
('1 taxon', '1,200 taxa', '0 leaves')
"""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """Returns the number and the noun that fits it.

    Args:
        number: 0 or more.
        one: the noun for 1.
        many: the noun for others; with an s for None.
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
