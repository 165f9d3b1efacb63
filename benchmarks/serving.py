"""How fast a pushed model answers over HTTP and on a folder, against one photo at a time.

    python benchmarks/serving.py classify MODEL_DIR PHOTO_FOLDER
    python benchmarks/serving.py server MODEL_DIR PHOTO_FOLDER --clients 1 --clients 16

`classify` reads the folder one photo after the other (decode, network, decode, network ...) and
with batches and decode threads, taking turns. `server` starts `fieldmark serve` as a process of its
own and keeps so many requests in flight. Medians of `--repeats`, with the ratio to the first row.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

# In place of this folder, where this very file would be the package `serving`.
sys.path[0] = str(Path(__file__).resolve().parents[1])


@click.group()
def main() -> None:
    """Measure serving."""


@main.command("classify")
@click.argument("model_dir")
@click.argument("folder")
@click.option("--photos", default=200, help="Photos of the folder that are read.")
@click.option("--repeats", default=5)
def classify(model_dir: str, folder: str, photos: int, repeats: int) -> None:
    """A folder of photos."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from serving.classify import open_classifier
    from serving.classify_many import classify_many
    from serving.find_photos import find_photos

    paths = find_photos([folder])[:photos]
    cores = os.cpu_count() or 1
    one_thread = open_classifier(model_dir)
    threads = open_classifier(model_dir, num_threads=cores)

    def batches() -> None:
        for _ in classify_many(threads, paths, decode_threads=cores):
            pass

    def one_by_one() -> None:
        for path in paths:
            one_thread.classify_one(path)

    _compare({"one by one": one_by_one, "batches, threads": batches}, len(paths), repeats)


@main.command("server")
@click.argument("model_dir")
@click.argument("folder")
@click.option("--photos", default=200, help="Requests of a round, a photo each.")
@click.option("--clients", multiple=True, default=[1, 16], help="Requests in flight.")
@click.option("--repeats", default=5)
def server(model_dir: str, folder: str, photos: int, clients: list[int], repeats: int) -> None:
    """Requests over HTTP to a server on this machine."""
    from serving.find_photos import find_photos

    contents = [Path(path).read_bytes() for path in find_photos([folder])[:photos]]
    command = [sys.executable, "-m", "pipeline.cli", "serve", model_dir, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        (url,) = re.findall(r"http://\S+/", process.stdout.readline())
        rounds = {
            f"{count} in flight": lambda count=count: asyncio.run(_ask(url, contents, count))
            for count in clients
        }
        try:
            _compare(rounds, len(contents), repeats)
        finally:
            process.send_signal(signal.SIGTERM)


async def _ask(url: str, contents: list[bytes], clients: int) -> None:
    import aiohttp

    left = iter(contents)
    latencies: list[float] = []

    async def client(session: aiohttp.ClientSession) -> None:
        for content in left:
            started = time.perf_counter()
            headers = {"Content-Type": "image/jpeg"}
            async with session.post(f"{url}classify", data=content, headers=headers) as answer:
                assert answer.status == 200, await answer.text()
                await answer.read()
            latencies.append(time.perf_counter() - started)

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(client(session) for _ in range(clients)))
    ordered = sorted(latencies)
    p50, p95 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.95))
    print(f"    {clients} in flight: p50 {p50:.1f} ms, p95 {p95:.1f} ms", flush=True)


def _compare(ways: dict[str, Callable[[], None]], photos: int, repeats: int) -> None:
    """Runs the ways in turn, so that a busy machine is busy for all, and prints their medians."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for run in ways.values():
        run()  # warm
    for _, (name, run) in itertools.product(range(repeats), ways.items()):
        started = time.perf_counter()
        run()
        rates[name].append(photos / (time.perf_counter() - started))
    first = statistics.median(next(iter(rates.values())))
    for name, values in rates.items():
        rate = statistics.median(values)
        print(f"{name:>20}: {rate:8.1f} photos/s, {rate / first:.2f} times the first")


if __name__ == "__main__":
    main()
