"""The end of a server in good order: who came before is answered, uploads under way included.

aiohttp answers requests that have arrived whole, and drops what is still being sent; an upload from
a phone takes seconds. So connections are taken no more, the house is waited for to be empty, and
only then is the server shut down.
"""

from __future__ import annotations

import asyncio
import time

from aiohttp import web
from aiohttp.typedefs import Handler

from serving.server.gate import Gate

_POLL_SECS = 0.02


class Ending:
    """Whether the server is ending.

    Args:
        gate: whose photos are waited for.

    Attributes:
        is_under_way: True from the signal on.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate, self.is_under_way = gate, False

    async def wait(self, runner: web.AppRunner, grace_secs: float) -> float:
        """Lets nobody in any more and waits for those inside; returns what is left of the time.

        Args:
            runner: of the server.
            grace_secs: how long to wait at most.
        """
        self.is_under_way = True
        until = time.monotonic() + grace_secs
        for site in list(runner.sites):
            await site.stop()
        while self._gate.inside and time.monotonic() < until:
            await asyncio.sleep(_POLL_SECS)
        return max(until - time.monotonic(), 0.0)

    @web.middleware
    async def close_connections(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Keeps no connection open at the end, or a busy client could go on for ever."""
        response = await handler(request)
        if self.is_under_way:
            response.force_close()
        return response


ENDING = web.AppKey("ending", Ending)
