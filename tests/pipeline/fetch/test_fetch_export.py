from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from photo_server import JPEG, OK, PhotoServer

from pipeline.fetch import fetch_export as module
from pipeline.fetch.fetch_export import FetchPlan, Tally, fetch_export
from schemas.errors import DataError, FieldmarkError
from schemas.photo_store import PhotoStore
from schemas.vision_export import VisionExport

GONE = (404, {}, b"")
DOWN = (503, {}, b"")

MakeExport = Callable[..., VisionExport]


@pytest.fixture
def fetch(fast_fetcher: Any) -> Callable[..., Tally]:
    def fetch(export: VisionExport, **settings: Any) -> Tally:
        plan = FetchPlan(export, tuple(export.split_paths), **settings)
        return fetch_export(
            plan,
            requests_per_sec=1e6,
            jobs=4,
            on_progress=lambda _: None,
            make_fetcher=fast_fetcher,
        )

    return fetch


def test_fetches_all_and_then_nothing(
    make_export: MakeExport, server: PhotoServer, fetch: Callable[..., Tally]
) -> None:
    export = make_export(count=30)
    assert fetch(export) == Tally(fetched=32, fetched_bytes=32 * len(JPEG))
    store = PhotoStore(export.directory)
    for key in export.photo_keys():
        assert store.find(*key) == store.path_for(key.photo_id)
        assert store.path_for(key.photo_id).read_bytes() == JPEG
    assert fetch(export) == Tally(on_disk=32)
    assert set(server.requests.values()) == {1}
    assert server.user_agents == {"fieldmark-fetch-photos"}


def test_goes_on_where_it_was(
    make_export: MakeExport, server: PhotoServer, fetch: Callable[..., Tally]
) -> None:
    export = make_export()
    store = PhotoStore(export.directory)
    for photo_id, content in ((1, JPEG), (2, b""), (3, None)):
        path = store.path_for(photo_id)
        path.parent.mkdir(parents=True)
        if content is None:  # what a kill in the middle of a write leaves
            path.with_name(".medium.jpg.part").write_bytes(JPEG[:9])
        else:
            path.write_bytes(content)
    tally = fetch(export)
    assert (tally.on_disk, tally.fetched) == (1, 6)
    assert "/photos/1/medium.jpg" not in server.requests
    assert store.path_for(2).read_bytes() == JPEG
    assert [path.name for path in store.path_for(3).parent.iterdir()] == ["medium.jpg"]


def test_failures_are_told_apart(
    make_export: MakeExport, server: PhotoServer, fetch: Callable[..., Tally]
) -> None:
    export = make_export()
    server.script["/photos/2/medium.jpg"] = [GONE]
    server.script["/photos/3/medium.jpg"] = [*[DOWN] * 5, OK]
    tally = fetch(export)
    assert (tally.fetched, tally.refused, tally.unreachable) == (5, 1, 1)
    assert sorted(tally.examples) == [
        f"photo 2: HTTP 404 ({server.url}/photos/2/medium.jpg)",
        f"photo 3: HTTP 503 ({server.url}/photos/3/medium.jpg)",
    ]
    failures = export.directory / "fetch_failures.csv"
    assert failures.read_text().splitlines()[1:] == [
        f"2,{server.url}/photos/2/medium.jpg,HTTP 404,1"
    ]
    # Again: what is gone is not asked for, what was down is.
    tally = fetch(export)
    assert (tally.on_disk, tally.fetched, tally.refused, tally.unreachable) == (5, 1, 1, 0)
    assert server.requests["/photos/2/medium.jpg"] == 1
    # Asked for explicitly.
    server.script["/photos/2/medium.jpg"] = [OK]
    assert fetch(export, retry_failed=True).fetched == 1
    assert not failures.exists()


def test_another_size_on_disk_is_not_the_size_wanted(
    make_export: MakeExport, server: PhotoServer, fetch: Callable[..., Tally]
) -> None:
    export = make_export(extension="JPEG")
    fetch(export)
    assert fetch(export, size="large").fetched == 7
    assert (export.directory / "photos/1/large.JPEG").exists()
    assert server.requests["/photos/1/large.JPEG"] == 1


def test_the_sha256_layout(make_export: MakeExport, fetch: Callable[..., Tally]) -> None:
    export = make_export(extension="png")
    assert fetch(export, layout="sha256").fetched == 7
    # printf 1 | sha256sum: 6b86b273ff34...
    assert (export.directory / "photos/6b/86/1.jpg").read_bytes() == JPEG
    assert fetch(export, layout="sha256") == fetch(export) == Tally(on_disk=7)


def test_a_mirror(
    make_export: MakeExport, server: PhotoServer, fetch: Callable[..., Tally]
) -> None:
    assert fetch(make_export(), url_prefix=f"{server.url}/mirror").fetched == 7
    assert server.requests["/mirror/101/medium.jpg"] == 1


