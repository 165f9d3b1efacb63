"""One rate for all threads, and a pause for all when the server asks for one.

A token bucket that holds one token: requests are spaced 1 / rate apart, whatever number of
threads asks, and idle time is not saved up for a burst.

    limiter = RateLimiter(10.0)
    limiter.acquire()               # blocks until a request may be sent
    limiter.hold_back(30.0)         # nobody sends anything for 30 s
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class RateLimiter:
    """Spaces requests.

    Args:
        requests_per_sec: highest rate; above 0.
        clock: seconds.
        sleep: waits that many seconds, or less; it may raise to end the waiting.
    """

    def __init__(
        self,
        requests_per_sec: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._interval_secs = 1 / requests_per_sec
        self._clock, self._sleep = clock, sleep
        self._next_secs = float("-inf")
        self._lock = threading.Lock()

    def acquire(self) -> None:
        """Blocks until a request may be sent, and counts it as sent."""
        while (wait_secs := self._take_or_wait()) > 0:
            self._sleep(wait_secs)

    def hold_back(self, secs: float) -> None:
        """Lets nobody send a request for `secs` from now on; a longer pause stays as it is."""
        with self._lock:
            self._next_secs = max(self._next_secs, self._clock() + secs)

    def _take_or_wait(self) -> float:
        """Takes the next place in time and returns 0, or returns the seconds until there is one."""
        with self._lock:
            now = self._clock()
            if now < self._next_secs:
                return self._next_secs - now
            self._next_secs = now + self._interval_secs
            return 0.0
