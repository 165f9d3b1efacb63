"""What `build-export` costs beside the least that it could cost.

    python benchmarks/open_data_dump.py /tmp/dump --observations 4000000
    python benchmarks/build_export.py /tmp/dump --taxon 100000 --runs 3

The yardstick is DuckDB's own join and filter of the same tables, written to CSV and to Parquet:
no leaves, no splits, no checks. Each run is a process of its own with the same memory limit and
threads; printed are the medians of wall time and the highest peak of resident memory. Aimed at:
within 1.3 times the yardstick, less than 1 GB resident.
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

MODES = ("bare-csv", "bare-parquet", "build-export")


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
    dump: Path, taxon: str | None, out: Path, memory_limit_mb: int, threads: int, form: str
) -> None:
    """Joins and filters, as anybody would write it."""
    import duckdb

    config = {
        "memory_limit": f"{memory_limit_mb}MB",
        "threads": threads,
        "temp_directory": f"{out}.spilled",
        "preserve_insertion_order": False,
    }
    connection = duckdb.connect(config=config)

    def table(name: str) -> str:
        return f"read_csv('{dump / name}.csv', delim = '\t', quote = '', header = true)"

    below = "" if taxon is None else f"WHERE '/' || ancestry || '/' LIKE '%/{int(taxon)}/%'"
    connection.execute(
        f"""COPY (
            SELECT p.photo_id, p.extension, p.license, p.position, o.*
            FROM {table("photos")} p JOIN {table("observations")} o USING (observation_uuid)
            WHERE o.quality_grade = 'research'
              AND o.taxon_id IN (SELECT taxon_id FROM {table("taxa")} {below})
        ) TO '{out}' (FORMAT {form})"""
    )


def measure(mode: str, arguments: argparse.Namespace) -> tuple[float, float]:
    """Returns wall seconds and peak resident MB of one run in a process of its own."""
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
    return seconds, usage.ru_maxrss / 1024


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
            bare(*common, arguments.threads, arguments.mode.removeprefix("bare-"))
        return
    medians = {}
    for mode in MODES:
        runs = [measure(mode, arguments) for _ in range(arguments.runs)]
        medians[mode] = statistics.median(seconds for seconds, _ in runs)
        peak = max(peak for _, peak in runs)
        print(f"{mode:13} {medians[mode]:6.1f} s, peak {peak:,.0f} MB", flush=True)
    for mode in MODES[:2]:
        print(f"build-export / {mode}: {medians['build-export'] / medians[mode]:.2f}")


if __name__ == "__main__":
    main()
