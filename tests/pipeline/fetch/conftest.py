from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from photo_server import PhotoServer, photo_server

from pipeline.fetch.fetcher import PhotoFetcher
from pipeline.fetch.rate_limit import RateLimiter
from schemas.vision_export import VisionExport

TAXONOMY = "parent_taxon_id,taxon_id,rank_level,leaf_class_id,name\n,1,10,0,Aus bus\n"
HEADER = "photo_id,photo_url,observation_id,leaf_class_id,taxon_id\n"


class FakeTime:
    """A clock that only sleeping moves.

    Attributes:
        now_secs: what the clock shows.
        slept_secs: every sleep.
    """

    def __init__(self) -> None:
        self.now_secs = 1000.0
        self.slept_secs: list[float] = []

    def clock(self) -> float:
        return self.now_secs

    def sleep(self, secs: float) -> None:
        self.slept_secs.append(secs)
        self.now_secs += secs


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def server() -> Iterator[PhotoServer]:
    with photo_server() as running:
        yield running


@pytest.fixture
def make_export(tmp_path: Path, server: PhotoServer) -> Callable[..., VisionExport]:
    """Writes an export with train photos 1..count and val photos 101, 102 on the server."""

    def make(count: int = 5, extension: str = "jpg") -> VisionExport:
        def rows(ids: range) -> str:
            lines = (f"{i},{server.url}/photos/{i}/medium.{extension},{i},0,1\n" for i in ids)
            return HEADER + "".join(lines)

        (tmp_path / "taxonomy.csv").write_text(TAXONOMY)
        (tmp_path / "train_data.csv").write_text(rows(range(1, count + 1)))
        (tmp_path / "val_data.csv").write_text(rows(range(101, 103)))
        return VisionExport.open(tmp_path)

    return make


@pytest.fixture
def fast_fetcher(fake_time: FakeTime) -> Callable[..., PhotoFetcher]:
    """Stands in for PhotoFetcher in `fetch_export`; nobody waits in real time."""

    def make(session: object, limiter: RateLimiter, *, sleep: object) -> PhotoFetcher:
        quick = RateLimiter(10.0, clock=fake_time.clock, sleep=fake_time.sleep)
        return PhotoFetcher(session, quick, sleep=fake_time.sleep, jitter=lambda: 0.0)  # type: ignore[arg-type]

    return make
