"""Finds the helpers beside these tests, and the taxonomies that hypothesis draws."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
for directory in (HERE, HERE.parents[1] / "schemas"):
    sys.path.insert(0, str(directory))
