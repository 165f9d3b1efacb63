from __future__ import annotations

from pathlib import Path

import pytest

from components.outliving import outliving


def test_two_runs_at_once_do_not_overwrite_each_others_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    saved = []
    for run in ("a", "b"):
        listed = tmp_path / run / "7" / "pairs.csv"
        listed.parent.mkdir(parents=True)
        listed.write_text(run)
        saved.append(outliving(listed, "fieldmark-pairs-"))

    assert [path.read_text() for path in saved] == ["a", "b"]
    assert all(path.name.startswith("fieldmark-pairs-") and path.suffix == ".csv" for path in saved)
