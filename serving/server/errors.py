"""What goes wrong in a request, as the client is told: a status and `{"error": "..."}`.

The shape is TF Serving's, for every end-point, so that a client needs one way to read errors. A
fault of ours is logged with its traceback; the client learns that it was ours, and no more.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

RETRY_AFTER_SECS = 1

MAX_BYTES = web.AppKey("max_bytes", int)
"""Where the app keeps the limit that errors name."""

logger = logging.getLogger(__name__)


class RequestError(Exception):
    """A request that cannot be answered.

    Args:
        status: of HTTP, 400 to 599.
        text: what is wrong and what to do, for the client.
        headers: of the answer.
    """

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.headers = status, text, dict(headers or {})


def busy(waiting: int, allowed: int) -> RequestError:
    """Returns the error of a request that is too much just now."""
    return RequestError(
        503,
        f"The server is busy: {waiting} photos wait. Allowed: {allowed}. Try again in "
        f"{RETRY_AFTER_SECS} s.",
        {"Retry-After": str(RETRY_AFTER_SECS)},
    )


def too_large(allowed_bytes: int) -> RequestError:
    """Returns the error of a request whose body is too large."""
    return RequestError(
        413,
        f"The request is too large. Allowed: {allowed_bytes:,} bytes. Send fewer photos, or "
        "smaller copies.",
        # What is left of the body is not read, so the connection cannot be used again.
        {"Connection": "close"},
    )


def too_slow(allowed_secs: float) -> RequestError:
    """Returns the error of a request whose body does not come to its end."""
    return RequestError(
        408,
        f"The request did not arrive in time. Allowed: {allowed_secs:g} s. Send fewer photos, or "
        "smaller copies.",
        {"Connection": "close"},
    )


def too_many(photos: int, allowed: int) -> RequestError:
    """Returns the error of a request that holds too many photos."""
    return RequestError(
        413,
        f"The request holds {photos:,} photos. Allowed: {allowed:,}. Send several requests.",
    )


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns exceptions of handlers into answers."""
    try:
        return await handler(request)
    except RequestError as error:
        if error.status == 500:
            logger.error("%s %s failed: %s", request.method, request.path, error.text)
        return _answer(error.status, error.text, error.headers)
    except web.HTTPRequestEntityTooLarge:
        large = too_large(request.app[MAX_BYTES])
        return _answer(large.status, large.text, large.headers)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        text = f"{error.reason}: {request.method} {request.path}"
        kept = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
        return _answer(error.status, text, kept)
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        return _answer(500, "The server failed on this request; its log says why.", {})


def _answer(status: int, text: str, headers: Mapping[str, str]) -> web.Response:
    return web.json_response({"error": text}, status=status, headers=headers)
