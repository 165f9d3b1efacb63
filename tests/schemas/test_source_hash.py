from __future__ import annotations

from pathlib import Path

import pytest

from schemas import source_hash as module
from schemas.source_hash import modules_run, source_hash


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of ours, `hashed`: `start` imports all of `inner`, each in a way of its own."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(module, "ROOMS", ("hashed",))
    inner = tmp_path / "hashed/inner"
    inner.mkdir(parents=True)
    for package in (tmp_path / "hashed", inner):
        (package / "__init__.py").touch()
    (tmp_path / "hashed/start.py").write_text(
        "import json\n"
        "import hashed.inner.one\n"
        "from hashed.inner import two\n"
        "from hashed.inner.three import THREE\n"
        "def late():\n    from hashed.inner.four import FOUR\n"
    )
    for name in ("one", "two", "three", "four", "five", "six"):
        (inner / f"{name}.py").write_text(f"{name.upper()} = 1\n")
    (inner / "three.py").write_text("import hashed.inner.five\nTHREE = 3\n")
    return tmp_path / "hashed"


def forget() -> None:
    for kept in (source_hash, module._imports, module._find):
        kept.cache_clear()


def fresh(*names: str) -> str:
    forget()
    return source_hash(*names)


def test_is_sixteen_hex_digits_and_stays(room: Path) -> None:
    first = fresh("hashed.start")
    assert len(first) == 16
    assert int(first, 16) >= 0
    (room / "inner/six.py").write_text("SIX = 6  # which nobody imports\n")
    assert fresh("hashed.start") == first


@pytest.mark.parametrize("name", ["start", "inner/__init__"])
def test_changes_with_the_module_and_the_packages_it_lies_in(room: Path, name: str) -> None:
    first = fresh("hashed.start")
    file = room / f"{name}.py"
    file.write_text(file.read_text() + "MORE = 1\n")
    assert fresh("hashed.start") != first


@pytest.mark.parametrize("name", ["one", "two", "three", "four", "five"])
def test_changes_with_all_of_ours_that_is_imported_from_there_on(room: Path, name: str) -> None:
    first = fresh("hashed.start")
    file = room / f"inner/{name}.py"
    file.write_text(file.read_text() + "MORE = 1\n")
    assert fresh("hashed.start") != first


def test_nothing_is_imported_for_it(room: Path) -> None:
    (room / "start.py").write_text("import hashed.inner.one\nraise RuntimeError\n")
    forget()
    assert modules_run("hashed.start") == [
        "hashed",
        "hashed.inner",
        "hashed.inner.one",
        "hashed.start",
    ]


@pytest.mark.parametrize("name", ["schemas", "schemas.no_such", "schemas.errors.no_such", "nobody"])
def test_name_of_nothing_or_of_an_empty_package_is_refused(name: str) -> None:
    with pytest.raises(ModuleNotFoundError) as caught:
        fresh(name)
    assert str(caught.value) == f"No module {name!r} to hash, or an empty one."
