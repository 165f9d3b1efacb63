from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.export_example_gen.splits import (
    Placed,
    group_key,
    resolve_observation,
    resolve_photo,
)
from schemas.photo_row import PhotoRow

ORDER = ("test", "val", "train")


def placed(
    split: str,
    row_number: int,
    *,
    photo_id: int = 7,
    taxon_id: int = 11,
    community: bool | None = True,
    observation_id: int | None = 5,
) -> Placed:
    row = PhotoRow(
        row_number=row_number,
        photo_id=photo_id,
        photo_url=None,
        filename=None,
        observation_id=observation_id,
        leaf_class_id=0,
        taxon_id=taxon_id,
        obs_taxon_id=taxon_id,
        community=community,
    )
    return Placed(split, row)


@st.composite
def observations(draw: st.DrawFn) -> list[Placed]:
    places = draw(
        st.lists(
            st.tuples(st.sampled_from(ORDER), st.integers(2, 40)),
            min_size=1,
            max_size=12,
            unique=True,
        )
    )
    return [
        placed(
            split,
            row,
            photo_id=draw(st.integers(1, 4)),
            taxon_id=draw(st.integers(11, 12)),
            community=draw(st.sampled_from([True, False, None])),
        )
        for split, row in places
    ]


@given(rows=observations())
def test_every_row_is_kept_or_lost_and_never_both(rows: list[Placed]) -> None:
    kept, lost = resolve_observation(rows)

    assert Counter(kept) + Counter(loss.placed for loss in lost) == Counter(rows)


@given(rows=observations())
def test_community_names_the_leaf_and_then_the_split_farthest_from_training_wins(
    rows: list[Placed],
) -> None:
    kept, _ = resolve_observation(rows)

    best = min(
        rows,
        key=lambda placed: (
            placed.row.community is not True,
            ORDER.index(placed.split),
            placed.row.row_number,
        ),
    )
    assert {(placed.split, placed.row.taxon_id) for placed in kept} == {
        (best.split, best.row.taxon_id)
    }


@given(rows=observations())
def test_each_photo_of_the_kept_split_and_leaf_is_kept_once(rows: list[Placed]) -> None:
    kept, _ = resolve_observation(rows)

    best = kept[0]
    ids = [row.row.photo_id for row in kept]
    same = {
        row.row.photo_id
        for row in rows
        if (row.split, row.row.taxon_id) == (best.split, best.row.taxon_id)
    }
    assert sorted(ids) == sorted(same)


@given(rows=observations())
def test_every_reason_names_a_row_that_is_better(rows: list[Placed]) -> None:
    kept, lost = resolve_observation(rows)

    places = {(placed.split, placed.row.row_number) for placed in kept}
    for placed, reason in lost:
        named = re.search(r"in (\w+), row (\d+), under taxon", reason)
        assert named is not None
        assert (named[1], int(named[2])) in places - {(placed.split, placed.row.row_number)}


@given(data=st.data(), rows=observations())
def test_the_order_that_rows_come_in_changes_nothing(
    data: st.DataObject, rows: list[Placed]
) -> None:
    assert resolve_observation(data.draw(st.permutations(rows))) == resolve_observation(rows)


def test_leak_names_the_row_that_it_lost_to() -> None:
    train, test = placed("train", 3), placed("test", 9, photo_id=8, taxon_id=12)

    kept, lost = resolve_observation([train, test])

    assert kept == [test]
    assert lost[0].placed == train
    assert lost[0].reason == "leak: its observation is also in test, row 9, under taxon 12"


def test_double_names_the_row_that_it_lost_to() -> None:
    disputed, agreed = placed("val", 3, community=False), placed("val", 9, taxon_id=12)

    kept, lost = resolve_observation([disputed, agreed])

    assert kept == [agreed]
    assert lost[0].placed == disputed
    assert lost[0].reason == "double: the photo is also in val, row 9, under taxon 12"


def test_photo_under_the_losing_leaf_alone_is_lost_with_it() -> None:
    disputed, agreed = placed("val", 3, photo_id=8, community=False), placed("val", 9, taxon_id=12)

    kept, lost = resolve_observation([disputed, agreed])

    assert kept == [agreed]
    assert lost[0].placed == disputed
    assert lost[0].reason == "double: its observation is also in val, row 9, under taxon 12"


@pytest.mark.parametrize(("split", "kind"), [("train", "leak"), ("val", "double")])
def test_photo_of_two_observations_stays_in_one(split: str, kind: str) -> None:
    first, second = placed(split, 3, observation_id=5), placed("val", 2, observation_id=6)

    kept, lost = resolve_photo([first, second])

    assert kept == [second]
    assert lost[0].placed == first
    assert lost[0].reason == f"{kind}: the photo is also in val, row 2, under taxon 11"


@st.composite
def exports(draw: st.DrawFn) -> list[Placed]:
    return [
        placed(
            draw(st.sampled_from(ORDER)),
            row_number,
            photo_id=draw(st.integers(1, 4)),
            taxon_id=draw(st.integers(11, 13)),
            community=draw(st.sampled_from([True, False, None])),
            observation_id=draw(st.integers(21, 24)),
        )
        for row_number in range(2, 2 + draw(st.integers(1, 16)))
    ]


def each(
    rows: list[Placed],
    key: Callable[[PhotoRow], int],
    rule: Callable[..., tuple[list[Placed], list]],
) -> tuple[list[Placed], list[Placed]]:
    ordered = sorted(rows, key=lambda placed: key(placed.row))
    groups = [list(group) for _, group in groupby(ordered, key=lambda placed: key(placed.row))]
    results = [rule(group) for group in groups]
    return (
        [placed for kept, _ in results for placed in kept],
        [loss.placed for _, lost in results for loss in lost],
    )


@settings(max_examples=300)
@given(rows=exports())
def test_no_photo_and_no_observation_stands_in_two_splits_or_under_two_leaves(
    rows: list[Placed],
) -> None:
    kept, lost = each(rows, group_key, resolve_observation)
    kept, lost_later = each(kept, lambda row: row.photo_id, resolve_photo)

    for key in ("photo_id", "observation_id"):
        places = {(getattr(p.row, key), p.split, p.row.taxon_id) for p in kept}
        assert len(places) == len({getattr(p.row, key) for p in kept})
    assert len({p.row.photo_id for p in kept}) == len(kept)
    assert Counter(kept) + Counter(lost) + Counter(lost_later) == Counter(rows)


def test_rows_of_one_observation_meet_under_one_key() -> None:
    rows = [placed("train", 3, photo_id=1), placed("test", 9, photo_id=2)]

    assert {group_key(row.row) for row in rows} == {5}


@given(photo_id=st.integers(1, 2**40), observation_id=st.integers(1, 2**40))
def test_photo_without_observation_meets_only_itself(photo_id: int, observation_id: int) -> None:
    alone = placed("train", 3, photo_id=photo_id, observation_id=None)
    copy = placed("test", 4, photo_id=photo_id, observation_id=None)
    other = placed("train", 5, photo_id=photo_id, observation_id=observation_id)

    assert group_key(alone.row) == group_key(copy.row) != group_key(other.row)
