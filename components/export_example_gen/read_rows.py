"""From the export's files to packed rows: the first steps of `ReadExport`.

A range, or the file of places, gives all its rows or is named faulty. What is wrong with a file is
not carried along: its ranges were read by different workers, and the error has to name the first
faults of the whole file. `raise_fault` reads a faulty file once more, by itself, for that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any

from apache_beam import DoFn, pvalue

from components.export_example_gen.read_plan import ReadPlan
from components.export_example_gen.row_batches import (
    ROWS_PER_BUCKET,
    Located,
    bucket_of,
    in_buckets,
    pack,
    pack_places,
)
from components.export_example_gen.splits import Placed, group_key
from schemas.errors import DataError
from schemas.source import RowRange, Source
from schemas.taxonomy import Taxonomy

FAULTY = "faulty"
PLACES = "places"
"""What the file of places is called beside the splits."""


class ReadRange(DoFn):
    """RowRange -> (bucket of the observation, packed rows); names of faulty splits on the side."""

    def __init__(self, plan: ReadPlan) -> None:
        self._plan = plan

    def setup(self) -> None:
        self._source, self._taxonomy = self._plan.source(), self._plan.taxonomy()

    def process(self, element: RowRange) -> Iterator[Any]:
        part, count = RowRange(*element), self._plan.bucket_count
        rows = self._source.rows_in(part)
        try:
            # In batches, because a format that cannot be cut gives all its rows in one range.
            while batch := list(islice(rows, ROWS_PER_BUCKET)):
                if any(row.fault_against(self._taxonomy) for row in batch):
                    yield pvalue.TaggedOutput(FAULTY, part.split)
                    return
                yield from in_buckets(
                    [Located(Placed(part.split, row), None) for row in batch],
                    lambda located: bucket_of(group_key(located.placed.row), count),
                    pack,
                )
        except DataError:
            yield pvalue.TaggedOutput(FAULTY, part.split)


class ReadPlaces(DoFn):
    """Anything -> (bucket of the observation, packed places); PLACES on the side if faulty."""

    def __init__(self, plan: ReadPlan) -> None:
        self._plan = plan

    def process(self, _: object) -> Iterator[Any]:
        places, count = self._plan.source().spatial_rows(), self._plan.bucket_count
        try:
            while batch := list(islice(places, ROWS_PER_BUCKET)):
                yield from in_buckets(
                    batch, lambda place: bucket_of(place.observation_id, count), pack_places
                )
        except DataError:
            yield pvalue.TaggedOutput(FAULTY, PLACES)


def raise_fault(source: Source, taxonomy: Taxonomy, faulty: Collection[str]) -> None:
    """Reads the first of the faulty files again, to its end.

    Args:
        source: the export.
        taxonomy: the export's.
        faulty: names of splits, or PLACES.

    Raises:
        DataError: with the first 20 faults of the file and the count of the rest.
    """
    for split in source.split_paths:
        if split in faulty:
            for _ in source.rows(split, taxonomy=taxonomy):
                pass
    if PLACES in faulty:
        for _ in source.spatial_rows():
            pass
    assert not faulty, f"the files of {', '.join(sorted(faulty))} changed while they were read"