def test_a_photo_in_two_rows_is_asked_for_once(
    make_export: MakeExport, server: PhotoServer, fetch: Callable[..., Tally]
) -> None:
    export = make_export()
    with export.split_paths["train"].open("a") as file:
        file.write(f"5,{server.url}/photos/5/medium.jpg,5,0,1\n" * 3)
    tally = fetch(export)
    assert (tally.fetched, tally.on_disk) == (7, 3)
    assert server.requests["/photos/5/medium.jpg"] == 1


def test_rows_without_a_usable_url_are_listed(
    make_export: MakeExport, fetch: Callable[..., Tally]
) -> None:
    export = make_export(count=1)
    with export.split_paths["train"].open("a") as file:
        file.write("8,http://127.0.0.1:1/photos/8/huge.jpg,5,0,1\n9,,5,0,1\n")
    assert fetch(export).refused == 2
    assert (export.directory / "fetch_failures.csv").read_text().splitlines()[1] == (
        "8,http://127.0.0.1:1/photos/8/huge.jpg,photo_url does not end in <size>.<ext>; size "
        "being original; large; medium; small; thumb; square,0"
    )


def test_faulty_rows_are_raised_after_all_sound_ones_were_fetched(
    make_export: MakeExport, fetch: Callable[..., Tally]
) -> None:
    export = make_export()
    with export.split_paths["train"].open("a") as file:
        file.write("x,,5,0,1\n")
    with pytest.raises(DataError, match=r"row 7, column photo_id: is not a positive integer"):
        fetch(export)
    assert fetch_is_complete(export)


def fetch_is_complete(export: VisionExport) -> bool:
    store = PhotoStore(export.directory)
    return all(store.find(photo_id) for photo_id in (1, 2, 3, 4, 5, 101, 102))


def test_a_server_that_shuts_us_out_ends_the_command(
    make_export: MakeExport,
    server: PhotoServer,
    fetch: Callable[..., Tally],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_FAILURES_IN_A_ROW", 10)
    export = make_export(count=40)
    for photo_id in range(1, 41):
        server.script[f"/photos/{photo_id}/medium.jpg"] = [(403, {}, b"")]
    with pytest.raises(FieldmarkError) as caught:
        fetch(export)
    assert str(caught.value).startswith(
        "10 photos in a row could not be fetched; the last one: HTTP 403 (http://127.0.0.1:"
    )
    assert str(caught.value).endswith(
        "Look whether the server is up and still lets you in, and give the same command again to "
        "go on."
    )
    assert len(server.requests) < 40


def test_ctrl_c_leaves_whole_files_only_and_the_next_call_goes_on(
    make_export: MakeExport, server: PhotoServer, fetch: Callable[..., Tally], fast_fetcher: Any
) -> None:
    export = make_export(count=40)

    def interrupt(tally: Tally) -> None:
        if tally.fetched >= 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_export(
            FetchPlan(export, ("train", "val")),
            requests_per_sec=1e6,
            jobs=2,
            on_progress=interrupt,
            make_fetcher=fast_fetcher,
        )
    files = [path for path in (export.directory / "photos").rglob("*") if path.is_file()]
    assert 5 <= len(files) < 42
    assert {path.read_bytes() for path in files} == {JPEG}
    assert {path.name for path in files} == {"medium.jpg"}
    tally = fetch(export)
    assert (tally.on_disk, tally.fetched) == (len(files), 42 - len(files))
    assert set(server.requests.values()) == {1}


def test_threads_that_wait_end_with_the_command(
    make_export: MakeExport, server: PhotoServer
) -> None:
    """With the real limiter: at 1 photo an hour all threads but one wait when Ctrl-C comes."""
    export = make_export()

    def interrupt(tally: Tally) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_export(
            FetchPlan(export, ("train",)),
            requests_per_sec=1 / 3600,
            jobs=2,
            on_progress=interrupt,
        )
    assert sum(server.requests.values()) == 1


def test_few_requests_are_in_flight_however_many_rows_there_are(
    make_export: MakeExport, fast_fetcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = make_export(count=300)
    asked: list[int] = []
    read_ahead: list[int] = []
    rows = VisionExport.rows

    def counted(self: VisionExport, split: str, *rest: Any) -> Any:
        for row in rows(self, split, *rest):
            asked.append(row.photo_id)
            yield row

    monkeypatch.setattr(VisionExport, "rows", counted)
    fetch_export(
        FetchPlan(export, ("train",)),
        requests_per_sec=1e6,
        jobs=3,
        on_progress=lambda tally: read_ahead.append(len(asked) - tally.done),
        make_fetcher=fast_fetcher,
    )
    assert max(read_ahead) <= 2 * 3


def test_nothing_outside_photos_is_written(
    make_export: MakeExport, fetch: Callable[..., Tally]
) -> None:
    export = make_export()
    before = set(export.directory.iterdir())
    fetch(export)
    assert set(export.directory.iterdir()) - before == {Path(export.directory, "photos")}
