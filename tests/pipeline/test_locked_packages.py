from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from pipeline.locked_packages import (
    Disagreement,
    disagreements,
    installed_version,
    locked_versions,
)
from schemas.errors import DataError

LOCK = """absl-py==1.4.0 \\
    --hash=sha256:0d3f
    # via keras
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:0d3f
uvloop==0.22.1 ; sys_platform == 'linux' and python_version >= '3.11' \\
    --hash=sha256:0d3f
"""


def test_reads_what_the_lock_names_for_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "requirements.lock"
    path.write_text(LOCK)
    assert locked_versions(path) == {"absl-py": "1.4.0", "uvloop": "0.22.1"}


@pytest.mark.parametrize("line", ["numpy>=2", "numpy", "numpy==2,<3", "a b c"])
def test_a_line_that_pins_nothing(tmp_path: Path, line: str) -> None:
    path = tmp_path / "requirements.lock"
    path.write_text(f"{LOCK}{line} \\\n    --hash=sha256:0d3f\n")
    with pytest.raises(DataError) as caught:
        locked_versions(path)
    assert str(caught.value) == (
        f"{path}, row 8: is not name==version. Received: {line!r}. "
        "Make the file again with: make lock."
    )


def test_a_lock_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        locked_versions(tmp_path / "gone.lock")
    assert str(caught.value) == (
        f"{tmp_path}/gone.lock: cannot be read: No such file or directory. "
        "Check the path and its permissions."
    )


def test_names_what_differs() -> None:
    pytest_version = metadata.version("pytest")
    found = disagreements({"pytest": "0.1", "click": metadata.version("click"), "no-such": "1"})
    assert found == [
        Disagreement("no-such", "1", None),
        Disagreement("pytest", "0.1", pytest_version),
    ]
    assert [str(one) for one in found] == [
        "no-such missing (locked: 1)",
        f"pytest is {pytest_version} (locked: 0.1)",
    ]
    assert installed_version("no-such") is None
