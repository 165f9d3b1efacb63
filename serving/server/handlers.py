"""What each route does; the work is done elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from aiohttp import web

from schemas.errors import ConfigError
from serving.server.body import read_body
from serving.server.classify_answer import geo_of, photo_answer, place_answer, unread_answer
from serving.server.ending import Ending
from serving.server.errors import RequestError, too_many
from serving.server.gate import Gate
from serving.server.limits import Limits
from serving.server.loaded_model import LoadedModel
from serving.server.metrics import CONTENT_TYPE
from serving.server.model_source import ModelSource
from serving.server.photo_desk import PhotoDesk
from serving.server.photo_upload import Wishes, read_upload
from serving.server.predict_answer import check_signature, predict_text
from serving.server.predict_request import parse_predict
from serving.server.served_signatures import metadata
from serving.server.server_metrics import ServerMetrics

PAGE_HEADERS = {
    # Nothing from elsewhere, nothing to elsewhere; the page's own script and style stand in it.
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src blob: data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

Result = TypeVar("Result")

_MODEL = "/v1/models/{name:[^/:]+}"
_VERSION = _MODEL + r"/versions/{version:\d+}"


class Handlers:
    """The handlers of one server.

    Args:
        name: of the model, in the address.
        source: of the model.
        desk: looks at photos.
        gate: counts photos inside.
        ending: whether the server is ending.
        limits: what is refused.
        metrics: of the server.
        page: HTML.
    """

    def __init__(
        self,
        name: str,
        source: ModelSource,
        desk: PhotoDesk,
        gate: Gate,
        ending: Ending,
        limits: Limits,
        metrics: ServerMetrics,
        page: str,
    ) -> None:
        self._name, self._source, self._desk, self._gate = name, source, desk, gate
        self._limits, self._metrics, self._page_html = limits, metrics, page
        self._ending = ending

    def routes(self) -> list[web.RouteDef]:
        """Returns where each is found."""
        routes = [
            web.get("/", self._page),
            web.post("/classify", self._classify),
            web.get("/healthz", self._health),
            web.get("/readyz", self._ready),
            web.get("/metrics", self._show_metrics),
        ]
        for base in (_MODEL, _VERSION):
            routes += [
                web.get(base, self._status),
                web.get(f"{base}/metadata", self._metadata),
                web.post(f"{base}:predict", self._predict),
            ]
        return routes

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(
            text=self._page_html, content_type="text/html", charset="utf-8", headers=PAGE_HEADERS
        )

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _ready(self, request: web.Request) -> web.Response:
        is_ready = not self._ending.is_under_way
        state = {"ready": is_ready, "model": self._model_info(self._source.current.model)}
        return web.json_response(state, status=200 if is_ready else 503)

    async def _show_metrics(self, request: web.Request) -> web.Response:
        return web.Response(
            body=self._metrics.text().encode(), headers={"Content-Type": CONTENT_TYPE}
        )

    async def _status(self, request: web.Request) -> web.Response:
        """Without a version: all that are known; with one: that one."""
        name, version = request.match_info["name"], request.match_info.get("version")
        states = [_state(self._source.current.model.version, "AVAILABLE", "OK", "")]
        states += [
            _state(faulty, "END", "FAILED_PRECONDITION", fault.text)
            for faulty, fault in self._source.faults.items()
        ]
        if version is not None:
            states = [state for state in states if state["version"] == version]
        if name != self._name or not states:
            which = (
                f"Could not find version {version}" if version else "Could not find any versions"
            )
            raise RequestError(404, f"{which} of model {name}")
        return web.json_response({"model_version_status": states})

    async def _metadata(self, request: web.Request) -> web.Response:
        model = self._source.current.model
        self._check_servable(request, model)
        return web.json_response(metadata(self._name, model))

    async def _predict(self, request: web.Request) -> web.Response:
        with self._gate.visit() as visit, self._source.lease() as served:
            self._check_servable(request, served.model)
            body = await read_body(request, allowed_secs=self._limits.max_read_secs)
            parse = partial(parse_predict, body, max_photos=self._limits.max_photos)
            asked = await _in_thread(parse)
            check_signature(served.model, asked.signature)
            visit.grow_to(len(asked.photos))
            photos = [(f"photo {place}", photo) for place, photo in enumerate(asked.photos)]
            found = await self._desk.look_at(served, photos)
            answer = await _in_thread(partial(predict_text, served.model, asked, found))
            return web.json_response(text=answer)

    async def _classify(self, request: web.Request) -> web.Response:
        with self._gate.visit() as visit, self._source.lease() as served:
            upload = await read_upload(request, allowed_secs=self._limits.max_read_secs)
            _check_calibrated(served.model, upload.wishes)
            if len(upload.photos) > self._limits.max_photos:
                raise too_many(len(upload.photos), self._limits.max_photos)
            visit.grow_to(len(upload.photos))
            found = await self._desk.look_at(served, upload.photos)
            geo = await _in_thread(partial(geo_of, served.model, upload.wishes))
            answers = []
            for (name, _), item in zip(upload.photos, found, strict=True):
                if isinstance(item, str):
                    answers.append(unread_answer(name, item))
                    continue
                say = partial(photo_answer, served.model, name, item.scores, upload.wishes, geo)
                answers.append(await _in_thread(say))
            if all(answer["error"] for answer in answers):
                raise RequestError(422, " ".join(answer["error"] for answer in answers))
            return web.json_response(
                {
                    "model": self._model_info(served.model),
                    "calibrated": upload.wishes.calibrated,
                    "location": place_answer(served.model, upload.wishes),
                    "photos": answers,
                }
            )

    def _check_servable(self, request: web.Request, model: LoadedModel) -> None:
        name, version = request.match_info["name"], request.match_info.get("version")
        if name == self._name and version in (None, str(model.version)):
            return
        which = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise RequestError(404, f"Servable not found for request: {which}")

    def _model_info(self, model: LoadedModel) -> dict[str, Any]:
        return {
            "name": self._name,
            "version": str(model.version),
            "model_id": model.model_id,
            "num_leaves": model.taxonomy.num_leaves,
        }


async def _in_thread(work: Callable[[], Result]) -> Result:
    """Does what would keep the event loop from others."""
    return await asyncio.get_running_loop().run_in_executor(None, work)


def _check_calibrated(model: LoadedModel, wishes: Wishes) -> None:
    if wishes.calibrated:
        try:
            model.temperature()
        except ConfigError as error:
            raise RequestError(400, str(error)) from error


def _state(version: int, state: str, code: str, message: str) -> dict[str, Any]:
    return {
        "version": str(version),
        "state": state,
        "status": {"error_code": code, "error_message": message},
    }
