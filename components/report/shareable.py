"""What a page may tell of where things lie: a page is passed on, and a home directory is not.

>>> relative_place("/home/ada/runs/demo/artifacts/Evaluator/evaluation/18")
'artifacts/Evaluator/evaluation/18'
>>> shareable({"export_dir": "/home/ada/my-export", "trainer": {"seed": 3}})
{'export_dir': '…/my-export', 'trainer': {'seed': 3}}
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

_OF_AN_ARTIFACT = 4
"""Parts of a path that a run's own folder holds: artifacts, step, output, execution."""

_OF_A_PUSH = 3
"""The same: pushed, kind, version."""


def relative_place(path: str) -> str:
    """Returns where an artifact or a pushed version lies, as seen from the run's folder."""
    parts = PurePosixPath(path).parts
    kept = _OF_A_PUSH if "pushed" in parts[-_OF_A_PUSH:] else _OF_AN_ARTIFACT
    return "/".join(parts[-kept:])


def shareable(value: Any) -> Any:
    """Returns JSON-able values with absolute paths cut to their last part."""
    if isinstance(value, dict):
        return {key: shareable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shareable(inner) for inner in value]
    if isinstance(value, str) and value.startswith("/"):
        return f"…/{PurePosixPath(value).name}"
    return value
