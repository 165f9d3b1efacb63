"""The Beam transform that reads an export: ranges of rows in, files and a set-aside list out.

1. Ranges are read by whichever worker is free (`read_rows`).
2. Rows, and places, meet by observation, then by photo; `splits` keeps one copy.
3. Photos are looked up, and the keys of their files meet, to find `placeholder`s.
4. Rows meet by the file they go to (`shards`), and each file is written in one go (`write_shard`).
5. What was set aside, how many were kept, and which files are faulty comes out beside it.

Nothing is written, and no photo is read, before every row is known to be sound: the number of
faults is a side input of step 4, which therefore waits for it. Rows travel packed (`row_batches`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam import pvalue

from components.export_example_gen.placeholder import NO_PROBE, pack_probes, shared_probes
from components.export_example_gen.read_plan import ReadPlan
from components.export_example_gen.read_rows import FAULTY, ReadPlaces, ReadRange
from components.export_example_gen.row_batches import (
    Located,
    bucket_of,
    in_buckets,
    pack,
    unpack,
    unpack_places,
)
from components.export_example_gen.set_aside import LEAK, SetAsideRow
from components.export_example_gen.shards import ordered_map, stretch_of
from components.export_example_gen.splits import (
    Lost,
    Placed,
    group_key,
    resolve_observation,
    resolve_photo,
)
from components.export_example_gen.write_shard import KEPT, SET_ASIDE, WriteShard, make_loader
from schemas.spatial_row import SpatialRow

PROBE = "probe"

Rule = Callable[[Iterable[Placed]], tuple[list[Placed], list[Lost]]]


class ReadExport(beam.PTransform):
    """Begin -> {"set_aside": SetAsideRows, "kept": (split, count), "faulty": names of splits}."""

    def __init__(self, plan: ReadPlan) -> None:
        super().__init__()
        self._plan = plan

    def expand(self, begin: pvalue.PBegin) -> dict[str, pvalue.PCollection]:
        plan, settings = self._plan, self._plan.settings
        rows, places = self._read(begin)
        faulty = (rows[FAULTY], places[FAULTY]) | "Faulty" >> beam.Flatten()
        by_observation = (
            {"rows": rows.packed, "places": places.packed}
            | "ByObservation" >> beam.CoGroupByKey()
            | "OneObservation" >> beam.FlatMap(_observations, plan).with_outputs(LEAK, main="rows")
        )
        by_photo = (
            by_observation.rows
            | "ByPhoto" >> beam.GroupByKey()
            | "OnePhoto"
            >> beam.ParDo(_Photos(plan), _count("Faults", faulty)).with_outputs(
                LEAK, PROBE, main="rows"
            )
        )
        leaks = (by_observation[LEAK], by_photo[LEAK]) | "Leaks" >> beam.Flatten()
        stops = (faulty, leaks) if settings.on_leak == "fail" else (faulty,)
        placeholders = (
            by_photo[PROBE]
            | "ByProbe" >> beam.GroupByKey()
            | "Placeholders" >> beam.FlatMap(_placeholders, settings.placeholder_copies)
        )
        written = (
            by_photo.rows
            | "ByFile" >> beam.GroupByKey()
            | "Write"
            >> beam.ParDo(
                WriteShard(plan),
                _count("Stops", stops | "AllStops" >> beam.Flatten()),
                pvalue.AsDict(placeholders),
            ).with_outputs(SET_ASIDE, main=KEPT)
        )
        set_aside = (leaks, written[SET_ASIDE]) | "SetAside" >> beam.Flatten()
        return {"set_aside": set_aside, "kept": written[KEPT], "faulty": faulty}

    def _read(self, begin: pvalue.PBegin) -> tuple[Any, Any]:
        plan = self._plan
        rows = (
            begin
            | "Ranges" >> beam.Create([tuple(part) for part in plan.ranges])
            | "Spread" >> beam.Reshuffle()
            | "Rows" >> beam.ParDo(ReadRange(plan)).with_outputs(FAULTY, main="packed")
        )
        places = (
            begin
            | "PlacesFile" >> beam.Create([plan.export_dir] if plan.has_places else [])
            | "Places" >> beam.ParDo(ReadPlaces(plan)).with_outputs(FAULTY, main="packed")
        )
        return rows, places


def _observations(group: tuple[int, dict[str, Iterable[bytes]]], plan: ReadPlan) -> Iterator[Any]:
    """One bucket: packed rows and places -> (bucket of the photo, packed rows), and leaks."""
    _, streams = group
    places: dict[int, SpatialRow] = {}
    for batch in streams["places"]:
        for place in unpack_places(batch):
            first = places.setdefault(place.observation_id, place)
            if place.row_number < first.row_number:
                places[place.observation_id] = place
    rows = (
        row._replace(spatial=places.get(group_key(row.placed.row)))
        for batch in streams["rows"]
        for row in unpack(batch)
    )
    kept, lost = _resolved(rows, group_key, resolve_observation)
    for loss in lost:
        yield pvalue.TaggedOutput(LEAK, _leak(loss))
    count = plan.bucket_count
    yield from in_buckets(kept, lambda row: bucket_of(row.placed.row.photo_id, count), pack)


class _Photos(beam.DoFn):
    """One bucket: packed rows -> (Shard, packed rows), leaks and (bucket of the key, probes)."""

    def __init__(self, plan: ReadPlan) -> None:
        self._plan = plan

    def setup(self) -> None:
        self._loader = make_loader(self._plan)

    def process(self, group: tuple[int, Iterable[bytes]], faults: int) -> Iterator[Any]:
        if faults:
            return
        plan = self._plan
        rows = (row for batch in group[1] for row in unpack(batch))
        kept, lost = _resolved(rows, lambda row: row.photo_id, resolve_photo)
        for loss in lost:
            yield pvalue.TaggedOutput(LEAK, _leak(loss))
        if plan.settings.placeholder_copies:
            threads = plan.settings.decode_threads
            kept = list(ordered_map(self._look_up, kept, threads=threads))
            for bucket in _probes(kept, plan.bucket_count):
                yield pvalue.TaggedOutput(PROBE, bucket)
        yield from in_buckets(
            kept, lambda row: tuple(plan.shard_of(row.placed.split, row.placed.row.photo_id)), pack
        )

    def _look_up(self, located: Located) -> Located:
        return located._replace(found=self._loader.find(located.placed.row))


def _probes(rows: Iterable[Located], count: int) -> Iterator[tuple[int, bytes]]:
    probes = [
        (row.found.probe, row.placed.row.photo_id, group_key(row.placed.row))
        for row in rows
        if row.found is not None and row.found.probe != NO_PROBE
    ]
    return in_buckets(probes, lambda probe: stretch_of(probe[0], count), pack_probes)


def _placeholders(group: tuple[int, Iterable[bytes]], copies: int) -> Iterator[Any]:
    for key, shared in shared_probes(group[1], copies=copies):
        yield key, tuple(shared)


def _resolved(
    rows: Iterable[Located], key: Callable[[Any], int], rule: Rule
) -> tuple[list[Located], list[Lost]]:
    """Returns (kept, lost) of rows of any observations or photos, after a rule of `splits`."""
    groups: dict[int, list[Located]] = {}
    for row in rows:
        groups.setdefault(key(row.placed.row), []).append(row)
    kept: list[Located] = []
    lost: list[Lost] = []
    for group in groups.values():
        if len(group) == 1:
            kept += group
            continue
        winners, losers = rule(row.placed for row in group)
        located = {row.placed: row for row in group}
        kept += [located[placed] for placed in winners]
        lost += losers
    return kept, lost


def _leak(loss: Lost) -> SetAsideRow:
    split, row = loss.placed
    return SetAsideRow(split, row.row_number, row.photo_id, LEAK, loss.reason)


def _count(name: str, rows: pvalue.PCollection) -> pvalue.AsSingleton:
    return pvalue.AsSingleton(rows | name >> beam.combiners.Count.Globally(), default_value=0)
