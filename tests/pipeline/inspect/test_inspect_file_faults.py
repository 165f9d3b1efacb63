from __future__ import annotations

import pytest

from pipeline.inspect.file_faults import Noted, faults_of
from pipeline.inspect.inspection import FileFaults
from schemas.csv_rows import Problems
from schemas.errors import ConfigError, DataError


def test_faults_of_a_file_are_the_first_twenty_and_a_count() -> None:
    noted = Noted("train_data.csv")
    assert noted.faults("Correct it.") is None
    for row in range(2, 1502):
        noted.add(row, "photo_id", "is empty.")
    faults = noted.faults("Correct it.")
    assert faults is not None
    assert (faults.path, faults.count, faults.remedy) == ("train_data.csv", 1500, "Correct it.")
    assert len(faults.faults) == 20
    assert faults.faults[0] == "row 2, column photo_id: is empty."


@pytest.mark.parametrize("count", [1, 3, 1500])
def test_an_error_that_collected_faults_gives_them_back(count: int) -> None:
    noted, problems = Noted("a.csv"), Problems("a.csv")
    for row in range(count):
        noted.add(row, "name", "is odd; 3 faults: none.")
        problems.add(row, "name", "is odd; 3 faults: none.")
    with pytest.raises(DataError) as caught:
        problems.raise_if_any("Export it again.")
    assert faults_of(caught.value) == noted.faults("Export it again.")


def test_any_other_error_is_one_fault() -> None:
    error = DataError("a.csv", row=3, column="name", problem="is empty.", remedy="Fill it.")
    assert faults_of(error) == FileFaults(
        "a.csv", 1, ("row 3, column name: is empty. Fill it.",), ""
    )
    assert faults_of(ConfigError("Nothing there.")) == FileFaults("", 1, ("Nothing there.",), "")
