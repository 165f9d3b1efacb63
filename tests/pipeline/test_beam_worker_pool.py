"""What the pool starts for each worker; that it works is seen by make test-flink."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pipeline.beam_worker_pool import write_launcher

REPOSITORY = Path(__file__).resolve().parents[2]


def test_a_worker_is_the_pools_own_python_and_hands_on_what_the_runner_says(tmp_path: Path) -> None:
    launcher = write_launcher(tmp_path)
    assert sys.executable in launcher.read_text()
    # As Beam's pool starts it, with nothing on the PATH.
    done = subprocess.run(
        [str(launcher), "--id=1-1", "--provision_endpoint=localhost:1"],
        cwd=REPOSITORY,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.rstrip().endswith("required: --control_endpoint")
