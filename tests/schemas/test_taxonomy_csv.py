from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from taxonomy_trees import taxonomies

from schemas.errors import DataError
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy, write_taxonomy

NINE = (
    "parent_taxon_id,taxon_id,rank_level,leaf_class_id,iconic_class_id,spatial_class_id,name,"
    "iconic_taxon_id,rank"
)
SEVEN = "parent_taxon_id,taxon_id,rank_level,leaf_class_id,iconic_class_id,spatial_class_id,name"
FIVE = "parent_taxon_id,taxon_id,rank_level,leaf_class_id,name"

REMEDY = " Correct the taxonomy, or export it again."


def write(path: Path, header: str, *rows: str) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (NINE, [",1,70,,,0,Animalia,1,kingdom", "1,3,50,0,0,1,Aves,3,class"]),
        (SEVEN, [",1,70,,,0,Animalia", "1,3,50,0,0,1,Aves"]),
        (FIVE, [",1,70,,Animalia", "1.0,3.0,50.0,0.0,Aves"]),
        (FIVE, ["48460,1,70,,Animalia", "1,3,50,0,Aves"]),
    ],
    ids=["since 2025", "until 2025", "2018 with pandas' floats", "Life as parent"],
)
def test_reads_all_generations(tmp_path: Path, header: str, rows: list[str]) -> None:
    taxonomy = read_taxonomy(write(tmp_path / "taxonomy.csv", header, *rows))
    assert taxonomy.taxon_ids.tolist() == [1, 3]
    assert taxonomy.parent_nodes.tolist() == [-1, 0]
    assert taxonomy.rank_levels.tolist() == [70, 50]
    assert taxonomy.leaf_class_ids.tolist() == [-1, 0]
    assert taxonomy.iconic_taxon_ids.tolist() == [1, 3]
    assert taxonomy.names == ("Animalia", "Aves")


