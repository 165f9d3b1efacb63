"""The body of a request, read within its time; what is wrong with it is the client's fault.

Whoever sends slowly holds a place of the gate, so that a few could keep all others out for ever.

    body = await read_body(request, allowed_secs=60)     # bytes
    form = await read_form(request, allowed_secs=60)     # names and values
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from aiohttp import web

from serving.server.errors import RequestError, too_slow

Read = TypeVar("Read")

_FAULTS = (ValueError, LookupError, RuntimeError, web.RequestPayloadError)
"""What aiohttp raises: for a body that is no form or no base64, a charset that there is not, a
`Content-Transfer-Encoding` that there is not, a `Content-Encoding` that the body is not in."""


async def read_body(request: web.Request, *, allowed_secs: float) -> bytes:
    """Returns the whole body.

    Raises:
        RequestError: 400 if it cannot be decoded, 408 if it does not come in time.
        web.HTTPRequestEntityTooLarge: if it is larger than the app allows.
    """
    return await _in_time(request.read(), "body", allowed_secs)


async def read_form(request: web.Request, *, allowed_secs: float) -> Mapping[str, Any]:
    """Returns the fields of a `multipart/form-data` body; a name may come more than once.

    Raises:
        RequestError: 400 if it is no such form, 408 if it does not come in time.
        web.HTTPRequestEntityTooLarge: if it is larger than the app allows.
    """
    return await _in_time(request.post(), "form", allowed_secs)


async def _in_time(reading: Awaitable[Read], what: str, allowed_secs: float) -> Read:
    try:
        async with asyncio.timeout(allowed_secs):
            return await reading
    except TimeoutError as error:
        raise too_slow(allowed_secs) from error
    except _FAULTS as error:
        told = " ".join(str(error).split()).removeprefix("400, message: ").rstrip(".")
        raise RequestError(400, f"The {what} cannot be read: {told}.") from error
