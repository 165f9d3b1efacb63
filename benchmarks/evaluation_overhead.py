"""What an evaluation costs beside the bare forward pass over the same photos, with a real network.

    python benchmarks/evaluation_overhead.py vision-export-birds100 --network mobilenet_025
    python benchmarks/evaluation_overhead.py vision-export-birds100 --network efficientnetv2_b0

The network is untrained, which costs the same. `bare` decodes and answers every photo by the
exported model's `evaluate` signature, in batches, and keeps nothing; `evaluation` is TFMA with all
our slices, metrics and tables, as the Evaluator runs it. A process each, on one core, in turn;
loading the model counts in both, imports in neither. Each is measured with the photos of --splits
given --times times: the difference between two numbers of photos is what a photo costs, and the
rest does not grow. Prints medians of --runs. The yardstick: 1.25 times the bare pass.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

BATCH = 32
MODES = ("bare", "evaluation")


def main() -> None:
    """Measures both modes for each number of photos, or one of them in this process."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("export", type=Path)
    parser.add_argument("--network", default="mobilenet_025")
    parser.add_argument("--size", type=int, default=224, help="px")
    parser.add_argument("--splits", nargs="+", default=["val"])
    parser.add_argument("--times", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--mode", choices=MODES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.mode:
        print(json.dumps(measure_here(options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        options.work = Path(folder)
        photos = write_world(options)
        runs: dict[tuple[int, str], list[dict[str, float]]] = {
            (times, mode): [] for times in options.times for mode in MODES
        }
        for _ in range(options.runs):
            for (times, mode), seen in runs.items():
                seen.append(measured(options, mode, times))
    report(photos, {key: medians(seen) for key, seen in runs.items()})


def write_world(options: argparse.Namespace) -> int:
    """Writes records and a model into the working directory; returns the number of photos."""
    import tensorflow as tf

    from components.progressive_trainer.networks import build_network
    from schemas import record
    from schemas.open_source import open_source
    from schemas.photo_store import PhotoStore
    from schemas.taxonomy_csv import write_taxonomy
    from serving.saved_model import export_saved_model

    source = open_source(str(options.export), "auto")
    taxonomy, store = source.taxonomy(), PhotoStore(source.directory)
    write_taxonomy(taxonomy, options.work / record.TAXONOMY_FILE)
    network = build_network(options.network, num_leaves=taxonomy.num_leaves, base_weights="none")
    export_saved_model(
        network,
        taxonomy,
        image_size_px=options.size,
        directory=options.work / "model",
        manifest={},
    )
    photos = 0
    with tf.io.TFRecordWriter(str(options.work / "photos")) as writer:
        for split in options.splits:
            for row in source.rows(split):
                path = store.find(*row.key)
                if path is not None:
                    writer.write(example_of(row, Path(path).read_bytes()))
                    photos += 1
    return photos


def example_of(row: Any, jpeg: bytes) -> bytes:
    """A transformed record of an upright photo."""
    import tensorflow as tf

    from schemas import record

    ids = {
        record.PHOTO_ID: row.photo_id,
        record.LABEL: row.leaf_class_id,
        record.TAXON_ID: row.taxon_id,
    }
    texts = {
        record.IMAGE: jpeg,
        record.ICONIC_TAXON: b"none",
        record.LICENSE: (row.license or "").encode(),
        record.OBSERVER: (row.observer or "").encode(),
        record.OBSERVED_ON: b"",
    }
    features = {
        name: tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        for name, value in ids.items()
    } | {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for name, value in texts.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString()


def measured(options: argparse.Namespace, mode: str, times: int) -> dict[str, float]:
    """Measures a mode in a process of its own."""
    command = [sys.executable, __file__, str(options.export), "--mode", mode]
    command += ["--times", str(times), "--work", str(options.work)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-4000:])
    return json.loads(done.stdout.splitlines()[-1])


def measure_here(options: argparse.Namespace) -> dict[str, float]:
    """Runs one mode on one core; returns wall and CPU seconds."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    run = {"bare": bare, "evaluation": evaluation}[options.mode](options)
    started, used = time.perf_counter(), cpu_secs()
    run()
    return {"wall": time.perf_counter() - started, "cpu": cpu_secs() - used}


def cpu_secs() -> float:
    """CPU seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def bare(options: argparse.Namespace) -> Any:
    """Returns a call that answers every photo."""
    import tensorflow as tf

    from schemas import record

    wanted = {
        record.IMAGE: tf.io.FixedLenFeature([], tf.string),
        record.LABEL: tf.io.FixedLenFeature([], tf.int64),
    }

    def run() -> None:
        answer = tf.saved_model.load(str(options.work / "model")).signatures["evaluate"]
        files = [str(options.work / "photos")] * options.times[0]
        batches = tf.data.TFRecordDataset(files).batch(BATCH)
        for features in batches.map(lambda rows: tf.io.parse_example(rows, wanted)).prefetch(1):
            answer(image=features[record.IMAGE], label=features[record.LABEL])

    return run


def evaluation(options: argparse.Namespace) -> Any:
    """Returns a call that evaluates the model."""
    import numpy as np
    import tensorflow_model_analysis as tfma
    import tfx.components  # noqa: F401  (mends TFMA's names)
    from apache_beam.options.pipeline_options import PipelineOptions

    from components.taxon_evaluator.config import EvaluationSettings
    from components.taxon_evaluator.eval_config import CANDIDATE, build_eval_config
    from components.taxon_evaluator.executor import table_request
    from components.taxon_evaluator.table_branch import custom_extractors
    from components.taxon_evaluator.table_request import requested
    from components.taxon_evaluator.training_photos import TrainingPhotos, hash_observers
    from schemas.record import TAXONOMY_FILE
    from schemas.taxonomy_csv import read_taxonomy

    settings, out = EvaluationSettings(), Path(tempfile.mkdtemp(dir=options.work))
    request = table_request(options.work / TAXONOMY_FILE, out / "tables", settings)
    Path(request.directory).mkdir()
    leaves = read_taxonomy(options.work / TAXONOMY_FILE).num_leaves
    training = TrainingPhotos(np.full(leaves, 50), hash_observers(["somebody"]))
    training.save(Path(request.training_file))
    links = out / "photos"
    links.mkdir()
    for number in range(options.times[0]):
        (links / f"{number}").symlink_to(options.work / "photos")
    config = build_eval_config(settings, has_baseline=False)

    def run() -> None:
        with requested(request):
            shared = tfma.default_eval_shared_model(
                str(options.work / "model"),
                model_name=CANDIDATE,
                eval_config=config,
                tags=["serve"],
            )
            tfma.run_model_analysis(
                eval_shared_model=[shared],
                eval_config=config,
                extractors=custom_extractors([shared], config, None),
                data_location=str(links / "*"),
                output_path=str(out / "evaluation"),
                pipeline_options=PipelineOptions(["--runner=FnApiRunner"]),
            )

    return run


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def report(photos: int, found: dict[tuple[int, str], dict[str, float]]) -> None:
    """Prints seconds, ratios, and what a photo costs where there are two numbers of photos."""
    numbers = sorted({times for times, _ in found})
    for times in numbers:
        plain, full = found[times, "bare"], found[times, "evaluation"]
        print(
            f"{photos * times:,} photos: bare {plain['wall']:.1f} s, CPU {plain['cpu']:.1f} s; "
            f"evaluation {full['wall']:.1f} s, CPU {full['cpu']:.1f} s; ratio "
            f"{full['wall'] / plain['wall']:.2f}, CPU {full['cpu'] / plain['cpu']:.2f}"
        )
    if len(numbers) > 1:
        few, many = numbers[0], numbers[-1]
        each = {
            mode: (found[many, mode]["cpu"] - found[few, mode]["cpu"]) / (photos * (many - few))
            for mode in MODES
        }
        print(
            f"each further photo: bare {each['bare'] * 1000:.2f} CPU ms, evaluation "
            f"{each['evaluation'] * 1000:.2f} CPU ms, ratio {each['evaluation'] / each['bare']:.2f}"
        )


if __name__ == "__main__":
    main()
