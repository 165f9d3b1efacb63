"""What networks weigh and take on a phone's runtime: MB, MFLOPs, time a photo, by variant.

    python benchmarks/mobile.py --leaves 100 --runs 30
    python benchmarks/mobile.py --networks xception:299 efficientnetv2_b0:224 --threads 1

Weights are random: size and time do not depend on them, accuracy does, and is measured by a run's
MobileValidator. Of each network all variants take turns, photo by photo, XNNPACK on; the ratio is
to the first network of the list (iNaturalist ships Xception at 299 px) in the same variant and the
same minutes: a second pass through the list follows the first, and times are means of both medians.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from components.mobile_validator.latency import Times, measure
from components.progressive_trainer.flops import FlopCounter
from schemas.taxonomy import Taxonomy
from serving.saved_model import export_saved_model
from serving.tflite import Converter
from serving.variants import VARIANTS, model_file

NETWORKS = (
    "xception:299",
    "efficientnetv2_b0:224",
    "efficientnetv2_b1:240",
    "efficientnetv2_b2:260",
    "efficientnetv2_b3:300",
    "efficientnetv2_s:299",
    "efficientnet_lite0:224",
    "efficientnet_lite2:260",
    "efficientnet_lite4:300",
)
PASSES = 2


def main() -> None:
    """Converts every network, then times all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=NETWORKS, metavar="NAME:PX")
    parser.add_argument("--variants", nargs="+", default=["float32", *VARIANTS[2:]])
    parser.add_argument("--leaves", type=int, default=100)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--runs", type=int, default=30, help="photos timed, in each pass")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        built = {
            network: build(network, arguments.leaves, arguments.variants, Path(folder) / network)
            for network in arguments.networks
        }
        passes = [
            {
                network: measure(entry["models"], threads=arguments.threads, runs=arguments.runs)
                for network, entry in built.items()
            }
            for _ in range(PASSES)
        ]
        rows = figures(built, passes, arguments.threads)
    print(table(rows, arguments.threads))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


def build(network: str, leaves: int, variants: list[str], directory: Path) -> dict[str, Any]:
    """Returns the operations of a network and the paths of its variants."""
    name, size = network.split(":")
    counter = FlopCounter(name, num_leaves=leaves)  # type: ignore[arg-type]
    saved = directory / "saved"
    export_saved_model(
        counter.model, flat_taxonomy(leaves), image_size_px=int(size), directory=saved, manifest={}
    )
    photos = np.random.default_rng(0).uniform(0, 255, (4, int(size), int(size), 3))
    converter = Converter(saved, representative=photos.astype(np.float32))
    models = {variant: directory / model_file(variant) for variant in variants}
    for variant, path in models.items():
        path.write_bytes(converter.convert(variant))
        print(f"{network}, {variant}: {path.stat().st_size / 1e6:.2f} MB", file=sys.stderr)
    return {"mflops": counter.forward(int(size)) / 1e6, "models": models}


def flat_taxonomy(leaves: int) -> Taxonomy:
    """A kingdom with species."""
    count = leaves + 1
    return Taxonomy(
        taxon_ids=np.arange(1, count + 1),
        parent_nodes=np.array([-1] + [0] * leaves, np.int32),
        rank_levels=np.array([70] + [10] * leaves, np.float32),
        leaf_class_ids=np.arange(-1, leaves, dtype=np.int32),
        iconic_taxon_ids=np.zeros(count, np.int64),
        names=tuple(f"Taxon {node}" for node in range(count)),
    )


def figures(
    built: dict[str, dict[str, Any]], passes: list[dict[str, Times]], threads: list[int]
) -> list[dict[str, Any]]:
    """Returns a row a network and variant; times are means of the passes' medians."""
    medians: dict[tuple[str, str, int], list[float]] = defaultdict(list)
    for one in passes:
        for network, times in one.items():
            for variant, by_threads in times.items():
                for count, latency in by_threads.items():
                    medians[network, variant, count].append(latency.p50_ms)
    first = next(iter(built))
    rows = []
    for network, entry in built.items():
        for variant, path in entry["models"].items():
            p50 = {count: float(np.mean(medians[network, variant, count])) for count in threads}
            reference = {c: float(np.mean(medians[first, variant, c])) for c in threads}
            rows.append(
                {
                    "network": network,
                    "variant": variant,
                    "megabytes": path.stat().st_size / 1e6,
                    "mflops": entry["mflops"],
                    "p50_ms": p50,
                    "ratio": {count: p50[count] / reference[count] for count in threads},
                    "passes_ms": {c: medians[network, variant, c] for c in threads},
                }
            )
    return rows


def table(rows: list[dict[str, Any]], threads: list[int]) -> str:
    """Returns the figures for people, Markdown."""
    heads = [f"p50, {count} thread{'s' if count > 1 else ''}" for count in threads]
    lines = [
        f"| network | variant | MB | MFLOPs | {' | '.join(heads)} |",
        "| --- " * (4 + len(heads)) + "|",
    ]
    for row in rows:
        times = [f"{row['p50_ms'][c]:.1f} ms ({row['ratio'][c]:.2f})" for c in threads]
        lines.append(
            f"| {row['network'].replace(':', ', ')} px | {row['variant']} | "
            f"{row['megabytes']:.2f} | {row['mflops']:,.0f} | {' | '.join(times)} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
