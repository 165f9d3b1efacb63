from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from pipeline.fetch.fetch_export import Tally
from pipeline.fetch.progress import PLAIN_INTERVAL_SECS, Pace, count_rows, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_says_how_far_how_fast_and_how_long(fake_time: Any) -> None:
    pace = Pace(5902, fake_time.clock)
    assert pace.line(Tally()) == "0 of 5,902 photos, 0 fetched"
    fake_time.now_secs += 10
    assert pace.line(Tally(on_disk=902, fetched=98)) == (
        "1,000 of 5,902 photos, 98 fetched, 9.8 photos/s, 49 s left"
    )
    fake_time.now_secs += 10
    assert pace.line(Tally(on_disk=902, fetched=194, refused=1, unreachable=3)).startswith(
        "1,100 of 5,902 photos, 194 fetched, 4 failed, 9.7 photos/s, "
    )


def test_the_rate_is_that_of_the_last_minute(fake_time: Any) -> None:
    pace = Pace(100_000, fake_time.clock)
    fake_time.now_secs += 1
    pace.line(Tally(on_disk=50_000))
    for second in range(1, 121):
        fake_time.now_secs += 1
        line = pace.line(Tally(on_disk=50_000, fetched=10 * second))
    assert line == "51,200 of 100,000 photos, 1,200 fetched, 10.0 photos/s, 1 h 21 min left"


def test_elsewhere_than_on_a_terminal_lines_come_now_and_then(fake_time: Any) -> None:
    stream = io.StringIO()
    with progress(stream, total=10, clock=fake_time.clock) as show:
        show(Tally(fetched=1))
        fake_time.now_secs += PLAIN_INTERVAL_SECS
        show(Tally(fetched=5))
        show(Tally(fetched=6))
    assert stream.getvalue() == "5 of 10 photos, 5 fetched, 0.3 photos/s, 15 s left\n"


def test_a_terminal_gets_a_bar() -> None:
    stream = Terminal()
    with progress(stream, total=10) as show:
        show(Tally(on_disk=10))
    assert "10 of 10 photos, 0 fetched" in stream.getvalue()


def test_rows_are_counted_without_the_header_and_without_the_last_line_end(tmp_path: Path) -> None:
    contents = {"a": "h\n1\n2\n", "b": "h\n1\n2", "c": "h\n", "d": "h", "e": ""}
    paths = {name: tmp_path / name for name in contents}
    for name, text in contents.items():
        paths[name].write_text(text)
    assert {name: count_rows([path]) for name, path in paths.items()} == {
        "a": 2,
        "b": 2,
        "c": 0,
        "d": 0,
        "e": 0,
    }
    assert count_rows(paths.values()) == 4
