from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pipeline.fetch.rate_limit import RateLimiter


@pytest.fixture
def limiter(fake_time: Any) -> RateLimiter:
    return RateLimiter(4.0, clock=fake_time.clock, sleep=fake_time.sleep)


def test_spaces_requests(limiter: RateLimiter, fake_time: Any) -> None:
    times = []
    for _ in range(4):
        limiter.acquire()
        times.append(fake_time.now_secs - 1000)
    assert times == [0, 0.25, 0.5, 0.75]


def test_idle_time_is_not_saved_up(limiter: RateLimiter, fake_time: Any) -> None:
    limiter.acquire()
    fake_time.now_secs += 100
    times = []
    for _ in range(4):
        limiter.acquire()
        times.append(fake_time.now_secs - 1100)
    assert times == [0, 0.25, 0.5, 0.75]


def test_a_pause_holds_for_all_and_a_longer_one_wins(limiter: RateLimiter, fake_time: Any) -> None:
    limiter.hold_back(30)
    limiter.hold_back(5)
    limiter.acquire()
    assert fake_time.now_secs == 1030
    limiter.acquire()
    assert fake_time.now_secs == 1030.25


def test_sleep_may_end_the_waiting(fake_time: Any) -> None:
    def interrupted(secs: float) -> None:
        raise InterruptedError

    limiter = RateLimiter(1.0, clock=fake_time.clock, sleep=interrupted)
    limiter.acquire()
    with pytest.raises(InterruptedError):
        limiter.acquire()


def test_threads_share_one_rate(fake_time: Any) -> None:
    limiter = RateLimiter(8.0, clock=fake_time.clock, sleep=fake_time.sleep)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: limiter.acquire(), range(41)))
    assert fake_time.now_secs >= 1000 + 40 / 8
