from __future__ import annotations

import io

from pipeline.inspect.live_progress import LiveProgress


class Clock:
    def __init__(self) -> None:
        self.secs = 100.0

    def __call__(self) -> float:
        return self.secs


def test_what_is_over_within_two_seconds_says_nothing() -> None:
    clock, stream = Clock(), io.StringIO()
    live = LiveProgress(stream, clock)
    live.rows("reading a.csv", 1)
    clock.secs += 1.9
    live.rows("reading a.csv", 1_000_000)
    live.share("reading tables", 0.5)
    live.close()
    assert stream.getvalue() == ""


def test_a_log_gets_a_line_now_and_then_with_the_rate() -> None:
    clock, stream = Clock(), io.StringIO()
    live = LiveProgress(stream, clock)
    live.rows("reading a.csv", 0)
    for _ in range(20):
        clock.secs += 1
        live.rows("reading a.csv", int(clock.secs - 100) * 50_000)
    assert stream.getvalue() == (
        "reading a.csv: 100,000 rows, 50,000 rows/s\nreading a.csv: 850,000 rows, 50,000 rows/s\n"
    )


def test_a_share_gives_the_time_left_of_that_piece_of_work() -> None:
    clock, stream = Clock(), io.StringIO()
    live = LiveProgress(stream, clock)
    live.rows("reading a.csv", 0)
    clock.secs += 50
    live.share("reading dump", None)
    clock.secs += 30
    live.share("reading dump", 0.25)
    assert stream.getvalue() == "reading dump: 0.0 s\nreading dump: 25%, 1 min 30 s left\n"
