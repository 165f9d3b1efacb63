from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from components.pusher.push_once import push_once
from schemas.errors import DataError

NOW = 1_700_000_000


def by_content(directory: Path) -> str:
    path = directory / "content"
    if not path.exists():
        raise DataError(directory, problem="is no model.", remedy="Give one.")
    return path.read_text()


def model(directory: Path, content: str) -> Path:
    (directory / "variables").mkdir(parents=True, exist_ok=True)
    (directory / "content").write_text(content)
    (directory / "variables" / "data").write_text(content)
    return directory


def versions(base: Path) -> list[str]:
    return sorted(path.name for path in base.iterdir() if path.name != ".push.lock")


def test_first_push(tmp_path: Path) -> None:
    source, base = model(tmp_path / "m", "a"), tmp_path / "deep" / "serving"

    pushed = push_once(source, base, fingerprint=by_content, now_secs=NOW)

    assert pushed.path == base / str(NOW)
    assert pushed.is_new
    assert (pushed.path / "variables" / "data").read_text() == "a"


def test_same_model_is_not_pushed_twice(tmp_path: Path) -> None:
    source, base = model(tmp_path / "m", "a"), tmp_path / "serving"
    first = push_once(source, base, fingerprint=by_content, now_secs=NOW)

    again = push_once(source, base, fingerprint=by_content, now_secs=NOW + 60)

    assert again.path == first.path
    assert not again.is_new
    assert versions(base) == [str(NOW)]


def test_versions_of_one_second_do_not_collide(tmp_path: Path) -> None:
    base = tmp_path / "serving"
    for name in ("a", "b", "c"):
        push_once(model(tmp_path / name, name), base, fingerprint=by_content, now_secs=NOW)

    assert versions(base) == [str(NOW), str(NOW + 1), str(NOW + 2)]


def test_a_clock_that_went_back_does_not_hide_the_new_model(tmp_path: Path) -> None:
    base = tmp_path / "serving"
    push_once(model(tmp_path / "a", "a"), base, fingerprint=by_content, now_secs=NOW)

    pushed = push_once(model(tmp_path / "b", "b"), base, fingerprint=by_content, now_secs=5)

    assert pushed.path.name == str(NOW + 1)


def test_going_back_to_an_older_model_is_a_push(tmp_path: Path) -> None:
    base = tmp_path / "serving"
    for second, name in enumerate("aba"):
        push_once(model(tmp_path / name, name), base, fingerprint=by_content, now_secs=NOW + second)

    assert (base / str(NOW + 2) / "content").read_text() == "a"


def test_damaged_newest_version_is_replaced_by_a_newer(tmp_path: Path) -> None:
    source, base = model(tmp_path / "m", "a"), tmp_path / "serving"
    push_once(source, base, fingerprint=by_content, now_secs=NOW)
    (base / str(NOW) / "content").unlink()

    pushed = push_once(source, base, fingerprint=by_content, now_secs=NOW)

    assert pushed.path.name == str(NOW + 1)


def test_nothing_to_push(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(DataError, match="is no model"):
        push_once(tmp_path / "empty", tmp_path / "s", fingerprint=by_content, now_secs=NOW)

    assert not (tmp_path / "s").exists()


def test_killed_in_the_middle_leaves_no_half_version(tmp_path: Path) -> None:
    source, base = model(tmp_path / "m", "a"), tmp_path / "serving"
    script = f"""
import os, shutil, signal
from pathlib import Path
from components.pusher import push_once
def half(source, target, **_):
    (Path(target) / "content").write_text("a")
    os.kill(os.getpid(), signal.SIGKILL)
shutil.copytree = half
push_once.push_once({str(source)!r}, {str(base)!r}, fingerprint=lambda path: "a", now_secs={NOW})
"""
    root = Path(__file__).parents[3]
    killed = subprocess.run([sys.executable, "-c", script], cwd=root, check=False)

    assert killed.returncode == -9
    assert versions(base) == [f".{NOW}.unfinished"]
    pushed = push_once(source, base, fingerprint=by_content, now_secs=NOW + 7)
    assert versions(base) == [str(NOW + 7)]
    assert (pushed.path / "variables" / "data").read_text() == "a"


def test_pushers_at_the_same_time_push_once(tmp_path: Path) -> None:
    source, base = model(tmp_path / "m", "a"), tmp_path / "serving"
    results = []

    def push() -> None:
        results.append(push_once(source, base, fingerprint=by_content, now_secs=NOW))

    threads = [threading.Thread(target=push) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(pushed.is_new for pushed in results) == 1
    assert versions(base) == [str(NOW)]
