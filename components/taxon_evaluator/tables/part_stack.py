"""Merging as parts come in, without merging the large into the small each time.

Parts wait on a stack; the last two merge once they are about equal, so that every photo is merged
a logarithm of times, in whatever portions parts come.

    stack = PartStack(merge_tables, rows=lambda tables: tables.rows)
    for part in parts:
        stack.add(part)
    stack.merged()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Part = TypeVar("Part")


class PartStack(Generic[Part]):
    """Parts of any kind.

    Args:
        merge: several parts, at least one, -> one part.
        rows: part -> how large it is, roughly.
        parts: that are there already; the stack takes the list itself.
    """

    def __init__(
        self,
        merge: Callable[[Sequence[Part]], Part],
        rows: Callable[[Part], int],
        parts: list[Part] | None = None,
    ) -> None:
        self._merge, self._rows = merge, rows
        self.parts = parts if parts is not None else []

    def add(self, part: Part) -> None:
        """Takes one part more."""
        self.parts.append(part)
        while len(self.parts) > 1 and self._rows(self.parts[-2]) <= 2 * self._rows(self.parts[-1]):
            last = self.parts.pop()
            self.parts[-1] = self._merge([self.parts[-1], last])

    def merged(self) -> Part | None:
        """Returns all parts as one; None where there was none."""
        return self._merge(self.parts) if self.parts else None
