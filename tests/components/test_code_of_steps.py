"""What is in the cache keys of the steps: all code of ours that they run."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import grimp
import pytest

from schemas.source_hash import ROOMS, modules_run

COMPONENTS = Path(__file__).parents[2] / "components"
UNHASHED = ("last_blessed",)
"""It copies what its driver has found, whatever the code."""
STEPS = sorted({path.parent.name for path in COMPONENTS.glob("*/component.py")} - set(UNHASHED))


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*ROOMS, cache_dir=None)


def component(step: str) -> ModuleType:
    return importlib.import_module(f"components.{step}.component")


@pytest.mark.parametrize("step", STEPS)
def test_hash_of_a_step_has_every_module_that_its_executor_and_processes_import(
    step: str, graph: grimp.ImportGraph
) -> None:
    code = component(step).CODE
    assert f"components.{step}.executor" in code

    imported = set(code)
    for module in code:
        imported |= graph.find_upstream_modules(module)

    # The packages that they lie in are run as well: all but a few are empty.
    assert imported <= set(modules_run(*code))


def test_hash_of_training_has_the_process_that_trains_and_its_backbones() -> None:
    code = component("progressive_trainer").CODE
    assert "components.progressive_trainer.worker" in code
    assert "serving.efficientnet_lite" in modules_run(*code)
