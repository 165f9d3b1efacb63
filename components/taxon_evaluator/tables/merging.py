"""`part_stack` as Beam combines: in whatever portions a runner hands parts over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import apache_beam as beam

from components.taxon_evaluator.tables.part_stack import PartStack
from components.taxon_evaluator.tables.tables import Tables, merge_tables


class MergeParts(beam.CombineFn):
    """Merges parts of any kind; gives None where there was none.

    Args:
        merge: several parts, at least one, -> one part.
        rows: part -> how large it is, roughly.
    """

    def __init__(
        self, merge: Callable[[Sequence[Any]], Any], rows: Callable[[Any], int] = len
    ) -> None:
        self._merge, self._rows = merge, rows

    def create_accumulator(self) -> list[Any]:
        """Returns the stack without parts."""
        return []

    def add_input(self, accumulator: list[Any], element: Any) -> list[Any]:
        """Returns the stack with one part more."""
        PartStack(self._merge, self._rows, accumulator).add(element)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Any]]) -> list[Any]:
        """Returns one stack for several."""
        merged: list[Any] = []
        for accumulator in accumulators:
            for part in accumulator:
                merged = self.add_input(merged, part)
        return merged

    def compact(self, accumulator: list[Any]) -> list[Any]:
        """Returns the stack as one part, before it travels."""
        return [self._merge(accumulator)] if accumulator else accumulator

    def extract_output(self, accumulator: list[Any]) -> Any:
        """Returns all parts as one."""
        return self._merge(accumulator) if accumulator else None


class MergeTables(MergeParts):
    """Merges `Tables`; gives None where there was none."""

    def __init__(self) -> None:
        super().__init__(merge_tables, _rows)


def _rows(tables: Tables) -> int:
    return tables.rows
