from __future__ import annotations

import fcntl
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))
sys.path.insert(0, str(Path(__file__).parent))

from tiny_run import TinyRun


@pytest.fixture(scope="session")
def tiny_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A painted export of 6 leaves and 120 small photos."""
    from pipeline.demo_world.export import draw_export

    directory = tmp_path_factory.mktemp("export") / "demo"
    draw_export(directory, species=6, photos=120, size_px=(96, 160), jobs=1)
    return directory


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory, tiny_export: Path) -> TinyRun:
    """A run, and the same again, which the cache serves; only to be looked at.

    Made by one of the processes that the tests are dealt out to; the others wait for it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / "whole-run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run = TinyRun(shared / "whole-run", shared / "whole-run-export")
        done = shared / "whole-run.done"
        if not done.exists():
            shutil.copytree(tiny_export, run.export_dir, dirs_exist_ok=True)
            run.work_dir.mkdir(exist_ok=True)
            for _ in range(2):
                result = run.run()
                assert result.returncode == 0, result.stdout + result.stderr
            done.touch()
    return run
