from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from components.export_example_gen.splits import Placed, group_key, resolve
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
    kept, lost = resolve(rows)

    assert Counter(kept) + Counter(loss.placed for loss in lost) == Counter(rows)


@given(rows=observations())
def test_an_observation_keeps_the_one_split_farthest_from_training(rows: list[Placed]) -> None:
    kept, _ = resolve(rows)

    farthest = min((row.split for row in rows), key=ORDER.index)
    assert {row.split for row in kept} == {farthest}


@given(rows=observations())
def test_each_photo_of_that_split_is_kept_once(rows: list[Placed]) -> None:
    kept, _ = resolve(rows)

    ids = [row.row.photo_id for row in kept]
    farthest = min((row.split for row in rows), key=ORDER.index)
    assert sorted(ids) == sorted({row.row.photo_id for row in rows if row.split == farthest})


@given(rows=observations())
def test_community_agreement_wins_then_the_first_row(rows: list[Placed]) -> None:
    kept, lost = resolve(rows)

    winners = {row.row.photo_id: row.row for row in kept}
    for loser, reason in lost:
        if reason.startswith("double"):
            winner = winners[loser.row.photo_id]
            assert (winner.community is not True, winner.row_number) < (
                loser.row.community is not True,
                loser.row.row_number,
            )


@given(data=st.data(), rows=observations())
def test_the_order_that_rows_come_in_changes_nothing(
    data: st.DataObject, rows: list[Placed]
) -> None:
    assert resolve(data.draw(st.permutations(rows))) == resolve(rows)


def test_leak_names_the_row_that_it_lost_to() -> None:
    train, test = placed("train", 3), placed("test", 9, photo_id=8, taxon_id=12)

    kept, lost = resolve([train, test])

    assert kept == [test]
    assert lost[0].placed == train
    assert lost[0].reason == "leak: its observation is also in test, row 9, under taxon 12"


def test_double_names_the_row_that_it_lost_to() -> None:
    disputed, agreed = placed("val", 3, community=False), placed("val", 9, taxon_id=12)

    kept, lost = resolve([disputed, agreed])

    assert kept == [agreed]
    assert lost[0].placed == disputed
    assert lost[0].reason == "double: the photo is also in val, row 9, under taxon 12"


def test_rows_of_one_observation_meet_under_one_key() -> None:
    rows = [placed("train", 3, photo_id=1), placed("test", 9, photo_id=2)]

    assert {group_key(row) for row in rows} == {5}


@given(photo_id=st.integers(1, 2**40), observation_id=st.integers(1, 2**40))
def test_photo_without_observation_meets_only_itself(photo_id: int, observation_id: int) -> None:
    alone = placed("train", 3, photo_id=photo_id, observation_id=None)
    copy = placed("test", 4, photo_id=photo_id, observation_id=None)
    other = placed("train", 5, photo_id=photo_id, observation_id=observation_id)

    assert group_key(alone) == group_key(copy) != group_key(other)
