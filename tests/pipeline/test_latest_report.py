from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.latest_report import keep_report
from pipeline.layout import Layout


def written(directory: Path, page: str) -> Any:
    """A pipeline whose last Report wrote a page."""
    directory.mkdir(parents=True)
    (directory / "report.html").write_text(page)
    run = SimpleNamespace(outputs={"report": SimpleNamespace(uri=str(directory))})
    return SimpleNamespace(last_good={"Report": run}.get)


def test_newest_page_stands_at_the_same_path_after_each_run(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    keep_report(written(tmp_path / "artifacts/1", "first"), layout)
    keep_report(written(tmp_path / "artifacts/2", "second"), layout)
    assert (tmp_path / "report.html").read_text() == "second"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["artifacts", "report.html"]


def test_run_that_dies_while_it_copies_leaves_the_page_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path)
    keep_report(written(tmp_path / "artifacts/1", "first"), layout)

    def half(source: Path, target: Path) -> None:
        Path(target).write_text("sec")
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copyfile", half)
    with pytest.raises(KeyboardInterrupt):
        keep_report(written(tmp_path / "artifacts/2", "second"), layout)
    assert (tmp_path / "report.html").read_text() == "first"