def test_the_nearest_iconic_taxon_is_found_where_the_file_has_none(tmp_path: Path) -> None:
    path = write(
        tmp_path / "taxonomy.csv",
        FIVE,
        "3,12,10,0,Corvus corax",
        ",1,70,,Animalia",
        "1,2,60,,Chordata",
        "2,3,50,,Aves",
        "2,4,50,1,Leptocardii",
        ",999,70,2,Viruses",
    )
    assert read_taxonomy(path).iconic_taxon_ids.tolist() == [3, 1, 1, 3, 1, 0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(taxonomy=taxonomies())
def test_what_is_written_is_read(tmp_path: Path, taxonomy: Taxonomy) -> None:
    path = tmp_path / "taxonomy.csv"
    write_taxonomy(taxonomy, path)
    again = read_taxonomy(path)
    assert again.names == taxonomy.names
    arrays = ["taxon_ids", "parent_nodes", "rank_levels", "leaf_class_ids"]
    if taxonomy.iconic_taxon_ids.any():
        arrays.append("iconic_taxon_ids")
    for array in arrays:
        np.testing.assert_array_equal(getattr(again, array), getattr(taxonomy, array), array)
        assert getattr(again, array).dtype == getattr(taxonomy, array).dtype


def test_written_as_the_exporter_does(tmp_path: Path) -> None:
    rows = [",1,70,,,,Animalia,1,kingdom", "1,3,33.5,0,,,Aus,3,zoosubsection"]
    source = write(tmp_path / "taxonomy.csv", NINE, *rows)
    copy = tmp_path / "copy.csv"
    write_taxonomy(read_taxonomy(source), copy)
    assert copy.read_bytes() == source.read_bytes()


ANIMALIA, AUS = ",1,70,,Animalia", "1,10,10,0,Aus bus"


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        pytest.param(
            [ANIMALIA, AUS, "1,x,10,1,Cus"],
            ["row 4, column taxon_id: is not a positive integer. Received: 'x'."],
            id="taxon id",
        ),
        pytest.param(
            [ANIMALIA, AUS, "1,-3,10,1,Cus"],
            ["row 4, column taxon_id: is not a positive integer. Received: '-3'."],
            id="negative taxon id",
        ),
        pytest.param(
            [ANIMALIA, AUS, "Aus,11,10,1,Cus"],
            [
                "row 4, column parent_taxon_id: is neither empty nor a non-negative integer. "
                "Received: 'Aus'."
            ],
            id="parent",
        ),
        pytest.param(
            [ANIMALIA, AUS, "1,11,genus,1,Cus", "1,12,0,2,Dus", "1,13,,3,Eus"],
            [
                f"row {row}, column rank_level: is not a number in 0..100 such as 10 or 33.5. "
                f"Received: '{cell}'."
                for row, cell in ((4, "genus"), (5, "0"), (6, ""))
            ],
            id="rank level",
        ),
        pytest.param(
            [ANIMALIA, AUS, "1,11,10,-1,Cus"],
            [
                "row 4, column leaf_class_id: is neither empty nor a non-negative integer. "
                "Received: '-1'."
            ],
            id="leaf class id",
        ),
        pytest.param([ANIMALIA, AUS, "1,11,10,1, "], ["row 4, column name: is empty."], id="name"),
        pytest.param(
            [ANIMALIA, AUS, "1,11,10"],
            ["row 4: has 3 cells where the header has 5. Received: '1,11,10'."],
            id="cells",
        ),
        pytest.param(
            [ANIMALIA, AUS, "1,10,10,1,Cus"],
            ["row 4, column taxon_id: 10 stands on row 3 already."],
            id="taxon twice",
        ),
        pytest.param(
            [ANIMALIA, AUS, "99,11,10,1,Cus"],
            [
                "row 4, column parent_taxon_id: 99 has no row of its own, so the phone apps could "
                "not find it."
            ],
            id="no such parent",
        ),
        pytest.param(
            [ANIMALIA, AUS, "12,11,20,,Cus", "11,12,20,,Dus", "12,13,10,1,Eus"],
            [
                f"row {row}, column parent_taxon_id: taxon {taxon} is below itself or below a loop."
                for row, taxon in ((4, 11), (5, 12), (6, 13))
            ],
            id="loop",
        ),
        pytest.param(
            [ANIMALIA, AUS, "11,11,20,1,Cus"],
            [
                "row 4, column parent_taxon_id: taxon 11 is below itself or below a loop.",
                "row 4, column leaf_class_id: taxon 11 (Cus) has children below it.",
            ],
            id="own parent",
        ),
        pytest.param(
            [ANIMALIA, AUS, "1,11,10,,Cus"],
            [
                "row 4, column leaf_class_id: taxon 11 (Cus) has no children and no "
                "leaf_class_id; the phone apps crash on it."
            ],
            id="childless without class",
        ),
        pytest.param(
            [ANIMALIA, "1,10,20,1,Aus", "10,11,10,0,Aus cus"],
            ["row 3, column leaf_class_id: taxon 10 (Aus) has children below it."],
            id="leaf with children",
        ),
        pytest.param(
            [ANIMALIA, AUS, "1,11,10,0,Cus", "1,12,10,2,Dus"],
            [
                "row 4, column leaf_class_id: 0 stands on another row already.",
                "file, column leaf_class_id: must run from 0 to 1 without a gap; 1 missing, the "
                "first is 1.",
            ],
            id="class twice",
        ),
        pytest.param(
            [ANIMALIA, AUS, "1,11,10,5,Cus", "1,12,10,6,Dus"],
            [
                "file, column leaf_class_id: must run from 0 to 2 without a gap; 2 missing, the "
                "first is 1."
            ],
            id="gap",
        ),
        pytest.param(
            [],
            ["file, column leaf_class_id: no row has one, so there is nothing to train."],
            id="no rows",
        ),
    ],
)
def test_faults_are_named_together(tmp_path: Path, rows: list[str], faults: list[str]) -> None:
    path = write(tmp_path / "taxonomy.csv", FIVE, *rows)
    with pytest.raises(DataError) as caught:
        read_taxonomy(path)
    noun = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    assert str(caught.value).splitlines() == [
        f"{path}: {noun}:",
        *(f"  {fault}" for fault in faults),
        REMEDY,
    ]


def test_a_missing_column(tmp_path: Path) -> None:
    path = write(tmp_path / "taxonomy.csv", "taxon_id,name", "1,Aus")
    with pytest.raises(DataError) as caught:
        read_taxonomy(path)
    assert str(caught.value) == (
        f"{path}, row 1: lacks the columns parent_taxon_id, rank_level, leaf_class_id. "
        "Received: taxon_id,name. Is this the right file? docs/exports.md lists the columns of "
        "each format."
    )


def test_reads_a_real_taxonomy(shared_data: Path) -> None:
    taxonomy = read_taxonomy(shared_data / "vision-export-birds100/taxonomy.csv")
    assert (len(taxonomy), taxonomy.num_leaves) == (223, 100)
    assert {taxonomy.iconic_name(int(i)) for i in taxonomy.iconic_taxon_ids} <= {"", "Aves"}


def test_reads_a_real_taxonomy_of_the_old_kind(shared_data: Path) -> None:
    taxonomy = read_taxonomy(shared_data / "metadata/real_small_taxonomy_502_leaves.csv")
    assert taxonomy.num_leaves == 502
    assert taxonomy.names[taxonomy.leaf_nodes[0]] == "Lymantria dispar"
