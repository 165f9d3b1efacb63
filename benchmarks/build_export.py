"""What `build-export` costs beside the least that it could cost.

    python benchmarks/open_data_dump.py /tmp/dump --observations 4000000
    python benchmarks/build_export.py /tmp/dump --taxon 100000 --runs 3

The yardstick, `bare`, is DuckDB's own join and filter of the same tables, written to CSV as it
comes: no leaves, no splits, no checks. `bare-ordered` writes what an export holds: the addresses of
the photos and the names of the observers too, in order of taxon, observation and position. Each run
is a process of its own with the same memory limit and threads, the modes in turn, so that other
work on the machine falls on all of them; printed are the medians of wall and CPU time and the
highest peak of resident memory. Aimed at: within 1.3 times `bare`, less than 1 GB resident.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

MODES = ("bare", "bare-ordered", "build-export")


def build(dump: Path, taxon: str | None, out: Path, memory_limit_mb: int, threads: int) -> None:
    """Builds an export."""
    from pipeline.build_export.build import build_export
    from pipeline.build_export.open_data import OpenDataDump
    from pipeline.build_export.settings import SelectionSettings

    def show(what: str, share: float | None) -> None:
        if os.environ.get("STAGES") and share is None:
            print(f"{time.perf_counter() - started_secs:7.2f} s {what}", file=sys.stderr)

    started_secs = time.perf_counter()
    settings = SelectionSettings(taxon=taxon)
    built = build_export(
        OpenDataDump(dump),
        out,
        settings,
        memory_limit_mb=memory_limit_mb,
        threads=threads,
        on_progress=show,
    )
    print(built.words(), file=sys.stderr)


def bare(
    dump: Path, taxon: str | None, out: Path, memory_limit_mb: int, threads: int, *, ordered: bool
) -> None:
    """Joins and filters, as anybody would write it."""
    import duckdb

    config = {
        "memory_limit": f"{memory_limit_mb}MB",
        "threads": threads,
        "temp_directory": f"{out}.spilled",
        "preserve_insertion_order": ordered,
    }
    connection = duckdb.connect(config=config)

    def table(name: str) -> str:
        return f"read_csv('{dump / name}.csv', delim = '\t', quote = '', header = true)"

    below = "" if taxon is None else f"WHERE '/' || ancestry || '/' LIKE '%/{int(taxon)}/%'"
    rows = f"""
        SELECT p.photo_id, p.extension, p.license, p.position, o.*
        FROM {table("photos")} p JOIN {table("observations")} o USING (observation_uuid)
        WHERE o.quality_grade = 'research'
          AND o.taxon_id IN (SELECT taxon_id FROM {table("taxa")} {below})"""
    if ordered:
        rows = f"""
        SELECT concat('https://example.org/photos/', photo_id, '/medium.', extension) AS url,
               r.* EXCLUDE (extension), u.login, u.name
        FROM ({rows}) r LEFT JOIN {table("observers")} u USING (observer_id)
        ORDER BY taxon_id, observation_uuid, position, photo_id"""
    connection.execute(f"COPY ({rows}) TO '{out}' (FORMAT csv)")


def measure(mode: str, arguments: argparse.Namespace) -> tuple[float, float, float]:
    """Returns wall seconds, CPU seconds and peak resident MB of a run in a process of its own."""
    with tempfile.TemporaryDirectory(dir=arguments.work_dir) as folder:
        command = [sys.executable, __file__, str(arguments.dump), "--mode", mode]
        command += ["--out", f"{folder}/out", "--memory-limit", str(arguments.memory_limit)]
        command += ["--threads", str(arguments.threads)]
        if arguments.taxon is not None:
            command += ["--taxon", arguments.taxon]
        started_secs = time.perf_counter()
        process = subprocess.Popen(command)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started_secs
    if status:
        raise SystemExit(f"{mode} failed with {status}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Runs every mode several times, or one mode once in this process."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dump", type=Path)
    parser.add_argument("--taxon", default=None, help="id of the root; all taxa without it")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--memory-limit", type=int, default=600, help="MB, of DuckDB")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work-dir", default=None, help="where results go; removed afterwards")
    parser.add_argument("--mode", choices=MODES, default=None, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=None, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.mode is not None:
        common = (arguments.dump, arguments.taxon, arguments.out, arguments.memory_limit)
        if arguments.mode == "build-export":
            build(*common, arguments.threads)
        else:
            bare(*common, arguments.threads, ordered=arguments.mode == "bare-ordered")
        return
    runs: dict[str, list[tuple[float, float, float]]] = {mode: [] for mode in MODES}
    for _ in range(arguments.runs):
        for mode in MODES:
            runs[mode].append(measure(mode, arguments))
    wall = {mode: statistics.median(run[0] for run in runs[mode]) for mode in MODES}
    cpu = {mode: statistics.median(run[1] for run in runs[mode]) for mode in MODES}
    for mode in MODES:
        peak = max(run[2] for run in runs[mode])
        print(f"{mode:13} {wall[mode]:6.2f} s, CPU {cpu[mode]:6.2f} s, peak {peak:,.0f} MB")
    for mode in MODES[:2]:
        ratios = (seconds["build-export"] / seconds[mode] for seconds in (wall, cpu))
        print("build-export / {}: {:.2f}, CPU {:.2f}".format(mode, *ratios))


if __name__ == "__main__":
    main()
