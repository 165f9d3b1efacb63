from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.taxon_evaluator.tables.photo_slices import cell_name, photo_slices
from components.taxon_evaluator.training_photos import TrainingPhotos, hash_observers
from schemas import record

TRAINING = TrainingPhotos(np.array([3]), np.sort(hash_observers(["ada", "bo"])))


def test_each_photo_is_in_one_slice_of_each_family() -> None:
    features = {
        record.PHOTO_ID: np.array([1, 2, 3]),
        record.LICENSE: np.array([b"CC-BY", b"", b"CC0"], object),
        record.OBSERVED_ON: np.array([b"2021-05-09", b"1999-12-31", b""], object),
        record.OBSERVER: np.array([b"bo", b"cleo", b""], object),
        record.LATITUDE: np.array([51.2, -0.1, np.nan], np.float32),
        record.LONGITUDE: np.array([-0.1, 179.9, np.nan], np.float32),
    }

    slices = photo_slices(features, TRAINING, cell_degrees=10)

    assert {family: names.tolist() for family, names in slices.items()} == {
        "license": ["CC-BY", "unknown", "CC0"],
        "year": ["2021", "1999", "unknown"],
        "cell": ["+50-010", "-10+170", "unknown"],
        "observer": ["in training", "new", "unknown"],
    }


def test_records_without_such_features_are_unknown() -> None:
    slices = photo_slices({record.PHOTO_ID: np.array([1, 2])}, TRAINING, cell_degrees=10)

    assert all(names.tolist() == ["unknown"] * 2 for names in slices.values())


@given(
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    degrees=st.sampled_from([1, 10, 45]),
)
def test_place_lies_in_its_cell(latitude: float, longitude: float, degrees: int) -> None:
    name = cell_name(latitude, longitude, degrees)

    south, west = int(name[:3]), int(name[3:])
    assert south <= latitude <= south + degrees
    assert west <= longitude <= west + degrees
    assert -90 <= south < 90
    assert -180 <= west < 180


@pytest.mark.parametrize("degrees", [1, 10, 90])
def test_the_pole_and_the_date_line_belong_to_the_last_cell(degrees: int) -> None:
    assert cell_name(90.0, 180.0, degrees) == cell_name(89.9, 179.9, degrees)
