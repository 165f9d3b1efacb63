"""Our own artifact types by the names that stand in a compiled pipeline.

TFX looks for a custom type at its name, taken as an import path; ours are named for the project
(`fieldmark.Taxonomy`), wherever their classes are.

    class_path("fieldmark.Taxonomy")  # "components.artifacts.Taxonomy"
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from functools import cache

import components


def class_path(title: str) -> str:
    """Returns the import path of a type of ours; any other title as it is."""
    return _class_paths().get(title, title)


@cache
def _class_paths() -> dict[str, str]:
    """By name. The types are in `components.artifacts` and in `components.*.artifact`."""
    names = ["components.artifacts"]
    for package in pkgutil.iter_modules(components.__path__, "components."):
        if package.ispkg and importlib.util.find_spec(f"{package.name}.artifact"):
            names.append(f"{package.name}.artifact")
    found = {}
    for name in names:
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, type) and value.__module__ == name:
                title = getattr(value, "TYPE_NAME", None)
                if title:
                    found[title] = f"{name}.{value.__name__}"
    return found
