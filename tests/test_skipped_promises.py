from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from skipped_promises import CHROMIUM, MEDIAPIPE, PROMISES, lines, pytest_terminal_summary


def skipped(reason: str) -> SimpleNamespace:
    """A report as pytest has it, and as xdist brings it from a worker."""
    return SimpleNamespace(longrepr=("tests/x.py", 7, f"Skipped: {reason}"))


def test_a_line_for_each_promise_says_how_to_have_it_tested() -> None:
    reports = [skipped(CHROMIUM.reason), skipped(CHROMIUM.reason), skipped(MEDIAPIPE.reason)]

    assert lines([*reports, skipped("no GPU")]) == [
        "Not tested: the page in a browser (2 tests): no Chromium on this machine. Install it "
        "(apt-get install chromium), or name a browser of its family in FIELDMARK_CHROMIUM.",
        "Not tested: MediaPipe's answers by our metadata (1 test): FIELDMARK_MEDIAPIPE_PYTHON "
        "names no Python with MediaPipe. Make an environment for it (.tools/uv/bin/uv venv "
        "--python 3.11 .mediapipe, then .tools/uv/bin/uv pip install --python .mediapipe "
        "mediapipe==0.10.21), and set FIELDMARK_MEDIAPIPE_PYTHON=.mediapipe/bin/python.",
    ]
    assert lines([]) == []


def test_the_end_of_a_run_has_these_lines() -> None:
    written: list[str] = []
    reporter = SimpleNamespace(
        stats={"skipped": [skipped(promise.reason) for promise in PROMISES]},
        write_line=lambda line, **_: written.append(line),
    )

    pytest_terminal_summary(reporter)

    assert [line.partition(" (")[0] for line in written] == [
        f"Not tested: {promise.what}" for promise in PROMISES
    ]


def test_the_readme_names_each_tool() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()

    for tool in ("Chromium", "Docker Compose", "MediaPipe"):
        assert tool in readme.split("## For developers")[1]
