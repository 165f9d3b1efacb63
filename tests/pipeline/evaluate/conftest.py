"""Finds the helpers of these tests and those of their neighbours."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parents[1]
for directory in (HERE, TESTS / "schemas", TESTS / "serving", TESTS / "components/taxon_evaluator"):
    sys.path.insert(0, str(directory))
