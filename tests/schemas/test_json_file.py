from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.json_file import write_json


def test_value_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "counts.json"
    write_json(path, {"photos": 1})
    write_json(path, {"photos": 2})

    assert json.loads(path.read_text()) == {"photos": 2}
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "counts.json"
    write_json(path, [1])

    with pytest.raises(TypeError):
        write_json(path, [object()])

    assert json.loads(path.read_text()) == [1]
    assert list(tmp_path.iterdir()) == [path]
