"""From the bytes of photos to what the network says of them: decoding in threads, then a batch.

Both ways of asking go through here, so that limits and preprocessing are one.

    found = await desk.look_at(served, [("owl.jpg", content)])   # [Output] or [why not]
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
import numpy.typing as npt

from schemas.errors import DataError
from serving.prepare_file import prepare_bytes
from serving.server.errors import RequestError
from serving.server.limits import Limits
from serving.server.loaded_model import Output
from serving.server.model_source import Served
from serving.server.server_metrics import ANSWERED, UNREADABLE, ServerMetrics


class PhotoDesk:
    """Decodes photos and has them looked at.

    Args:
        limits: what is refused.
        decoders: threads that decode.
        metrics: counts photos.
    """

    def __init__(self, limits: Limits, decoders: Executor, metrics: ServerMetrics) -> None:
        self._limits, self._decoders, self._metrics = limits, decoders, metrics

    async def look_at(
        self, served: Served, photos: Sequence[tuple[str, bytes]]
    ) -> list[Output | str]:
        """Returns the network's output of each photo, or why it could not be read.

        Args:
            served: the model.
            photos: name and bytes of each.

        Raises:
            RequestError: 500, if the network gives what is not a number.
        """
        size = served.model.network.image_size_px
        looks = (self._look_at_one(served, size, name, content) for name, content in photos)
        # All are waited for, be it in vain: the caller gives back the model and the places of the
        # gate, and none must be decoded beyond that.
        found = await asyncio.gather(*looks, return_exceptions=True)
        for item in found:
            if isinstance(item, BaseException):
                raise item
        return [item for item in found if not isinstance(item, BaseException)]

    async def _look_at_one(
        self, served: Served, size: int, name: str, content: bytes
    ) -> Output | str:
        loop = asyncio.get_running_loop()
        pixels = await loop.run_in_executor(self._decoders, self._prepare, content, size, name)
        if isinstance(pixels, str):
            self._metrics.photos.add(outcome=UNREADABLE)
            return pixels
        output = await asyncio.wrap_future(served.batcher.submit(pixels))
        if not output.is_finite:
            raise RequestError(
                500, f"The model is faulty: of {name} it gave a score that is not a number."
            )
        self._metrics.photos.add(outcome=ANSWERED)
        return output

    def _prepare(self, content: bytes, size: int, name: str) -> npt.NDArray[np.float32] | str:
        try:
            return prepare_bytes(content, size, name=name, max_pixels=self._limits.max_pixels)
        except DataError as error:
            return str(error)
