"""The routes of the server.

| route                                              | answers                                     |
|----------------------------------------------------|---------------------------------------------|
| `GET /`                                            | the page                                    |
| `POST /classify`                                   | suggestions for photos of a form            |
| `GET /v1/models/NAME[/versions/V]`                 | as TF Serving: which version is served      |
| `GET /v1/models/NAME[/versions/V]/metadata`        | as TF Serving: signatures                   |
| `POST /v1/models/NAME[/versions/V]:predict`        | as TF Serving: a signature's outputs        |
| `GET /healthz`, `/readyz`, `/metrics`              | for those who run it                        |

    app = make_app(options)       # loads the model
    web.run_app(app)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from schemas.errors import ConfigError
from serving.server.batcher import Batcher
from serving.server.ending import ENDING, Ending
from serving.server.errors import MAX_BYTES, errors_as_json, too_large
from serving.server.gate import Gate
from serving.server.handlers import Handlers
from serving.server.limits import Limits
from serving.server.loaded_model import LoadedModel, Output, load_model
from serving.server.model_source import ModelSource
from serving.server.photo_desk import PhotoDesk
from serving.server.server_metrics import ServerMetrics, counting


@dataclass(frozen=True)
class ServerOptions:
    """How to serve.

    Attributes:
        directory: a SavedModel, a mobile bundle, or numbered versions of either.
        name: of the model, in the address.
        variant: of a bundle; None for its default.
        geo_model: `.tflite` file of a geo model for it; None for none.
        geo_thresholds: table of the geo model's thresholds; None for none.
        limits: what is refused.
        max_batch: most photos that the network takes at once.
        max_wait_secs: how long a photo waits for others while the network is idle.
        watch_secs: how often the directory is looked at for a new version; 0 for never.
        decode_threads: threads that decode photos.
    """

    directory: Path
    name: str = "fieldmark"
    variant: str | None = None
    geo_model: Path | None = None
    geo_thresholds: Path | None = None
    limits: Limits = field(default_factory=Limits)
    max_batch: int = 32
    max_wait_secs: float = 0.002
    watch_secs: float = 5.0
    decode_threads: int = field(default_factory=lambda: max(2, os.cpu_count() or 1))

    def __post_init__(self) -> None:
        if self.geo_thresholds is not None and self.geo_model is None:
            raise ConfigError(
                "Thresholds are those of a geo model, and none is given. Add --geo-model FILE, or "
                "leave --geo-thresholds out."
            )


def make_app(
    options: ServerOptions, load: Callable[[Path], LoadedModel] | None = None
) -> web.Application:
    """Returns the server, its model loaded.

    Args:
        options: how to serve.
        load: loads a version's directory; `load_model` for None.

    Raises:
        FieldmarkError: if there is no model, or it cannot be loaded.
    """
    gate = Gate(options.limits.max_waiting)
    metrics = ServerMetrics(gate)

    def make_batcher(model: LoadedModel) -> Batcher[Output]:
        return Batcher(
            model.run,
            max_batch=options.max_batch,
            max_wait_secs=options.max_wait_secs,
            on_batch=metrics.on_batch,
        )

    load = load or partial(
        load_model,
        variant=options.variant,
        geo_model=options.geo_model,
        geo_thresholds=options.geo_thresholds,
    )
    source = metrics.source = ModelSource(options.directory, load, make_batcher)
    decoders = ThreadPoolExecutor(options.decode_threads, thread_name_prefix="decode")
    desk = PhotoDesk(options.limits, decoders, metrics)
    ending = Ending(gate)
    handlers = Handlers(options.name, source, desk, gate, ending, options.limits, metrics, _page())
    app = web.Application(
        client_max_size=options.limits.max_bytes,
        middlewares=[
            ending.close_connections,
            counting(metrics),
            errors_as_json,
            _refuse_by_length,
        ],
    )
    app[ENDING] = ending
    app[MAX_BYTES] = options.limits.max_bytes
    app.add_routes(handlers.routes())
    app.cleanup_ctx.append(partial(_background, source, options.watch_secs, decoders))
    return app


@web.middleware
async def _refuse_by_length(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A body that says it is too large is not read at all."""
    if (request.content_length or 0) > request.app[MAX_BYTES]:
        raise too_large(request.app[MAX_BYTES])
    return await handler(request)


async def _background(
    source: ModelSource, watch_secs: float, decoders: ThreadPoolExecutor, app: web.Application
) -> AsyncIterator[None]:
    """Watches for new versions while the server runs; at the end, all requests being answered."""
    watching = asyncio.create_task(source.watch(watch_secs)) if watch_secs else None
    yield
    if watching is not None:
        watching.cancel()
    await asyncio.get_running_loop().run_in_executor(None, _end, source, decoders)


def _end(source: ModelSource, decoders: ThreadPoolExecutor) -> None:
    decoders.shutdown()
    source.close()


def _page() -> str:
    return resources.files("serving.server").joinpath("page.html").read_text(encoding="utf-8")
