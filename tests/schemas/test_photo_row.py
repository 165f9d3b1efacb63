from __future__ import annotations

import numpy as np
import pytest

from schemas.errors import DataError
from schemas.photo_row import PhotoRow, parse_line
from schemas.spatial_row import SpatialRow, parse_spatial_line
from schemas.taxonomy import Taxonomy

CELLS = {
    "photo_id": "25",
    "photo_url": "https://x.org/photos/25/medium.jpg",
    "observation_id": "13",
    "leaf_class_id": "1",
    "iconic_class_id": "",
    "taxon_id": "10",
    "obs_taxon_id": "12",
    "community": "1",
}
HEADER = tuple(CELLS)
SPATIAL_HEADER = ("observation_id", "latitude", "longitude", "observed_on")


def line(**cells: str) -> str:
    return ",".join({**CELLS, **cells}.values())


def parse(**cells: str) -> PhotoRow:
    return parse_line(HEADER, line(**cells), 7, path="train_data.csv")


def test_parses_a_line_with_its_end() -> None:
    assert parse_line(HEADER, line() + "\r\n", 7, path="train_data.csv") == PhotoRow(
        row_number=7,
        photo_id=25,
        photo_url="https://x.org/photos/25/medium.jpg",
        filename=None,
        observation_id=13,
        leaf_class_id=1,
        taxon_id=10,
        obs_taxon_id=12,
        community=True,
    )


def test_takes_ids_as_pandas_writes_them() -> None:
    row = parse(photo_id="25.0", leaf_class_id="0.0", obs_taxon_id="12.", community="0.0")
    assert (row.photo_id, row.leaf_class_id, row.obs_taxon_id) == (25, 0, 12)
    assert row.community is False


def test_empty_cells_are_unknown() -> None:
    row = parse(photo_url="", obs_taxon_id="", community="")
    assert (row.photo_url, row.obs_taxon_id, row.community) == (None, None, None)
    assert row.extension is None


@pytest.mark.parametrize(
    ("url", "extension"),
    [
        ("https://x.org/photos/25/medium.JPEG", "JPEG"),
        ("https://x.org/photos/25/medium.png?1455", "png"),
        ("https://x.org/photos/25/medium.webp", None),
        ("https://x.jpg/photos/25/medium", None),
    ],
)
def test_the_extension_is_the_one_published(url: str, extension: str | None) -> None:
    assert parse(photo_url=url).extension == extension


@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [
        ("photo_id", "", "is not a positive integer. Received: ''."),
        ("photo_id", "-3", "is not a positive integer. Received: '-3'."),
        ("photo_id", "1e3", "is not a positive integer. Received: '1e3'."),
        ("photo_id", "2.5", "is not a positive integer. Received: '2.5'."),
        ("observation_id", "0", "is not a positive integer. Received: '0'."),
        ("leaf_class_id", "-1", "is not an integer of at least 0. Received: '-1'."),
        ("taxon_id", "Aves", "is not a positive integer. Received: 'Aves'."),
        ("obs_taxon_id", "0", "is not a positive integer. Received: '0'."),
        ("community", "yes", "is neither 0 nor 1 nor empty. Received: 'yes'."),
        ("community", "2", "is neither 0 nor 1 nor empty. Received: '2'."),
    ],
)
def test_a_fault_names_file_row_and_column(column: str, cell: str, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        parse(**{column: cell})
    assert str(caught.value) == (
        f"train_data.csv, row 7, column {column}: {problem} Correct the row, or export it again."
    )
    assert (caught.value.row, caught.value.column) == (7, column)


def test_a_wrong_number_of_cells_is_named() -> None:
    with pytest.raises(DataError) as caught:
        parse_line(HEADER, "25,a,b", 7, path="train_data.csv")
    assert str(caught.value) == (
        "train_data.csv, row 7: has 3 cells where the header has 8. Received: '25,a,b'. "
        "Correct the row, or export it again."
    )


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return Taxonomy(
        taxon_ids=np.array([1, 10, 11], np.int64),
        parent_nodes=np.array([-1, 0, 0], np.int32),
        rank_levels=np.array([70, 10, 10], np.float32),
        leaf_class_ids=np.array([-1, 1, 0], np.int32),
        iconic_taxon_ids=np.array([1, 1, 1], np.int64),
        names=("Animalia", "Aus bus", "Cus dus"),
    )


def test_a_row_agrees_with_its_taxonomy(taxonomy: Taxonomy) -> None:
    parse().check_against(taxonomy, "train_data.csv")


@pytest.mark.parametrize(
    ("cells", "column", "problem"),
    [
        ({"leaf_class_id": "2"}, "leaf_class_id", "2 is none of the taxonomy's, 0..1."),
        (
            {"leaf_class_id": "0"},
            "leaf_class_id",
            "is 0, but taxon 10 has leaf class 1 in the taxonomy.",
        ),
        ({"taxon_id": "1"}, "taxon_id", "1 is not a leaf of the taxonomy."),
        ({"taxon_id": "99"}, "taxon_id", "99 is not in the taxonomy."),
    ],
)
def test_a_row_that_disagrees_with_the_taxonomy(
    taxonomy: Taxonomy, cells: dict[str, str], column: str, problem: str
) -> None:
    with pytest.raises(DataError) as caught:
        parse(**cells).check_against(taxonomy, "train_data.csv")
    assert str(caught.value) == (
        f"train_data.csv, row 7, column {column}: {problem} "
        "Take the split files and the taxonomy from one export."
    )


def test_parses_a_spatial_line() -> None:
    row = parse_spatial_line(SPATIAL_HEADER, "77,-40.5,180,2021-08-11\n", 2, path="s.csv")
    assert row == SpatialRow(2, 77, -40.5, 180.0, "2021-08-11")
    assert parse_spatial_line(SPATIAL_HEADER, "77,1,2,", 2, path="s.csv").observed_on is None


def test_a_time_of_day_is_left_out() -> None:
    row = parse_spatial_line(SPATIAL_HEADER, "77,1,2,2021-08-11T09:30:00Z", 2, path="s.csv")
    assert row.observed_on == "2021-08-11"


@pytest.mark.parametrize(
    ("cells", "column", "problem"),
    [
        ("x,1,2,", "observation_id", "is not a positive integer. Received: 'x'."),
        ("7,90.1,2,", "latitude", "is not a number in -90..90. Received: '90.1'."),
        ("7,,2,", "latitude", "is not a number in -90..90. Received: ''."),
        ("7,nan,2,", "latitude", "is not a number in -90..90. Received: 'nan'."),
        ("7,1,-181,", "longitude", "is not a number in -180..180. Received: '-181'."),
        (
            "7,1,2,2021-13-01",
            "observed_on",
            "is not a date such as 2024-05-31. Received: '2021-13-01'.",
        ),
        (
            "7,1,2,20210801",
            "observed_on",
            "is not a date such as 2024-05-31. Received: '20210801'.",
        ),
        (
            "7,1,2,2021-08-112",
            "observed_on",
            "is not a date such as 2024-05-31. Received: '2021-08-112'.",
        ),
    ],
)
def test_a_spatial_fault_names_file_row_and_column(cells: str, column: str, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_spatial_line(SPATIAL_HEADER, cells, 4, path="spatial_data.csv")
    assert str(caught.value) == (
        f"spatial_data.csv, row 4, column {column}: {problem} Correct the row, or export it again."
    )
