"""The Beam transform that reads an export: rows in, TFRecord files and a set-aside list out.

1. Rows of all splits, and places, are grouped by observation; `splits.resolve` keeps one copy.
2. Rows are grouped by the file they go to (`shards`), and each file is written in one go, under a
   temporary name until it is whole.
3. What was set aside and how many were kept comes out beside it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
import tensorflow as tf
from apache_beam import pvalue

from components.export_example_gen.config import ExportSettings
from components.export_example_gen.photo_bytes import UnusablePhoto
from components.export_example_gen.records import Loader, Located
from components.export_example_gen.shards import Shard, ordered_map, photo_hash, shard_of
from components.export_example_gen.splits import Placed, group_key, resolve
from schemas.events import Meter
from schemas.photo_store import PhotoStore
from schemas.taxonomy_csv import read_taxonomy
from schemas.vision_export import VisionExport

# A photo that is unusable counts against `max_unusable_share`; a leak or a double does not.
UNUSABLE = "unusable"
LEAK = "leak"
KEPT = "kept"


class SetAsideRow(NamedTuple):
    """A row that gave no record."""

    split: str
    row_number: int
    photo_id: int
    kind: str
    reason: str


@dataclass(frozen=True)
class ReadPlan:
    """What to read and where to write.

    Attributes:
        export_dir: the export.
        split_dirs: output directory of each split.
        split_photos: rows of each split.
        settings: of ExportExampleGen.
    """

    export_dir: str
    split_dirs: dict[str, str]
    split_photos: dict[str, int]
    settings: ExportSettings

    def shard_count(self, split: str) -> int:
        """Files that a split is written to."""
        return max(1, -(-self.split_photos[split] // self.settings.photos_per_file))


class ReadExport(beam.PTransform):
    """Begin -> {"set_aside": PCollection[SetAsideRow], "kept": PCollection[(split, count)]}."""

    def __init__(self, plan: ReadPlan) -> None:
        super().__init__()
        self._plan = plan

    def expand(self, begin: pvalue.PBegin) -> dict[str, pvalue.PCollection]:
        plan = self._plan
        export = VisionExport.open(plan.export_dir)
        rows = (
            begin
            | "Splits" >> beam.Create(sorted(plan.split_dirs))
            | "Rows" >> beam.FlatMap(_read_rows, plan.export_dir)
        )
        places = (
            begin
            | "Places" >> beam.Create([plan.export_dir] if export.spatial_path else [])
            | "PlaceRows" >> beam.FlatMap(_read_places)
        )
        resolved = (
            {"rows": rows, "places": places}
            | "ByObservation" >> beam.CoGroupByKey()
            | "OneSplitOneLeaf" >> beam.FlatMap(_resolve).with_outputs(LEAK, main="located")
        )
        written = (
            resolved.located
            | "ToFile" >> beam.Map(lambda located: (_shard(located, plan), located))
            | "ByFile" >> beam.GroupByKey()
            | "Write" >> beam.ParDo(_WriteShard(plan)).with_outputs(UNUSABLE, main=KEPT)
        )
        set_aside = (resolved[LEAK], written[UNUSABLE]) | "SetAside" >> beam.Flatten()
        return {"set_aside": set_aside, "kept": written[KEPT]}


def _read_rows(split: str, export_dir: str) -> Iterator[tuple[int, Placed]]:
    for row in VisionExport.open(export_dir).rows(split):
        placed = Placed(split, row)
        yield group_key(placed), placed


def _read_places(export_dir: str) -> Iterator[tuple[int, Any]]:
    for row in VisionExport.open(export_dir).spatial_rows():
        yield row.observation_id, row


def _resolve(group: tuple[int, dict[str, Iterable[Any]]]) -> Iterator[Any]:
    _, streams = group
    places = sorted(streams["places"], key=lambda place: place.row_number)
    kept, lost = resolve(streams["rows"])
    for placed in kept:
        yield Located(placed, places[0] if places else None)
    for placed, reason in lost:
        row = SetAsideRow(placed.split, placed.row.row_number, placed.row.photo_id, LEAK, reason)
        yield pvalue.TaggedOutput(LEAK, row)


def _shard(located: Located, plan: ReadPlan) -> Shard:
    split, row = located.placed
    return shard_of(split, row.photo_id, plan.shard_count(split))


class _WriteShard(beam.DoFn):
    """(Shard, rows) -> (split, photos kept), and SetAsideRows on the side."""

    def __init__(self, plan: ReadPlan) -> None:
        self._plan = plan

    def setup(self) -> None:
        plan, settings = self._plan, self._plan.settings
        export = VisionExport.open(plan.export_dir)
        self._loader = Loader(
            PhotoStore(plan.export_dir, settings.photo_size),
            read_taxonomy(export.taxonomy_path),
            max_pixels=int(settings.max_megapixels * 1e6),
        )
        total = sum(plan.split_photos.values())
        self._meter = Meter("photos read", total=total, unit="photos")

    def process(self, group: tuple[Shard, Iterable[Located]]) -> Iterator[Any]:
        shard, rows = Shard(*group[0]), sorted(group[1], key=_order)
        path = Path(self._plan.split_dirs[shard.split]) / shard.file_name
        kept = 0
        # Photos are compressed already; level 0 only wraps them.
        options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)
        writing = path.with_name(f"writing-{os.getpid()}-{path.name}")
        with tf.io.TFRecordWriter(str(writing), options) as writer:
            loaded = ordered_map(self._load, rows, threads=self._plan.settings.decode_threads)
            for located, outcome in zip(rows, loaded, strict=True):
                self._meter.add(1)
                if isinstance(outcome, bytes):
                    writer.write(outcome)
                    kept += 1
                else:
                    row = located.placed.row
                    yield pvalue.TaggedOutput(
                        UNUSABLE,
                        SetAsideRow(shard.split, row.row_number, row.photo_id, UNUSABLE, outcome),
                    )
        if kept:
            writing.rename(path)
        else:
            writing.unlink()
        yield shard.split, kept

    def teardown(self) -> None:
        self._meter.close()

    def _load(self, located: Located) -> bytes | str:
        try:
            return self._loader.load(located)
        except UnusablePhoto as reason:
            return str(reason)


def _order(located: Located) -> tuple[int, int]:
    photo_id = located.placed.row.photo_id
    return photo_hash(photo_id), photo_id
