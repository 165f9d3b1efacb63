from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import logging, os, subprocess, sys
from pathlib import Path
from pipeline.chatter import chatter_to
with chatter_to(Path(sys.argv[1])) as terminal:
    print("python prints")
    logging.getLogger("tfx").warning("python logs")
    os.write(2, b"native code writes\\n")
    subprocess.run(["sh", "-c", "echo a child writes"])
    print("for the person", file=terminal)
print("after the run")
"""


def test_all_chatter_goes_to_the_log_and_only_ours_to_the_terminal(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(log)], capture_output=True, text=True, check=True
    )
    assert result.stderr == "for the person\n"
    assert result.stdout == "after the run\n"
    written = log.read_text()
    for text in ("python prints", "python logs", "native code writes", "a child writes"):
        assert text in written
