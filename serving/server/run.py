"""The server as a process: it listens, says where, and ends in good order.

On SIGTERM (or Ctrl-C) it takes no new connections, answers the requests that it has, and ends;
after `grace_secs` it ends all the same. A second signal ends it at once.

    run(options, host="127.0.0.1", port=8501, tell=print)
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from aiohttp import web

from schemas.errors import ConfigError
from serving.server.app import ServerOptions, make_app
from serving.server.ending import ENDING

CUT_OFF_SECS = 1.0
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run(
    options: ServerOptions,
    *,
    host: str,
    port: int,
    tell: Callable[[str], None],
    grace_secs: float = 30.0,
) -> None:
    """Serves until a signal comes.

    Args:
        options: how to serve.
        host: address to listen at.
        port: to listen at; 0 for any that is free.
        tell: is told where the server is, once it listens.
        grace_secs: how long requests may go on after the signal.

    Raises:
        FieldmarkError: if there is no model, it cannot be loaded, or the address is taken.
    """
    app = make_app(options)
    asyncio.run(_serve(app, options, host, port, tell, grace_secs))


async def _serve(
    app: web.Application,
    options: ServerOptions,
    host: str,
    port: int,
    tell: Callable[[str], None],
    grace_secs: float,
) -> None:
    # What is still there after `grace_secs` is cut off.
    runner = web.AppRunner(app, shutdown_timeout=CUT_OFF_SECS)
    await runner.setup()
    try:
        await _listen(runner, host, port)
        tell(f"Serving {options.name} from {options.directory} at {_address(runner)}")
        await _signalled()
        tell("Ending: requests that came before are answered.")
        await app[ENDING].wait(runner, grace_secs)
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise ConfigError(
            f"The server cannot listen at {host} port {port}: {error.strerror}. Choose another "
            "with --host and --port (0 takes any port that is free)."
        ) from error


async def _signalled() -> None:
    """Waits for a signal; the next one does what it does by itself."""
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    for number in SIGNALS:
        loop.add_signal_handler(number, came.set)
    await came.wait()
    for number in SIGNALS:
        loop.remove_signal_handler(number)


def _address(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
