from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.fetch.failures import FailureList
from schemas.errors import DataError


def test_a_failure_stays_until_it_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "fetch_failures.csv"
    failures = FailureList(path)
    assert 25 not in failures
    assert not path.exists()
    failures.add(photo_id=25, url="http://x/a,b.jpg", reason="HTTP 404, gone\nfor good", attempts=1)
    failures.add(photo_id=26, url="http://x/c.jpg", reason="HTTP 403", attempts=2)
    assert path.read_text() == (
        "photo_id,url,reason,attempts\n"
        "25,http://x/a%2Cb.jpg,HTTP 404; gone for good,1\n"
        "26,http://x/c.jpg,HTTP 403,2\n"
    )
    again = FailureList(path)
    assert 25 in failures
    assert 25 in again
    assert 26 in again
    assert 25 not in FailureList(path, forget=True)
    assert not path.exists()


def test_another_file_of_that_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fetch_failures.csv"
    path.write_text("photo_id,url\n")
    with pytest.raises(DataError, match="lacks the columns reason, attempts"):
        FailureList(path)
    path.write_text("photo_id,url,reason,attempts\nx,,,\n")
    with pytest.raises(DataError) as caught:
        FailureList(path)
    assert str(caught.value) == (
        f"{path}: 1 fault:\n  row 2, column photo_id: is not an integer. Received: 'x'.\n"
        " Correct the file, or delete it to ask for its photos again."
    )
