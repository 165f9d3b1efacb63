"""Every backbone takes its training step in shorter arithmetic and compiled, and loses the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import first_losses
import forked
import numpy as np
import pytest

from components.progressive_trainer.config import Network

pytestmark = [pytest.mark.every_backbone, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module", params=get_args(Network))
def losses(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[float]]:
    """A network's first losses by the name of their arithmetic."""
    target = tmp_path_factory.mktemp(request.param) / "losses.json"
    script = Path(first_losses.__file__)
    done = forked.run(script, request.param, target, timeout_secs=1800)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, list[float]] = json.loads(target.read_text())
    return found


@pytest.mark.parametrize(
    ("arithmetic", "rounding"),
    [
        ("bfloat16", 0.1),  # 8 bits, through tens of layers: 0.04 was seen
        ("float16", 0.01),
        ("xla", 1e-3),
    ],
)
def test_first_step_loses_what_it_loses_in_float32(
    losses: dict[str, list[float]], arithmetic: str, rounding: float
) -> None:
    first, *later = losses[arithmetic]
    assert first == pytest.approx(losses["float32"][0], rel=rounding)
    assert np.isfinite(later).all()
