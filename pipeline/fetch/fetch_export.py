"""Fetches all photos of an export that are not on disk, many at a time.

Rows stream: what is in memory is a few requests in flight and the ids that failed. Killed at any
moment, the same call goes on where it was, since a photo on disk is whole and is not asked for.

    plan = FetchPlan(export, splits=("train", "val"), size="medium", layout="id")
    tally = fetch_export(plan, requests_per_sec=10, jobs=8, on_progress=print)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import requests
from requests.adapters import HTTPAdapter

from pipeline.fetch.failures import FAILURES_FILE, FailureList
from pipeline.fetch.fetcher import Outcome, PhotoFetcher, Request
from pipeline.fetch.photo_url import UrlBuilder
from pipeline.fetch.rate_limit import RateLimiter
from schemas.csv_rows import Problems
from schemas.errors import FieldmarkError
from schemas.photo_row import REMEDY, PhotoRow
from schemas.photo_store import SIZES, Layout, PhotoStore
from schemas.vision_export import VisionExport

MAX_FAILURES_IN_A_ROW = 100
"""More than that is no matter of single photos: the server is down, or has shut us out."""

EXAMPLES_KEPT = 5

USER_AGENT = "fieldmark-fetch-photos"


class _StoppedError(Exception):
    """Raised in the waiting threads when the command ends early."""


@dataclass(frozen=True)
class FetchPlan:
    """What to fetch, and to where.

    Attributes:
        export: whose photos.
        splits: of the export, in the order to fetch them.
        size: one of iNaturalist's.
        layout: of the photos folder.
        url_prefix: a mirror; None for the URLs in the split files.
        retry_failed: ask again for the photos that were refused before.
    """

    export: VisionExport
    splits: tuple[str, ...]
    size: str = "medium"
    layout: Layout = "id"
    url_prefix: str | None = None
    retry_failed: bool = False


@dataclass
class Tally:
    """What has become of the photos so far.

    Attributes:
        on_disk: were there before, or stand in a second row.
        fetched: are there now.
        fetched_bytes: size of those.
        refused: will never come; they are in the list of failures.
        unreachable: did not come this time, in spite of several attempts.
        examples: the first failures, as lines for people.
    """

    on_disk: int = 0
    fetched: int = 0
    fetched_bytes: int = 0
    refused: int = 0
    unreachable: int = 0
    examples: list[str] = field(default_factory=list)
    failures_in_a_row: int = 0

    @property
    def done(self) -> int:
        """Rows dealt with."""
        return self.on_disk + self.fetched + self.refused + self.unreachable

    def count(self, outcome: Outcome) -> None:
        """Takes in an outcome."""
        if outcome.failure is None:
            self.fetched += 1
            self.fetched_bytes += outcome.size_bytes
            self.failures_in_a_row = 0
            return
        self.failures_in_a_row += 1
        self.refused += outcome.is_final
        self.unreachable += not outcome.is_final
        if len(self.examples) < EXAMPLES_KEPT:
            request = outcome.request
            self.examples.append(f"photo {request.photo_id}: {outcome.failure} ({request.url})")


def fetch_export(
    plan: FetchPlan,
    *,
    requests_per_sec: float,
    jobs: int,
    on_progress: Callable[[Tally], None],
    make_fetcher: Callable[..., PhotoFetcher] = PhotoFetcher,
) -> Tally:
    """Fetches what is missing and returns what became of it.

    Args:
        plan: what to fetch.
        requests_per_sec: highest rate of all threads together.
        jobs: requests in flight.
        on_progress: called with the tally so far, in the calling thread.
        make_fetcher: for tests.

    Raises:
        FieldmarkError: if the server is down or has shut us out, if a photo cannot be written, or
            (after everything else was fetched) for faulty rows of the split files.
    """
    stop = threading.Event()

    def sleep(secs: float) -> None:
        if stop.wait(secs):
            raise _StoppedError

    pool = ThreadPoolExecutor(jobs, thread_name_prefix="fetch")
    with _session(jobs) as session:
        limiter = RateLimiter(requests_per_sec, sleep=sleep)
        fetcher = make_fetcher(session, limiter, sleep=sleep)
        try:
            return _Fetch(plan, on_progress).run(pool, fetcher, 2 * jobs)
        finally:
            # On Ctrl-C or an error: waiting threads wake and end, requests in flight finish.
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


class _Fetch:
    """One run over the rows, in the calling thread; only fetching is done in others."""

    def __init__(self, plan: FetchPlan, on_progress: Callable[[Tally], None]) -> None:
        self._plan, self._on_progress = plan, on_progress
        self._store = PhotoStore(plan.export.directory, plan.size)
        self._urls = UrlBuilder(plan.size, plan.url_prefix)
        failures_path = plan.export.directory / FAILURES_FILE
        self._failures = FailureList(failures_path, forget=plan.retry_failed)
        self._in_flight: set[Future[Outcome]] = set()
        self._asked: set[int] = set()
        self._tally = Tally()
        self._problems = {s: Problems(plan.export.split_paths[s]) for s in plan.splits}

    def run(self, pool: ThreadPoolExecutor, fetcher: PhotoFetcher, window: int) -> Tally:
        for request in self._requests():
            self._asked.add(request.photo_id)
            self._in_flight.add(pool.submit(fetcher.fetch, request))
            if len(self._in_flight) >= window:
                self._take_in(FIRST_COMPLETED)
        while self._in_flight:
            self._take_in(FIRST_COMPLETED)
        self._on_progress(self._tally)
        for problems in self._problems.values():
            problems.raise_if_any(REMEDY)
        return self._tally

    def _requests(self) -> Iterator[Request]:
        """Yields what is to be fetched; counts what is not."""
        for split in self._plan.splits:
            for row in self._plan.export.rows(split, self._problems[split]):
                request = self._request(row)
                if request is not None:
                    yield request
                elif self._tally.done % 1000 == 0:
                    self._on_progress(self._tally)

    def _request(self, row: PhotoRow) -> Request | None:
        if row.photo_id in self._asked or self._is_on_disk(row):
            self._tally.on_disk += 1
            return None
        if row.photo_id in self._failures:
            self._tally.refused += 1
            return None
        path = self._store.path_for(row.photo_id, row.extension or "jpg", self._plan.layout)
        url = self._urls.url(row)
        if url is not None:
            return Request(row.photo_id, url, path)
        reason = f"photo_url does not end in <size>.<ext>, size being {', '.join(SIZES)}"
        self._count(Outcome(Request(row.photo_id, str(row.photo_url), path), 0, 0, reason, True))
        return None

    def _is_on_disk(self, row: PhotoRow) -> bool:
        """Whether the photo is there in the wanted size, or in a file that does not tell its size.

        An empty file is what a crash leaves, so it does not count.
        """
        found = self._store.find(row.photo_id, row.extension, row.filename)
        if found is None or (found.stem in SIZES and found.stem != self._plan.size):
            return False
        return found.stat().st_size > 0

    def _take_in(self, return_when: str) -> None:
        finished, self._in_flight = wait(self._in_flight, return_when=return_when)
        for future in finished:
            outcome = future.result()
            self._asked.discard(outcome.request.photo_id)
            self._count(outcome)
        self._on_progress(self._tally)

    def _count(self, outcome: Outcome) -> None:
        self._tally.count(outcome)
        if outcome.is_final and outcome.failure is not None:
            self._failures.add(
                photo_id=outcome.request.photo_id,
                url=outcome.request.url,
                reason=outcome.failure,
                attempts=outcome.attempts,
            )
        if self._tally.failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
            raise FieldmarkError(
                f"{MAX_FAILURES_IN_A_ROW} photos in a row could not be fetched; the last one: "
                f"{outcome.failure} ({outcome.request.url}). Look whether the server is up and "
                "still lets you in, and give the same command again to go on."
            )


def _session(jobs: int) -> requests.Session:
    session = requests.Session()
    session.headers["User-Agent"] = USER_AGENT
    session.headers["Accept"] = "image/*"
    adapter = HTTPAdapter(pool_maxsize=jobs)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
