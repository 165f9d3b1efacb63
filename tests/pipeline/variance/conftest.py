"""Finds the helpers of these tests and those of lineage."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
for directory in (HERE, HERE.parent / "lineage"):
    sys.path.insert(0, str(directory))
