from __future__ import annotations

from pathlib import Path

import pytest

from schemas.csv_rows import Problems, cut, parse_integer, read_header, read_rows, require_columns
from schemas.errors import DataError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


def test_numbers_rows_as_an_editor_does(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbfa, b\r\n1,2\r\n\r\n3,\r\n")
    problems = Problems(path)
    assert read_header(path) == ("a", "b")
    assert list(read_rows(path, problems)) == [(2, {"a": "1", "b": "2"}), (4, {"a": "3", "b": ""})]
    problems.raise_if_any("unused")


def test_quotes_are_characters_like_others(path: Path) -> None:
    path.write_text('name,id\n"Aus" d\'or,1\n"a,1\n', encoding="utf-8")
    rows = list(read_rows(path, Problems(path)))
    assert [cells["name"] for _, cells in rows] == ['"Aus" d\'or', '"a']


def test_rows_with_a_wrong_number_of_cells_are_noted_and_left_out(path: Path) -> None:
    path.write_text("a,b\n1\n1,2\n1,2,3\n", encoding="utf-8")
    problems = Problems(path)
    assert [number for number, _ in read_rows(path, problems)] == [3]
    with pytest.raises(DataError) as caught:
        problems.raise_if_any("Mend it.")
    assert str(caught.value) == (
        f"{path}: 2 faults:\n"
        "  row 2: has 1 cells where the header has 2. Received: '1'.\n"
        "  row 4: has 3 cells where the header has 2. Received: '1,2,3'.\n"
        " Mend it."
    )


def test_shows_twenty_faults_and_counts_the_rest() -> None:
    problems = Problems("rows.csv")
    for row in range(2, 1236):
        problems.add(row, "id", "is bad.")
    with pytest.raises(DataError) as caught:
        problems.raise_if_any("Mend it.")
    lines = str(caught.value).splitlines()
    assert lines[0] == "rows.csv: 1,234 faults:"
    assert lines[1] == "  row 2, column id: is bad."
    assert lines[20] == "  row 21, column id: is bad."
    assert lines[21:] == ["  ... and 1,214 more.", " Mend it."]


def test_a_fault_of_the_whole_file_and_a_single_one() -> None:
    problems = Problems("rows.csv")
    problems.add(None, "id", "is bad.")
    with pytest.raises(DataError) as caught:
        problems.raise_if_any("Mend it.")
    assert str(caught.value) == "rows.csv: 1 fault:\n  file, column id: is bad.\n Mend it."


def test_nothing_noted_is_nothing_raised() -> None:
    Problems("rows.csv").raise_if_any("unused")


def test_collections_of_faults_add_up() -> None:
    problems, others = Problems("rows.csv"), Problems("rows.csv")
    problems.add(2, "id", "is bad.")
    for row in range(3, 30):
        others.add(row, "id", "is worse.")
    problems.take(others)
    problems.add(40, "id", "is bad.")
    with pytest.raises(DataError) as caught:
        problems.raise_if_any("Mend it.")
    lines = str(caught.value).splitlines()
    assert (lines[0], lines[20]) == ("rows.csv: 29 faults:", "  row 21, column id: is worse.")
    assert lines[21:] == ["  ... and 9 more.", " Mend it."]


def test_cuts_after_every_so_many_lines_across_its_own_reads(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(b"a\n11\n\n333\n4\n55")
    whole = [(2, 5, 2, 1), (5, 6, 3, 1), (6, 10, 4, 1), (10, 12, 5, 1), (12, 14, 6, 1)]
    assert cut(path, 1) == whole
    monkeypatch.setattr("schemas.csv_rows._CHUNK_BYTES", 3)
    assert cut(path, 1) == whole
    assert cut(path, 2) == [(2, 6, 2, 2), (6, 12, 4, 2), (12, 14, 6, 1)]
    assert cut(path, 9) == [(2, 14, 2, 5)]


@pytest.mark.parametrize("contents", [b"", b"a,b", b"a,b\n"])
def test_a_file_without_rows_has_no_ranges(path: Path, contents: bytes) -> None:
    path.write_bytes(contents)
    assert cut(path, 3) == []


def test_a_missing_file(path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_header(path)
    assert str(caught.value) == (
        f"{path}: cannot be read: No such file or directory. Check the path and its permissions."
    )


def test_an_empty_file(path: Path) -> None:
    path.touch()
    with pytest.raises(DataError) as caught:
        read_header(path)
    assert str(caught.value) == f"{path}: is empty. Expected a header line; export it again."


def test_a_file_that_is_not_utf8(path: Path) -> None:
    path.write_bytes("a\nok\nn\xe4h\n".encode("latin1"))
    with pytest.raises(DataError) as caught:
        list(read_rows(path, Problems(path)))
    assert str(caught.value) == (
        f"{path}, row 3: is not UTF-8 (byte 0xe4). "
        "Convert the file, for example with: iconv -f latin1 -t utf-8."
    )


def test_a_column_named_twice(path: Path) -> None:
    path.write_text("a,b,a\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_header(path)
    assert str(caught.value) == (
        f"{path}, row 1: names a more than once. Received: a,b,a. Keep one column of each name."
    )


def test_missing_columns_are_all_named() -> None:
    with pytest.raises(DataError) as caught:
        require_columns("rows.csv", ("a",), ("a", "b", "c"))
    assert str(caught.value) == (
        "rows.csv, row 1: lacks the columns b, c. Received: a. Is this the right file? "
        "docs/exports.md lists the columns of each format."
    )
    with pytest.raises(DataError, match=r"lacks the column b\. Received: a\."):
        require_columns("rows.csv", ("a",), ("b",))
    require_columns("rows.csv", ("a", "b"), ("b",))


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *[("12", 12), ("-12", -12), ("123.0", 123), ("12.", 12), ("007", 7), ("0", 0)],
        *[("", None), (" 12", None), ("12.5", None), ("1e3", None), ("+1", None), ("nan", None)],
        ("9" * 30, int("9" * 30)),
    ],
)
def test_parse_integer(cell: str, value: int | None) -> None:
    assert parse_integer(cell) == value
