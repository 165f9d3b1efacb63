"""How fast the demo world is painted, on one core.

    python benchmarks/demo_world.py --photos 400 --runs 5

Prints photos/s of each run and the median. The yardstick: more than 30 photos/s.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pipeline.demo_world.export import draw_export


def main() -> None:
    """Paints an export several times over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    rates = []
    for run in range(arguments.runs):
        with tempfile.TemporaryDirectory() as folder:
            started_secs = time.perf_counter()
            draw_export(Path(folder) / "export", photos=arguments.photos, seed=run, jobs=1)
            rates.append(arguments.photos / (time.perf_counter() - started_secs))
        print(f"run {run + 1}: {rates[-1]:.1f} photos/s")
    print(f"median: {statistics.median(rates):.1f} photos/s on one core")


if __name__ == "__main__":
    main()
