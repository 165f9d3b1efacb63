"""The laws of the selection, on random dumps."""

from __future__ import annotations

import hashlib
import itertools
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dump_writer import (
    ALPHA,
    ALPHA_ONE,
    ALPHA_ONE_MINOR,
    ALPHA_TWO,
    BETA,
    BETA_ONE,
    BETA_TWO,
    FAMILY,
    HYBRID,
    INACTIVE,
    TAXA,
    Observation,
    uuid_of,
    write_dump,
)
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pipeline.build_export.build import build_export
from pipeline.build_export.open_data import OpenDataDump
from pipeline.build_export.settings import SelectionSettings
from schemas.errors import ConfigError
from schemas.photo_row import PhotoRow
from schemas.taxonomy_csv import read_taxonomy
from schemas.vision_export import VisionExport

SMALL = SelectionSettings(
    train_per_leaf=(2, 5), val_per_leaf=(1, 2), test_per_leaf=(1, 2), photos_per_observation=2
)
BY_OBSERVER = SMALL.model_copy(update={"split_unit": "observer"})
# Drawn often enough to become leaves, and a few of the others.
TAXON_IDS = [ALPHA_ONE] * 6 + [BETA_ONE] * 4 + [ALPHA_TWO, BETA_TWO, ALPHA_ONE_MINOR] * 2
TAXON_IDS += [ALPHA, BETA, FAMILY, HYBRID, INACTIVE]

few = settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def dumps(draw: st.DrawFn) -> list[Observation]:
    """Up to 40 observations; a few photos stand on two of them."""
    drawn = draw(
        st.lists(
            st.tuples(st.sampled_from(TAXON_IDS), st.integers(1, 4), st.integers(1, 9)),
            min_size=10,
            max_size=40,
        )
    )
    shared = draw(st.sets(st.integers(1, len(drawn) - 1), max_size=3))
    ids = itertools.count(1)
    made: list[Observation] = []
    for number, (taxon, photos, observer) in enumerate(drawn):
        own = [next(ids) for _ in range(photos)]
        if number in shared:
            own[0] = made[number - 1].photos[0]
        made.append(Observation(taxon, tuple(own), observer=observer))
    return made


@contextmanager
def built(
    rows: list[Observation], chosen: SelectionSettings, **options: Any
) -> Iterator[tuple[Path, dict[str, list[PhotoRow]], dict[str, Any]]]:
    """Builds, and yields the directory, the rows by split, and selection.json."""
    with tempfile.TemporaryDirectory() as folder:
        dump = write_dump(Path(folder, "dump"), rows)
        out = Path(folder, "out")
        try:
            build_export(OpenDataDump(dump), out, chosen, **options)
        except ConfigError as error:
            assume("No taxon has photos enough" not in str(error))
            raise
        export = VisionExport.open(out)
        taxonomy = read_taxonomy(out / "taxonomy.csv")
        splits = {
            split: list(export.rows(split, taxonomy=taxonomy)) for split in export.split_paths
        }
        yield out, splits, json.loads((out / "selection.json").read_text())


@few
@given(dumps())
def test_no_observation_and_no_photo_stands_twice(rows: list[Observation]) -> None:
    with built(rows, SMALL) as (_, splits, _):
        places = defaultdict(set)
        for split, photos in splits.items():
            for row in photos:
                places[row.observation_uuid].add((split, row.leaf_class_id, row.observation_id))
        assert all(len(place) == 1 for place in places.values())
        assert len({place for (place,) in map(tuple, places.values())}) == len(places)
        ids = [row.photo_id for photos in splits.values() for row in photos]
        assert len(ids) == len(set(ids))


@few
@given(dumps())
def test_no_observer_stands_in_two_splits(rows: list[Observation]) -> None:
    with built(rows, BY_OBSERVER) as (_, splits, _):
        people = [{row.observer for row in photos} for photos in splits.values()]
        assert not any(one & other for one, other in itertools.combinations(people, 2))


@few
@given(dumps(), st.sampled_from([SMALL, BY_OBSERVER]))
def test_limits_are_kept(rows: list[Observation], chosen: SelectionSettings) -> None:
    with built(rows, chosen) as (_, splits, report):
        limits = {
            "train": (chosen.train_per_leaf, chosen.photos_per_observation),
            "val": (chosen.val_per_leaf, 1),
            "test": (chosen.test_per_leaf, 1),
        }
        for split, ((least, most), each) in limits.items():
            leaves = Counter(row.leaf_class_id for row in splits[split])
            assert set(leaves) == set(range(len(report["leaves"])))
            assert all(least <= count <= most for count in leaves.values())
            per_observation = Counter(row.observation_uuid for row in splits[split])
            assert max(per_observation.values()) <= each


