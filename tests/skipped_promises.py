"""Promises whose test needs a tool that `make setup` does not bring; the end of a run names them.

pytestmark = pytest.mark.skipif(find_chromium() is None, reason=CHROMIUM.reason)
lines(terminalreporter.stats["skipped"])    # one for each promise that was not tested
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Promise:
    """What is left out where a tool is missing.

    Attributes:
        what: the promise.
        reason: why its tests are skipped.
        remedy: how to get the tool, a sentence.
    """

    what: str
    reason: str
    remedy: str


CHROMIUM = Promise(
    what="the page in a browser",
    reason="no Chromium on this machine",
    remedy="Install it (apt-get install chromium), or name a browser of its family in "
    "FIELDMARK_CHROMIUM.",
)
COMPOSE = Promise(
    what="the compose file of TF Serving",
    reason="no Docker Compose on this machine",
    remedy="Install it (apt-get install docker-compose).",
)
MEDIAPIPE = Promise(
    what="MediaPipe's answers by our metadata",
    reason="FIELDMARK_MEDIAPIPE_PYTHON names no Python with MediaPipe",
    remedy="Make an environment for it (.tools/uv/bin/uv venv --python 3.11 .mediapipe, then "
    ".tools/uv/bin/uv pip install --python .mediapipe mediapipe==0.10.21), and set "
    "FIELDMARK_MEDIAPIPE_PYTHON=.mediapipe/bin/python.",
)

PROMISES = (CHROMIUM, COMPOSE, MEDIAPIPE)


def lines(skipped: Iterable[pytest.TestReport]) -> list[str]:
    """Returns a line for each promise that was not tested, with how to have it tested."""
    reasons = [str(report.longrepr) for report in skipped]
    counts = {of: sum(of.reason in reason for reason in reasons) for of in PROMISES}
    return [
        f"Not tested: {promise.what} ({count} {'test' if count == 1 else 'tests'}): "
        f"{promise.reason}. {promise.remedy}"
        for promise, count in counts.items()
        if count
    ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Pytest's hook, which `conftest` hands on: writes the lines at the end of a run."""
    for line in lines(terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_line(line, yellow=True)
