from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.competition_json import SECTIONS, CompetitionJson
from schemas.errors import DataError

REMEDY = "Unpack the archive again; if that does not help, fetch it again and compare its md5 sum."

Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(contents: bytes) -> Path:
        path = tmp_path / "train.json"
        path.write_bytes(contents)
        return path

    return write


def read(path: Path) -> dict[str, list[object]]:
    found = CompetitionJson.scan(path)
    return {section: list(found.items(section)) for section in found.starts}


TEXTS = st.sampled_from(["", "é", '"images": [', "a, b", '\\"', 'x": NaN, y', "[{", "annotations"])
KEYS = st.sampled_from(["", "é", '"images": [', "a, b", '\\"', "license"])
"""Of objects within an array; none is a section's name."""

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS | st.floats(-1e6, 1e6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=150)
@given(
    arrays=st.dictionaries(st.sampled_from(SECTIONS), st.lists(VALUES, max_size=4), min_size=1),
    others=st.dictionaries(st.sampled_from(["info", "type", "é"]), VALUES),
    order=st.randoms(use_true_random=False),
    indent=st.sampled_from([None, 1]),
    separators=st.sampled_from([(",", ":"), (", ", " : ")]),
)
def test_sections_in_any_order_hold_what_json_says(
    arrays: dict[str, list[Any]],
    others: dict[str, Any],
    order: Any,
    indent: int | None,
    separators: tuple[str, str],
) -> None:
    pairs = [*arrays.items(), *others.items()]
    order.shuffle(pairs)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "x.json")
        path.write_text(json.dumps(dict(pairs), indent=indent, separators=separators))
        assert read(path) == arrays


def test_keys_are_found_across_its_own_reads(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(b'{"images": [{"id": 1}], "annotations" : [ ], "licenses":[{"id":2}]}')
    for size in range(1, 30):
        monkeypatch.setattr("schemas.competition_json._CHUNK_BYTES", size)
        assert read(path) == {"images": [{"id": 1}], "annotations": [], "licenses": [{"id": 2}]}


def test_numbers_that_json_does_not_know_are_empty_wherever_reads_cut_them(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = b'"a": NaN, "b": -Infinity ,"c":Infinity,"d": "x: NaN, y", "e": 1.5, "f": NaN}'
    path = write(b'{"images": [{' + values + b', {"NaN": "NaN"}]}')
    whole = {"a": "", "b": "", "c": "", "d": "x: NaN, y", "e": 1.5, "f": ""}
    for size in range(8, 100):
        monkeypatch.setattr("schemas.competition_json._PARSED_AT_ONCE_BYTES", size)
        assert read(path) == {"images": [whole, {"NaN": "NaN"}]}


def test_a_byte_order_mark_is_no_fault(write: Write) -> None:
    assert read(write(b'\xef\xbb\xbf{"info": {}, "images": []}\n')) == {"images": []}


def test_what_is_not_there_has_no_items(write: Write) -> None:
    assert list(CompetitionJson.scan(write(b'{"images": []}')).items("annotations")) == []


def test_broken_json_is_named_by_its_byte(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.competition_json._PARSED_AT_ONCE_BYTES", 50)
    images = b", ".join(b'{"id": %d}' % number for number in range(40))
    contents = (
        b'{"images": [' + images.replace(b'{"id": 30}', b'{"id": 3x}') + b'], "licenses": []}'
    )
    found = CompetitionJson.scan(write(contents)).items("images")
    with pytest.raises(DataError) as caught:
        list(found)
    assert str(caught.value) == (
        f"{write(contents)}: is broken JSON near byte {contents.index(b'x')}: "
        f"invalid char in json text. {REMEDY}"
    )


@pytest.mark.parametrize(
    ("contents", "problem"),
    [
        (
            b'{"images": [{"id": 1',
            "is cut off, or no JSON: it ends at byte 20 without a closing }.",
        ),
        (b'{"info": 1, "images": [{}}', "is broken JSON near byte 25: "),
        (b'{"images": [{}] "licenses": []}', "is broken JSON near byte 16: no comma before a key."),
        (
            b'{"images": [{"a": "\xff"}], "licenses": []}',
            "is broken JSON near byte 19: invalid bytes in UTF8 string. ",
        ),
        (b'{"images": [{}], x, "licenses": []}', "is broken JSON near byte 17: "),
        (b'{"type": "set"}', "is no competition JSON: it has none of the arrays images, ann"),
        (b"", "is no competition JSON: it has none of the arrays"),
        (
            b'{"data": {"images": []}}',
            "is no competition JSON: images do not stand at its top level",
        ),
        (b'{"images": [], "images": []}', "has the key images more than once, at the bytes 1; 15."),
        (
            b'{"images": [' + b'{"licenses": []}, ' * 9 + b"{}]}",
            "has the key licenses more than once",
        ),
    ],
)
def test_what_is_no_whole_json_is_refused(write: Write, contents: bytes, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        read(write(contents))
    assert f"train.json: {problem}" in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        CompetitionJson.scan(tmp_path / "gone.json")
    assert str(caught.value) == (
        f"{tmp_path}/gone.json: cannot be read: No such file or directory. "
        "Check the path and its permissions."
    )
