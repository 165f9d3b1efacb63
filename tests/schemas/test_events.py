from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from schemas.events import EVENTS_VARIABLE, METER_INTERVAL_SECS, Meter, emit

Read = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Turns events to a file and returns a function that reads them."""
    path = tmp_path / "events.jsonl"
    monkeypatch.setenv(EVENTS_VARIABLE, str(path))
    return lambda: [json.loads(line) for line in path.read_text().splitlines()]


def test_an_event_is_one_line_of_json(events: Read) -> None:
    emit("note", text="two\nlines")
    emit("note", text="café")
    assert events() == [
        {"kind": "note", "process": os.getpid(), "text": "two\nlines"},
        {"kind": "note", "process": os.getpid(), "text": "café"},
    ]


def test_without_a_file_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(EVENTS_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    emit("note", text="nobody listens")
    assert list(tmp_path.iterdir()) == []


def test_threads_do_not_mix_their_lines(events: Read) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: emit("note", text=str(n) * 500), range(200)))
    assert sorted(event["text"][:1] for event in events()) == sorted(str(n)[0] for n in range(200))


def test_a_meter_reports_now_and_then_and_at_the_end(events: Read) -> None:
    now = [0.0]
    meter = Meter("photos read", total=100, unit="photos", clock=lambda: now[0])
    for _ in range(100):
        meter.add(1)
        now[0] += METER_INTERVAL_SECS / 32  # exact in binary
    meter.close()
    assert [event["done"] for event in events()] == [1, 33, 65, 97, 100]
    first = events()[0]
    assert {k: first[k] for k in ("kind", "label", "total", "unit")} == {
        "kind": "progress",
        "label": "photos read",
        "total": 100,
        "unit": "photos",
    }
