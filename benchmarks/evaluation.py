"""What an evaluation costs besides the network: synthetic answers through the real pipeline.

    python benchmarks/evaluation.py                              # 100, 1,000 and 80,000 leaves
    python benchmarks/evaluation.py --leaves 80000 --photos 160000 --part tables

A process for each number of leaves makes photos with answers (15 leaves each, mostly relatives of
the truth), and gives them to what the Evaluator runs after the network: our tables (`--part
tables`), TFMA's slices, metrics and validation (`--part tfma`), or both (`all`). CPU seconds are of
the Beam pipeline alone, with the making of answers, without the start of Python; peak memory is of
the whole process.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

K = 15
BATCH = 1000
LICENSES = np.array([b"CC-BY-NC", b"CC-BY", b"CC0", b"CC-BY-SA", b""], object)


def main() -> None:
    """Prints a line for each number of leaves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leaves", type=int, nargs="+", default=[100, 1000, 80_000])
    parser.add_argument("--photos", type=int, default=160_000)
    parser.add_argument("--part", choices=["tables", "tfma", "all"], default="all")
    parser.add_argument("--beam", action="append", default=["--runner=FnApiRunner"])
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.leaves[0], options.photos, options.part, options.beam)))
        return
    print(f"{options.photos:,} photos, {options.part}")
    print("leaves     wall s    CPU s   photos/CPU s   peak GB   metric rows")
    for leaves in options.leaves:
        found = run_child(leaves, options)
        print(
            f"{leaves:7,}  {found['wall_secs']:8.1f} {found['cpu_secs']:8.1f} "
            f"{options.photos / found['cpu_secs']:14,.0f} {found['peak_gb']:9.2f} "
            f"{found['rows']:13,}",
            flush=True,
        )


def run_child(leaves: int, options: argparse.Namespace) -> dict[str, float]:
    """Measures one number of leaves in a process of its own."""
    command = [sys.executable, __file__, "--child", f"--leaves={leaves}", "--part", options.part]
    command += [f"--photos={options.photos}", *(f"--beam={option}" for option in options.beam[1:])]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(leaves: int, photos: int, part: str, beam_options: list[str]) -> dict[str, float]:
    """Runs one pipeline; returns seconds, peak memory and the rows written."""
    import apache_beam as beam
    import pyarrow.parquet as pq
    import tfx.components  # noqa: F401  (mends TFMA's names, and must come first)
    from apache_beam.options.pipeline_options import PipelineOptions

    with tempfile.TemporaryDirectory() as directory:
        request = make_request(Path(directory), leaves)
        started, used = time.perf_counter(), cpu_secs()
        with beam.Pipeline(options=PipelineOptions(beam_options)) as pipeline:
            batches = (
                pipeline
                | beam.Create(range(0, photos, BATCH))
                | beam.Reshuffle()
                | beam.Map(make_batch, leaves, photos)
            )
            evaluate(batches, request, part)
        wall, cpu = time.perf_counter() - started, cpu_secs() - used
        written = Path(request.directory) / "metrics.parquet"
        rows = pq.ParquetFile(written).metadata.num_rows if written.exists() else 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {"wall_secs": wall, "cpu_secs": cpu, "peak_gb": peak, "rows": rows}


def cpu_secs() -> float:
    """CPU seconds of this process and of workers that have ended."""
    own, ended = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def evaluate(batches: Any, request: Any, part: str) -> None:
    """Adds what the Evaluator does after the network."""
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis.extractors import slice_key_extractor, unbatch_extractor

    from components.taxon_evaluator.config import EvaluationSettings
    from components.taxon_evaluator.eval_config import build_eval_config
    from components.taxon_evaluator.table_branch import CountTables

    if part != "tfma":
        batches = batches | "CountTables" >> CountTables(request)
    if part == "tables":
        return
    config = build_eval_config(EvaluationSettings(), has_baseline=False)
    config.model_specs[0].ClearField("name")  # as TFMA does with a model that is alone
    config.metrics_specs[0].ClearField("model_names")
    _ = (
        batches
        | tfma.ExtractAndEvaluate(
            extractors=[
                unbatch_extractor.UnbatchExtractor(),
                slice_key_extractor.SliceKeyExtractor(eval_config=config, materialize=False),
            ],
            evaluators=tfma.default_evaluators(eval_config=config),
        )
        | tfma.WriteResults(tfma.default_writers(output_path=request.directory, eval_config=config))
    )


