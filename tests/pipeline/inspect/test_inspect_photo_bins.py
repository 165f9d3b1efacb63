from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.inspect.inspection import Bin, TaxonPhotos
from pipeline.inspect.photo_bins import bins, per_taxon


@given(st.lists(st.integers(0, 200_000), min_size=1, max_size=40))
def test_every_taxon_is_in_one_bin_and_there_is_no_gap(photos: list[int]) -> None:
    found = bins(np.array(photos, np.int64))
    for bin_ in found:
        assert bin_.taxa == sum(bin_.least <= count <= bin_.most for count in photos)
    assert sum(bin_.taxa for bin_ in found) == len(photos)
    assert all(a.most + 1 == b.least for a, b in itertools.pairwise(found))
    assert found[0].taxa
    assert found[-1].taxa


def test_bins_are_1_2_5_of_each_power_of_ten() -> None:
    assert bins(np.array([0, 1, 49, 120])) == (
        Bin(0, 0, 1), Bin(1, 1, 1), Bin(2, 4, 0), Bin(5, 9, 0), Bin(10, 19, 0), Bin(20, 49, 1),
        Bin(50, 99, 0), Bin(100, 199, 1),
    )  # fmt: skip
    assert bins(np.array([1_000])) == (Bin(1000, 1999, 1),)
    assert bins(np.zeros(0, np.int64)) == ()


def test_the_extremes_and_the_median() -> None:
    photos = np.array([7, 3, 9, 3, 1, 7, 2])
    spread = per_taxon(photos, lambda place: (place, f"taxon {place}", "species"))
    assert spread is not None
    assert spread.median == 3
    assert spread.most[:3] == (
        TaxonPhotos(2, "taxon 2", "species", 9),
        TaxonPhotos(0, "taxon 0", "species", 7),
        TaxonPhotos(5, "taxon 5", "species", 7),
    )
    assert [taxon.taxon_id for taxon in spread.least] == [4, 6, 1, 3, 0]
    assert per_taxon(np.zeros(0, np.int64), lambda place: (0, "", "")) is None
