"""A hash of the source of our own packages, for cache keys.

TFX keys its cache on the configuration of a step, not on its code: an edited executor would leave
the step "cached" with the old result. Every step of ours carries `source_hash` of what it runs.
"""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from pathlib import Path


@cache
def source_hash(*names: str) -> str:
    """Returns 16 hex digits over all .py files of the packages or modules `names`.

    Args:
        names: dotted names, for example "schemas" or "components.mobile_exporter".
    """
    digest = hashlib.sha256()
    for name in names:
        for inner, path in _sources(name):
            digest.update(f"{name}:{inner}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _sources(name: str) -> list[tuple[str, Path]]:
    """Returns (path inside the package, file) of each source, sorted."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No package or module {name!r} to hash.")
    if not spec.submodule_search_locations:
        return [("", Path(spec.origin))]
    root = Path(spec.submodule_search_locations[0])
    return sorted((path.relative_to(root).as_posix(), path) for path in root.rglob("*.py"))