@few
@given(dumps())
def test_every_photo_is_accounted_for(rows: list[Observation]) -> None:
    with built(rows, SMALL) as (out, splits, report):
        parents = {taxon: int(path.split("/")[-1] or 0) for taxon, path, *_ in TAXA}
        leaf_of_taxon = {leaf["taxon_id"]: leaf for leaf in report["leaves"]}
        left_out = {taxon["taxon_id"]: taxon["photos"] for taxon in report["left_out"]}
        photos = Counter(photo for row in rows for photo in row.photos)
        assert report["counts"]["candidate_photos"] == len(photos)
        doubles = sum(count - 1 for count in photos.values())
        assert report["counts"]["photos_on_several_observations"] == doubles
        available = sum(leaf["photos_available"] for leaf in report["leaves"])
        assert available + sum(left_out.values()) == len(photos)
        for taxon in {int(row.taxon) for row in rows if min(map(photos.get, row.photos)) == 1}:
            lineage = [taxon]
            while lineage[-1] in parents:
                lineage.append(parents[lineage[-1]])
            # A subspecies is accounted for with its species.
            assert any(t in leaf_of_taxon for t in lineage) or set(lineage[:2]) & set(left_out)
        for leaf in report["leaves"]:
            for split in splits:
                mine = [r for r in splits[split] if r.leaf_class_id == leaf["leaf_class_id"]]
                assert len(mine) == leaf[split]
        text = (out / "all_taxa.csv").read_text().splitlines()
        assert len({line.split(",")[8] for line in text[1:]}) == len(text) - 1


@few
@given(dumps(), st.sampled_from([SMALL, BY_OBSERVER]))
def test_threads_and_order_of_rows_change_no_byte(
    rows: list[Observation], chosen: SelectionSettings
) -> None:
    with (
        built(rows, chosen, threads=1) as (one, _, _),
        built(rows, chosen, threads=4) as (four, *_),
    ):
        names = sorted(path.name for path in one.iterdir())
        assert names == sorted(path.name for path in four.iterdir())
        for name in names:
            assert (one / name).read_bytes() == (four / name).read_bytes(), name


@few
@given(dumps(), st.integers(1, 2**63 - 1))
def test_another_seed_draws_other_photos_for_the_same_leaves(
    rows: list[Observation], seed: int
) -> None:
    other = SMALL.model_copy(update={"seed": seed})
    with built(rows, SMALL) as (one, *_), built(rows, other) as (two, *_):
        for name in ("taxonomy.csv", "iconic_taxa.csv"):
            assert (one / name).read_bytes() == (two / name).read_bytes()
    many = [Observation(ALPHA_ONE, (n,)) for n in range(1, 60)]
    with built(many, SMALL) as (_, first, _), built(many, other) as (_, second, _):
        assert {r.photo_id for r in first["train"]} != {r.photo_id for r in second["train"]}


@few
@given(dumps(), dumps())
def test_a_taxonomy_that_is_given_stays_as_it_is(
    rows: list[Observation], others: list[Observation]
) -> None:
    with built(rows, SMALL) as (first, _, report):
        leaves = {leaf["taxon_id"] for leaf in report["leaves"]}
        # A photo of each leaf is sure to be there.
        extra = [Observation(leaf, (10_000 + leaf,)) for leaf in sorted(leaves)]
        with built(others + extra, SMALL, taxonomy_from=first) as (second, splits, again):
            assert (first / "taxonomy.csv").read_bytes() == (second / "taxonomy.csv").read_bytes()
            assert {row.taxon_id for row in splits["train"]} == leaves
            for leaf in again["leaves"]:
                short = [s for s, n in (("train", 2), ("val", 1), ("test", 1)) if leaf[s] < n]
                assert leaf["below_minimum"] == short


def test_a_photo_of_two_observations_stays_with_the_same_one_whatever_the_seed() -> None:
    rows = [Observation(ALPHA_ONE, (n, n + 1000)) for n in range(1, 30)]
    rows += [Observation(ALPHA_TWO, (n + 1000,)) for n in range(1, 30)]
    kept = set()
    for seed in (0, 1):
        with built(rows, SMALL.model_copy(update={"seed": seed})) as (_, _, report):
            assert report["counts"]["photos_on_several_observations"] == 29
            kept.add(json.dumps([leaf["photos_available"] for leaf in report["leaves"]]))
    assert len(kept) == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_order_is_that_of_a_portable_hash(seed: int) -> None:
    rows = [Observation(ALPHA_ONE, (n,)) for n in range(1, 40)]
    with built(rows, SMALL.model_copy(update={"seed": seed})) as (_, splits, _):

        def place(uuid: str) -> int:
            return int.from_bytes(hashlib.md5(f"{seed}:{uuid}".encode()).digest()[8:], "little")

        order = sorted((uuid_of(n) for n in range(len(rows))), key=place)
        assert [row.observation_uuid for row in splits["test"]] == [order[0], order[7]]
        assert [row.observation_uuid for row in splits["val"]] == [order[1], order[8]]
        assert [row.observation_uuid for row in splits["train"]] == order[2:7]