def make_request(directory: Path, leaves: int) -> Any:
    """Writes a taxonomy and counts of training; returns the Evaluator's default request."""
    from components.taxon_evaluator.config import EvaluationSettings
    from components.taxon_evaluator.executor import table_request
    from components.taxon_evaluator.leaf_photos import LeafPhotos
    from components.taxon_evaluator.training_photos import TrainingPhotos, hash_observers
    from schemas.taxonomy_csv import write_taxonomy

    write_taxonomy(make_taxonomy(leaves), directory / "taxonomy.csv")
    request = table_request(directory / "taxonomy.csv", directory / "tables", EvaluationSettings())
    Path(request.directory).mkdir()
    observers = np.sort(hash_observers([f"observer {n}" for n in range(0, 400_000, 2)]))
    rng = np.random.default_rng(1)
    photos = rng.integers(20, 1000, leaves)
    of_leaves = LeafPhotos(photos // 2, *(photos // rng.integers(2, 50, (3, leaves))))
    TrainingPhotos(photos, observers, of_leaves).save(Path(request.training_file))
    return request


def make_taxonomy(leaves: int) -> Any:
    """A tree of seven ranks: 4 species a genus, 6 genera a family, 8 families an order, ..."""
    from schemas.ranks import level_of
    from schemas.taxonomy import NO_LEAF, Taxonomy

    ranks, widths = ["species"], [leaves]
    for rank, children in (("genus", 4), ("family", 6), ("order", 8), ("class", 10)):
        ranks.append(rank)
        widths.append(-(-widths[-1] // children))
    ranks += ["phylum", "kingdom"]
    widths += [-(-widths[-1] // 4), 1]
    starts = np.cumsum([0, *widths])
    parents = np.full(starts[-1], -1, np.int32)
    for above in range(1, len(ranks)):
        below = np.arange(widths[above - 1])
        parents[starts[above - 1] + below] = starts[above] + below * widths[above] // len(below)
    count = int(starts[-1])
    classes = np.full(count, NO_LEAF, np.int32)
    classes[:leaves] = np.arange(leaves)
    return Taxonomy(
        taxon_ids=np.arange(1, count + 1),
        parent_nodes=parents,
        rank_levels=np.repeat([level_of(rank) for rank in ranks], widths).astype(np.float32),
        leaf_class_ids=classes,
        iconic_taxon_ids=np.full(count, 47158),
        names=tuple(f"Taxon {number}" for number in range(count)),
    )


def make_batch(first: int, leaves: int, photos: int) -> dict[str, Any]:
    """TFMA's batched extracts of photos `first` and after, the same on every machine."""
    rng, count = np.random.default_rng(first), min(BATCH, photos - first)
    numbers = np.arange(first, first + count)
    # Every leaf has its photos, scattered over the batches as in shuffled records.
    labels = (numbers * 7919) % leaves
    near = labels[:, None] // 24 * 24 + rng.permuted(np.tile(np.arange(24), (count, 1)), axis=1)
    classes = np.minimum(near[:, :K], leaves - 1)
    place = np.minimum(rng.geometric(0.7, count), 2 * K)
    shown = place <= K
    classes[shown, place[shown] - 1] = labels[shown]
    scores = np.sort(rng.dirichlet(np.full(K, 0.3), count), axis=1)[:, ::-1].astype(np.float32)
    label_scores = np.where(shown, scores[np.arange(count), np.minimum(place, K) - 1], 1e-6)
    text = lambda values: np.array(values, object)  # noqa: E731
    return {
        "features": {
            "photo_id": numbers,
            "label": labels,
            "taxon_id": labels + 1,
            "iconic_taxon": text([b"Insecta"] * count),
            "license": LICENSES[rng.integers(0, len(LICENSES), count)],
            "observed_on": text([b"%d-05-01" % year for year in rng.integers(2005, 2026, count)]),
            "observer": text([b"observer %d" % n for n in rng.integers(0, 400_000, count)]),
            "latitude": rng.uniform(-60, 70, count).astype(np.float32),
            "longitude": rng.uniform(-180, 180, count).astype(np.float32),
        },
        "labels": labels,
        "example_weights": np.ones(count, np.float32),
        "predictions": {
            "topk_classes": classes,
            "topk_scores": scores,
            "label_rank": place,
            "label_score": label_scores.astype(np.float32),
            "calibrated_label_score": label_scores.astype(np.float32),
            "calibrated_top_score": scores[:, 0],
        },
    }


if __name__ == "__main__":
    main()
