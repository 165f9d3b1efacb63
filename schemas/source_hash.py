"""A hash of the source of our own modules, for cache keys.

TFX keys its cache on the configuration of a step, not on its code: an edited executor would leave
the step "cached" with the old result. Every step of ours carries `source_hash` of what it runs. The
law: in it is all of ours that is imported from there on, directly or through others, at the top of
a module or in a function. What is loaded by its name is named as well.

    source_hash("components.progressive_trainer.executor", "components.progressive_trainer.worker")
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOMS = ("kubeflow", "pipeline", "components", "serving", "schemas")
"""Our packages."""


@cache
def source_hash(*names: str) -> str:
    """Returns 16 hex digits over modules and all of ours that they import.

    Args:
        names: of modules, dotted, for example "components.mobile_exporter.executor".

    Raises:
        ModuleNotFoundError: if there is no such module.
    """
    digest = hashlib.sha256()
    for name in modules_run(*names):
        digest.update(f"{name}\0".encode())
        digest.update(_source(name).read_bytes())
    return digest.hexdigest()[:16]


def modules_run(*names: str) -> list[str]:
    """Returns the names of modules, and of all of ours that they import, sorted.

    Raises:
        ModuleNotFoundError: if there is no module of a name, or an empty one, as of most packages.
    """
    for name in names:
        path = _find(name)
        if path is None or not path.read_bytes().strip():
            raise ModuleNotFoundError(f"No module {name!r} to hash, or an empty one.")
    found: set[str] = set()
    left = [*names]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += _imports(name)
    return sorted(found)


@cache
def _imports(name: str) -> tuple[str, ...]:
    """Our modules that one imports itself, and the packages that it lies in."""
    wanted = [".".join(name.split(".")[:depth]) for depth in range(1, name.count(".") + 1)]
    for node in ast.walk(ast.parse(_source(name).read_bytes())):
        if isinstance(node, ast.Import):
            wanted += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports of ours are absolute"
            # What is taken from a package may be a module of it.
            wanted += [str(node.module), *(f"{node.module}.{each.name}" for each in node.names)]
    return tuple(_ours(wanted))


def _ours(names: list[str]) -> Iterator[str]:
    for name in names:
        if name.split(".")[0] in ROOMS and _find(name) is not None:
            yield name


def _source(name: str) -> Path:
    path = _find(name)
    assert path is not None, "looked for before"
    return path


@cache
def _find(name: str) -> Path | None:
    """The file of a module or package; None where there is neither. Nothing is imported for it."""
    room, *inner = name.split(".")
    spec = importlib.util.find_spec(room)
    if spec is None or spec.origin is None:
        return None
    place = Path(spec.origin).parent.joinpath(*inner)
    for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if file.is_file():
            return file
    return None
