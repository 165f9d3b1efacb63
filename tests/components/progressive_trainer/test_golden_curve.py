"""The loss curve in the repository: what 20 steps lose changes only where it was meant to.

Another processor, or another order of sums, moves a loss by a millionth of itself or less; the
slightest change of what is computed moves one by more than `TOLERANCE`. Where a change is meant,
`make_golden_curve.py` says how to write the curve anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import make_golden_curve
import numpy as np
import pytest

TOLERANCE = 2e-5
"""Of each loss. Without oneDNN, whose convolutions sum in another order, the curve moves by 3e-7: a
seventieth of it."""


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    curve: dict[str, Any] = json.loads(make_golden_curve.CURVE_FILE.read_text())
    return curve


def moved(ours: dict[str, list[float]], golden: dict[str, Any], name: str) -> float:
    """The largest relative difference of two curves."""
    return float(np.max(np.abs(np.array(ours[name]) / np.array(golden[name]) - 1)))


def test_twenty_steps_lose_what_they_lost_when_the_curve_was_written(
    golden: dict[str, Any], tmp_path: Path
) -> None:
    ours = make_golden_curve.curve(tmp_path, make_golden_curve.golden_settings())

    assert len(ours["train_loss"]) == 20
    assert moved(ours, golden, "train_loss") < TOLERANCE
    assert moved(ours, golden, "val_loss") < TOLERANCE


def test_small_change_of_meaning_leaves_the_curve(golden: dict[str, Any], tmp_path: Path) -> None:
    given = make_golden_curve.golden_settings()
    # Less of a change than any bug: a twentieth more of the decay of weights.
    other = given.model_copy(update={"weight_decay": 0.021})

    ours = make_golden_curve.curve(tmp_path, other)

    assert moved(ours, golden, "train_loss") > TOLERANCE
    assert moved(ours, golden, "val_loss") > TOLERANCE
