from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from schemas.source_hash import source_hash


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `hashed` with one subpackage."""
    monkeypatch.syspath_prepend(tmp_path)
    inner = tmp_path / "hashed/inner"
    inner.mkdir(parents=True)
    (tmp_path / "hashed/__init__.py").touch()
    (inner / "__init__.py").touch()
    (inner / "one.py").write_text("ONE = 1\n")
    (tmp_path / "hashed/notes.txt").write_text("not code")
    return tmp_path / "hashed"


def fresh(*names: str) -> str:
    source_hash.cache_clear()
    importlib.invalidate_caches()
    return source_hash(*names)


def test_is_sixteen_hex_digits_and_stays(package: Path) -> None:
    first = fresh("hashed")
    assert len(first) == 16
    assert int(first, 16) >= 0
    (package / "notes.txt").write_text("other notes")
    assert fresh("hashed") == first


def test_changes_with_any_source(package: Path) -> None:
    first = fresh("hashed")
    (package / "inner/one.py").write_text("ONE = 2\n")
    assert fresh("hashed") != first


def test_changes_when_a_source_moves_or_comes(package: Path) -> None:
    hashes = {fresh("hashed")}
    (package / "inner/one.py").rename(package / "one.py")
    hashes.add(fresh("hashed"))
    (package / "two.py").touch()
    hashes.add(fresh("hashed"))
    assert len(hashes) == 3


def test_of_a_module_is_that_of_its_file(package: Path) -> None:
    first = fresh("hashed.inner.one")
    (package / "inner/__init__.py").write_text("changed = True\n")
    assert fresh("hashed.inner.one") == first
    (package / "inner/one.py").write_text("ONE = 2\n")
    assert fresh("hashed.inner.one") != first


def test_several_names_count_in_their_order(package: Path) -> None:
    assert fresh("hashed", "schemas") != fresh("schemas", "hashed")


def test_a_name_that_is_nothing() -> None:
    with pytest.raises(ModuleNotFoundError) as caught:
        fresh("no_such_package")
    assert str(caught.value) == "No package or module 'no_such_package' to hash."
