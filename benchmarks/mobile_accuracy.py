"""Bundles on the same photos: how many they name rightly, how large they are, how long they take.

    python benchmarks/mobile_accuracy.py --export vision-export-birds100 --work /tmp/frozen \\
        --frozen xception:299=xception_notop.weights.h5 \\
        --bundle runs/birds100/pushed/mobile/1700000000

`--frozen` makes a bundle of a backbone as it comes: its features of every train photo are computed
once, and a head is fitted to them (softmax regression, its penalty being the one that names most
val photos rightly). For a large backbone that is what a CPU can do in the time in which it trains
a small one through. `--bundle` takes a finished bundle. All are held against the first on the test
split, which nothing was fitted or chosen on. Training is told in CPU minutes of one thread.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import logsumexp

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import tensorflow as tf

from benchmarks.progressive_records import Split, prepared
from components.mobile_validator.labelled_photos import labelled_photos
from components.mobile_validator.latency import measure
from components.progressive_trainer.head import LEAVES
from components.progressive_trainer.networks import build_network
from components.taxon_evaluator.paired.paired_interval import paired_interval
from schemas.open_source import open_source
from schemas.taxonomy import Taxonomy
from schemas.wilson import wilson_interval
from serving.checked_bundle import Bundle, load_bundle
from serving.mobile_bundle import BundleRequest, build_bundle
from serving.saved_model import export_saved_model
from serving.tflite_classifier import TFLiteClassifier

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
"""Of the head's squared weights, beside the mean log loss."""

BATCH = 16
PASSES = 2


@dataclass(frozen=True)
class Row:
    """What one file of a bundle came to.

    Attributes:
        name: of network and variant.
        training: how it was trained, in words.
        megabytes: of the file.
        right: bool [P], whether it names each test photo rightly.
        p50_ms: median time of a photo, one thread.
    """

    name: str
    training: str
    megabytes: float
    right: npt.NDArray[np.bool_]
    p50_ms: float


