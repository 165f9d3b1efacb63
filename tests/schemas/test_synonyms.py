from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import DataError
from schemas.synonyms import check_synonyms, read_synonyms
from schemas.taxonomy_csv import read_taxonomy

HEADER = "model_taxon_id,parent_taxon_id,taxon_id,rank_level,name\n"


def write(tmp_path: Path, rows: str) -> Path:
    path = tmp_path / "synonyms.csv"
    path.write_text(HEADER + rows)
    return path


def test_renames_merges_splits_and_removals(tmp_path: Path) -> None:
    rows = "1,9,11,10,A\n2,9,12,10,B\n3,9,12,10,B\n4,9,41,10,C\n4,9,42,10,D\n5,,,,\n"
    assert read_synonyms(write(tmp_path, rows)) == {
        1: (11,),
        2: (12,),
        3: (12,),
        4: (41, 42),
        5: (),
    }


def test_faults_are_told_together(tmp_path: Path) -> None:
    path = write(tmp_path, "x,9,11,10,A\n1,9,11,10,A\n1,9,11,10,A\n2,,,,\n2,9,22,10,B\n")
    with pytest.raises(DataError) as error:
        read_synonyms(path)
    assert str(error.value) == (
        f"{path}: 3 faults:\n"
        "  row 2, column model_taxon_id: is not a positive integer. Received: 'x'.\n"
        "  row 4, column taxon_id: 11 is given twice for taxon 1.\n"
        "  row 6, column taxon_id: taxon 2 is removed in one row and not in another.\n"
        " Correct the rows; docs/progressive.md says what the columns mean."
    )


TAXONOMY = """parent_taxon_id,taxon_id,rank_level,leaf_class_id,name
,1,20,,Strix
1,2,10,0,Strix aluco
1,3,10,1,Strix varia
"""


def test_a_table_that_goes_with_a_model_has_all_columns_and_its_taxa(tmp_path: Path) -> None:
    (tmp_path / "taxonomy.csv").write_text(TAXONOMY)
    taxonomy = read_taxonomy(tmp_path / "taxonomy.csv")

    check_synonyms(write(tmp_path, "1,9,11,20,Bubo\n2,,,,\n3,11,12,10,Bubo varius\n"), taxonomy)

    faulty = write(tmp_path, "2,9,12,10,A\n7,9,13,10,B\n8,,,,\n")
    with pytest.raises(DataError) as error:
        check_synonyms(faulty, taxonomy)
    assert str(error.value) == (
        f"{faulty}: 2 faults:\n"
        "  row 3, column model_taxon_id: 7 is no taxon of the model.\n"
        "  row 4, column model_taxon_id: 8 is no taxon of the model.\n"
        " Correct the rows; docs/progressive.md says what the columns mean."
    )

    short = tmp_path / "short.csv"
    short.write_text("model_taxon_id,taxon_id\n2,12\n")
    assert read_synonyms(short) == {2: (12,)}
    with pytest.raises(
        DataError, match=r"short\.csv, row 1: lacks the columns parent_taxon_id, rank_level, name\."
    ):
        check_synonyms(short, taxonomy)
