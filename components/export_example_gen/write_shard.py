"""Writing one file of records, with its file of the photo index beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from apache_beam import DoFn, pvalue

from components.export_example_gen.photo_bytes import UnusablePhoto
from components.export_example_gen.placeholder import NO_PROBE, Shared
from components.export_example_gen.read_plan import ReadPlan
from components.export_example_gen.record_writer import RecordWriter
from components.export_example_gen.records import Loaded, Loader
from components.export_example_gen.row_batches import Located, unpack
from components.export_example_gen.set_aside import PLACEHOLDER, UNUSABLE, SetAsideRow
from components.export_example_gen.shards import Shard, ordered_map, photo_hash
from schemas.events import Meter
from schemas.photo_index import WRITING_PREFIX, IndexRow, index_file, write_index
from schemas.photo_store import PhotoStore

SET_ASIDE = "set_aside"
KEPT = "kept"


def make_loader(plan: ReadPlan) -> Loader:
    """Returns what finds and reads the photos of a plan."""
    return Loader(
        PhotoStore(plan.export_dir, plan.settings.photo_size),
        plan.taxonomy(),
        max_pixels=int(plan.settings.max_megapixels * 1e6),
    )


class WriteShard(DoFn):
    """(Shard, batches of rows) -> (split, photos kept), and SetAsideRows on the side.

    Side inputs: how many reasons there are to write nothing at all, and the placeholders by key.
    """

    def __init__(self, plan: ReadPlan) -> None:
        self._plan = plan

    def setup(self) -> None:
        self._loader = make_loader(self._plan)
        total = sum(self._plan.split_rows.values())
        self._meter = Meter("photos read", total=total, unit="photos")

    def process(
        self,
        group: tuple[tuple[str, int, int], Iterable[bytes]],
        stops: int,
        placeholders: Mapping[int, Shared],
    ) -> Iterator[Any]:
        if stops:
            return
        shard = Shard(*group[0])
        rows = sorted((row for batch in group[1] for row in unpack(batch)), key=_order)
        path = Path(self._plan.split_dirs[shard.split]) / shard.file_name
        index: list[IndexRow] = []
        writing = path.with_name(f"{WRITING_PREFIX}{os.getpid()}-{path.name}")
        with RecordWriter(writing) as writer:
            for row, outcome in self._outcomes(rows, placeholders):
                self._meter.add(1)
                if isinstance(outcome, Loaded):
                    writer.write(outcome.example)
                    index.append(outcome.entry)
                else:
                    yield pvalue.TaggedOutput(SET_ASIDE, _set_aside(row, *outcome))
        if index:
            write_index(index, index_file(Path(self._plan.index_dir), *shard))
            writing.rename(path)
        else:
            writing.unlink()
        yield shard.split, len(index)

    def teardown(self) -> None:
        self._meter.close()

    def _outcomes(
        self, rows: list[Located], placeholders: Mapping[int, Shared]
    ) -> Iterator[tuple[Located, Loaded | tuple[str, str]]]:
        """Yields each row with its record, or with kind and reason."""

        def outcome(located: Located) -> Loaded | tuple[str, str]:
            try:
                loaded = self._loader.load(located)
            except UnusablePhoto as reason:
                # Goes before a placeholder: a server's error page has many copies, too.
                return UNUSABLE, str(reason)
            probe = located.found.probe if located.found else NO_PROBE
            if probe in placeholders:
                shared = Shared(*placeholders[probe])
                return PLACEHOLDER, shared.reason(located.placed.row.photo_id)
            return loaded

        outcomes = ordered_map(outcome, rows, threads=self._plan.settings.decode_threads)
        return zip(rows, outcomes, strict=True)


def _set_aside(located: Located, kind: str, reason: str) -> SetAsideRow:
    split, row = located.placed
    return SetAsideRow(split, row.row_number, row.photo_id, kind, reason)


def _order(located: Located) -> tuple[int, int]:
    photo_id = located.placed.row.photo_id
    return photo_hash(photo_id), photo_id