def main() -> None:
    """Makes what is to be made, then measures all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--export", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="records and bundles stay there")
    parser.add_argument("--frozen", nargs="*", default=[], metavar="NETWORK:PX=WEIGHTS")
    parser.add_argument("--bundle", nargs="*", default=[], metavar="DIR")
    parser.add_argument("--variants", nargs="+", default=["dynamic_range_int8"])
    parser.add_argument("--stored-px", type=int, default=299)
    parser.add_argument("--runs", type=int, default=30, help="photos timed, in each pass")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    records = arguments.work / f"records-{arguments.stored_px}px"
    splits = prepared(arguments.export, records, stored_size_px=arguments.stored_px)
    taxonomy = open_source(arguments.export).taxonomy()
    found = {
        given: frozen_bundle(given, splits, taxonomy, arguments.work, arguments.variants)
        for given in arguments.frozen
    }
    found |= {given: (load_bundle(given), "trained through") for given in arguments.bundle}
    rows = [
        row
        for bundle, training in found.values()
        for row in measured(bundle, training, splits["test"], taxonomy, arguments.runs)
    ]
    print(table(rows))


def frozen_bundle(
    given: str, splits: dict[str, Split], taxonomy: Taxonomy, work: Path, variants: list[str]
) -> tuple[Bundle, str]:
    """Returns the bundle of a frozen backbone, and how it was trained; kept for the next time."""
    network_size, weights = given.split("=")
    name, size = network_size.split(":")
    directory, words = work / f"{name}-{size}px", work / f"{name}-{size}px.txt"
    if not words.is_file():
        started = time.process_time()
        model = build_network(name, num_leaves=taxonomy.num_leaves, base_weights=weights)  # type: ignore[arg-type]
        train, val = (features(model, splits[split], int(size)) for split in ("train", "val"))
        best = max(
            (fitted(*train, penalty) for penalty in PENALTIES), key=lambda head: hits(head, *val)
        )
        model.get_layer(LEAVES).set_weights([part.astype(np.float32) for part in best])
        minutes = (time.process_time() - started) / 60
        saved = work / f"{name}-{size}px-saved"
        export_saved_model(model, taxonomy, image_size_px=int(size), directory=saved, manifest={})
        request = BundleRequest(name, variants=variants)
        build_bundle(saved, directory, taxonomy=taxonomy, request=request)
        words.write_text(f"head on frozen backbone, {minutes:.1f} CPU min")
    return load_bundle(directory), words.read_text()


def features(model: keras.Model, split: Split, size_px: int) -> tuple[Floats, Ints]:
    """Returns (pooled features float64 [P, C], labels int64 [P])."""
    pooled = keras.Model(model.input, model.get_layer("pool").output)
    step = tf.function(lambda pixels: pooled(pixels, training=False))
    rows, labels = [], []
    for pixels, batch_labels in photos(split, size_px):
        rows.append(step(tf.constant(pixels)).numpy())
        labels.append(batch_labels)
    return np.concatenate(rows).astype(np.float64), np.concatenate(labels)


def fitted(inputs: Floats, labels: Ints, penalty: float) -> tuple[Floats, Floats]:
    """Returns the head (kernel [C, N], bias [N]) with the least mean log loss plus penalty."""
    mean, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    scaled = (inputs - mean) / spread
    shape = (inputs.shape[1] + 1, int(labels.max()) + 1)
    own = np.eye(shape[1])[labels]

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(shape)
        logits = scaled @ weights[:-1] + weights[-1]
        scores = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
        off = (scores - own) / len(labels)
        gradient = np.vstack([scaled.T @ off + penalty * weights[:-1], off.sum(axis=0)])
        value = -np.log(scores[np.arange(len(labels)), labels] + 1e-300).mean()
        return float(value + penalty * (weights[:-1] ** 2).sum() / 2), gradient.ravel()

    found = minimize(
        loss, np.zeros(np.prod(shape)), jac=True, method="L-BFGS-B", options={"maxiter": 200}
    )
    kernel = found.x.reshape(shape)[:-1] / spread[:, None]
    return kernel, found.x.reshape(shape)[-1] - mean @ kernel


def hits(head: tuple[Floats, Floats], inputs: Floats, labels: Ints) -> int:
    """Returns how many photos a head names rightly."""
    return int(((inputs @ head[0] + head[1]).argmax(axis=1) == labels).sum())


def measured(
    bundle: Bundle, training: str, test: Split, taxonomy: Taxonomy, runs: int
) -> Iterator[Row]:
    """Yields a row for each variant of a bundle."""
    if bundle.taxonomy.leaf_taxon_ids.tolist() != taxonomy.leaf_taxon_ids.tolist():
        sys.exit(f"{bundle.directory} names other taxa than the export has.")
    paths = {variant: bundle.model_path(variant) for variant in bundle.variants}
    phones = {variant: TFLiteClassifier(path) for variant, path in paths.items()}
    right: dict[str, list[npt.NDArray[np.bool_]]] = {variant: [] for variant in phones}
    for pixels, labels in photos(test, bundle.image_size_px):
        for variant, phone in phones.items():
            right[variant].append(phone.scores(pixels).argmax(axis=1) == labels)
    passes = [measure(paths, threads=[1], runs=runs) for _ in range(PASSES)]
    for variant, path in paths.items():
        p50_ms = float(np.mean([times[variant][1].p50_ms for times in passes]))
        name = f"{bundle.details.model}, {bundle.image_size_px} px, {variant}"
        megabytes = path.stat().st_size / 1e6
        yield Row(name, training, megabytes, np.concatenate(right[variant]), p50_ms)


def photos(split: Split, size_px: int) -> Iterator[tuple[npt.NDArray[np.float32], Ints]]:
    """Yields batches of a split, prepared as every client does."""
    return labelled_photos(split.files, size_px=size_px, batch_size=BATCH, max_photos=None)


def table(rows: list[Row]) -> str:
    """Returns the figures for people, Markdown; differences are to the first row."""
    first = rows[0]
    lines = [
        "| network, variant | training | top-1 (95 %) | less the first's (95 %) | MB | "
        "p50, 1 thread |",
        "| --- " * 6 + "|",
    ]
    for row in rows:
        count = len(row.right)
        low, high = wilson_interval(np.array([row.right.sum()]), np.array([count]))
        gained, lost = (
            np.array([(a & ~b).sum()])
            for a, b in ((row.right, first.right), (first.right, row.right))
        )
        less, more = paired_interval(gained, lost, np.array([count]))
        change = 100 * float(gained[0] - lost[0]) / count
        share = f"{row.right.mean():.1%} ({low[0]:.1%} to {high[0]:.1%})"
        lines.append(
            f"| {row.name} | {row.training} | {share} | "
            f"{change:+.1f} ({100 * less[0]:+.1f} to {100 * more[0]:+.1f}) points | "
            f"{row.megabytes:.2f} ({row.megabytes / first.megabytes:.3f}) | "
            f"{row.p50_ms:.1f} ms ({row.p50_ms / first.p50_ms:.3f}) |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
