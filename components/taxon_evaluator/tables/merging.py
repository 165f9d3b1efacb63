"""Merging as photos come in, without merging the large into the small each time.

Parts wait on a stack; the last two merge once they are about equal, so that every photo is merged
a logarithm of times, in whatever portions a Beam runner hands them over.
"""

from __future__ import annotations

from collections.abc import Iterable

import apache_beam as beam

from components.taxon_evaluator.tables.tables import Tables, merge_tables


class MergeTables(beam.CombineFn):
    """Merges `Tables`; gives None where there was none."""

    def create_accumulator(self) -> list[Tables]:
        """Returns the stack without parts."""
        return []

    def add_input(self, accumulator: list[Tables], element: Tables) -> list[Tables]:
        """Returns the stack with one part more."""
        accumulator.append(element)
        while len(accumulator) > 1 and accumulator[-2].rows <= 2 * accumulator[-1].rows:
            last = accumulator.pop()
            accumulator[-1] = merge_tables([accumulator[-1], last])
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Tables]]) -> list[Tables]:
        """Returns one stack for several."""
        merged: list[Tables] = []
        for accumulator in accumulators:
            for part in accumulator:
                merged = self.add_input(merged, part)
        return merged

    def compact(self, accumulator: list[Tables]) -> list[Tables]:
        """Returns the stack as one part, before it travels."""
        return [merge_tables(accumulator)] if accumulator else accumulator

    def extract_output(self, accumulator: list[Tables]) -> Tables | None:
        """Returns the tables of all photos."""
        return merge_tables(accumulator) if accumulator else None
