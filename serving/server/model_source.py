"""The model that answers now, and the next version, taken over while the server runs.

As TF Serving does: the version of the highest number is served; a new one is loaded beside it and
then takes over; the old one ends when its last request is answered. A version that cannot be loaded
is told of, and the newest of the others answers (`newest_good`).

    source = ModelSource("pushed/saved_model", load)
    with source.lease() as served:
        served.batcher.submit(pixels)
    await source.poll()               # now and then

Not for several threads: only the event loop calls it. Loading goes on in a thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from os import PathLike
from pathlib import Path

from serving.classify import find_model, is_model
from serving.server.batcher import Batcher
from serving.server.loaded_model import LoadedModel, Output
from serving.server.newest_good import Fault, newest_good
from serving.versions import versions

logger = logging.getLogger(__name__)


class Served:
    """A loaded model with the thread that runs it.

    Attributes:
        model: what answers.
        batcher: takes photos for it.
    """

    def __init__(self, model: LoadedModel, batcher: Batcher[Output]) -> None:
        self.model, self.batcher = model, batcher
        self._leases, self._is_retired = 0, False

    def acquire(self) -> None:
        """Counts a request that uses it."""
        self._leases += 1

    def release(self) -> None:
        """Counts a request that no longer does."""
        self._leases -= 1
        self._end_if_unused()

    def retire(self) -> None:
        """Ends it as soon as no request uses it."""
        self._is_retired = True
        self._end_if_unused()

    def _end_if_unused(self) -> None:
        if self._is_retired and not self._leases:
            self.batcher.close(wait=False)


class ModelSource:
    """Where models come from.

    Args:
        directory: of a version, or of versions.
        load: loads the model of a directory.
        make_batcher: gives the thread for a model.

    Attributes:
        current: the model that answers now.
        faults: of newer versions, which could not be loaded, by number.

    Raises:
        ConfigError: if there is no model.
        Exception: if none can be loaded, what the newest raised; a DataError if it is faulty.
    """

    def __init__(
        self,
        directory: str | PathLike[str],
        load: Callable[[Path], LoadedModel],
        make_batcher: Callable[[LoadedModel], Batcher[Output]],
    ) -> None:
        self._directory, self._load, self._make_batcher = Path(directory), load, make_batcher
        self.faults: dict[int, Fault] = {}
        self.current = self._serve(self._first())

    @contextmanager
    def lease(self) -> Iterator[Served]:
        """Yields the model that answers now, which stays for the block, whatever comes after it."""
        served = self.current
        served.acquire()
        try:
            yield served
        finally:
            served.release()

    async def poll(self) -> bool:
        """Takes over a newer version, if there is one; returns whether it did."""
        look = partial(self._newer, self.current.model.version, self.faults)
        model, self.faults = await asyncio.get_running_loop().run_in_executor(None, look)
        if model is None:
            return False
        before, self.current = self.current, self._serve(model)
        before.retire()
        logger.info("version %d (model %s) is served", model.version, model.model_id)
        return True

    async def watch(self, interval_secs: float) -> None:
        """Polls for ever, whatever goes wrong."""
        while True:
            await asyncio.sleep(interval_secs)
            try:
                await self.poll()
            except Exception:
                logger.exception("newer versions could not be looked for")

    def close(self) -> None:
        """Answers what waits, and ends. Blocks until then."""
        self.current.batcher.close()

    def _first(self) -> LoadedModel:
        if is_model(self._directory) or not versions(self._directory):
            return self._load(find_model(self._directory))
        model, self.faults = newest_good(versions(self._directory), self._load, {})
        if model is None:
            raise next(iter(self.faults.values())).error
        return model

    def _newer(
        self, than: int, known: Mapping[int, Fault]
    ) -> tuple[LoadedModel | None, dict[int, Fault]]:
        newer = [path for path in versions(self._directory) if int(path.name) > than]
        return newest_good(newer, self._load, known)

    def _serve(self, model: LoadedModel) -> Served:
        return Served(model, self._make_batcher(model))
