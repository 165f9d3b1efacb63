from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import DataError
from schemas.synonyms import read_synonyms

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
