from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from components.export_example_gen.row_batches import (
    MIN_BUCKETS,
    ROWS_PER_BUCKET,
    Found,
    Located,
    bucket_count,
    bucket_of,
    in_buckets,
    pack,
    pack_places,
    unpack,
    unpack_places,
)
from components.export_example_gen.splits import Placed
from schemas.photo_row import PhotoRow
from schemas.spatial_row import SpatialRow

ids = st.integers(1, 2**50)
texts = st.none() | st.text(max_size=20)
photo_rows = st.builds(
    PhotoRow,
    row_number=ids,
    photo_id=ids,
    photo_url=texts,
    filename=texts,
    observation_id=st.none() | ids,
    leaf_class_id=ids,
    taxon_id=ids,
    obs_taxon_id=st.none() | ids,
    community=st.sampled_from([None, True, False]),
    observation_uuid=texts,
    license=texts,
    rights_holder=texts,
    observer=texts,
)
places = st.builds(
    SpatialRow,
    row_number=ids,
    observation_id=ids,
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    observed_on=texts,
)
located = st.builds(
    Located,
    placed=st.builds(Placed, split=st.sampled_from(["train", "val"]), row=photo_rows),
    spatial=st.none() | places,
    found=st.none() | st.builds(Found, path=texts, probe=st.integers(0, 2**64 - 1)),
)


@given(rows=st.lists(located, max_size=4))
def test_rows_come_out_of_a_batch_as_they_went_in(rows: list[Located]) -> None:
    assert unpack(pack(rows)) == rows


@given(rows=st.lists(places, max_size=4))
def test_places_come_out_of_a_batch_as_they_went_in(rows: list[SpatialRow]) -> None:
    assert unpack_places(pack_places(rows)) == rows


def test_a_packed_row_is_a_few_dozen_bytes() -> None:
    rows = [
        Located(
            Placed(
                "train",
                PhotoRow(
                    row_number=n,
                    photo_id=700_000_000 + 17 * n,
                    photo_url=f"https://x.org/photos/{700_000_000 + 17 * n}/medium.jpg",
                    filename=None,
                    observation_id=900_000_000 + 31 * n,
                    leaf_class_id=n % 100,
                    taxon_id=n % 100,
                    obs_taxon_id=n % 100,
                    community=True,
                ),
            ),
            None,
        )
        for n in range(1000)
    ]

    assert len(pack(rows)) / len(rows) < 60


@given(numbers=st.lists(st.integers(0, 1000)), count=st.integers(1, 9))
def test_each_item_is_in_the_one_batch_of_its_bucket(numbers: list[int], count: int) -> None:
    batches = list(
        in_buckets(numbers, lambda n: bucket_of(n, count), lambda items: repr(items).encode())
    )

    keys = [bucket for bucket, _ in batches]
    assert len(keys) == len(set(keys))
    assert all(0 <= bucket < count for bucket in keys)
    content = [(bucket, n) for bucket, batch in batches for n in eval(batch)]
    assert Counter(content) == Counter((bucket_of(n, count), n) for n in numbers)


def test_buckets_stay_of_one_size_however_many_rows_there_are() -> None:
    assert bucket_count(0) == bucket_count(1000) == MIN_BUCKETS
    assert bucket_count(30_000_000) == 30_000_000 // ROWS_PER_BUCKET


def test_neighbouring_ids_spread_evenly_over_buckets() -> None:
    filled = Counter(bucket_of(n, 8) for n in range(8000))

    assert set(filled) == set(range(8))
    assert all(850 < size < 1150 for size in filled.values())
