"""Artifacts of a run made by hand: a few owls, or as many leaves as one likes."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from components.export_example_gen.example_bytes import example_bytes
from components.export_example_gen.record_writer import RecordWriter
from components.report.sources import Provenance, Push, Sources
from components.taxon_evaluator.tables import table_files
from schemas import record
from schemas.photo_index import IndexRow, index_file, write_index

MEAN_NAME = '<script>alert("owl")</script>'
"""What a taxon, an observer or a file may be called."""

NAMES = ("Strix aluco", "Strix varia", MEAN_NAME)
FIRST_TAXON = 101
FIRST_PHOTO = 900

PHONE = {
    "blessed": True,
    "split": "val",
    "settings": {},
    "default_variant": "float16",
    "temperature": 0.75,
    "variants": {
        "float16": {
            "passed": True,
            "reasons": [],
            "photos": 50,
            "top1_agreement": 1.0,
            "server_accuracy": 0.8,
            "variant_accuracy": 0.78,
            "accuracy_drop": 0.02,
            "accuracy_drop_interval": [-0.03, 0.0712],
            "largest_score_error": 0.01,
            "bytes": 1_234_567,
            "broken_taxa": 12,
            "worst_taxa": [
                {
                    "taxon_id": FIRST_TAXON,
                    "name": MEAN_NAME,
                    "photos": 20,
                    "server_right": 18,
                    "variant_right": 3,
                }
            ],
            "latency_p50_ms": 3.21,
            "latency_p95_ms": 4.56,
            "latency": {"1": {"p50_ms": 3.21, "p95_ms": 4.56, "ratio_to_float32": 0.5}},
            "calibration": None,
            "what_comes_later": [1],
        },
        "dynamic_range_int8": {
            "passed": True,
            "reasons": [],
            "photos": 50,
            "bytes": 800_000,
            "latency": {
                "2": {
                    "p50_ms": 2.0,
                    "p95_ms": 3.0,
                    "ratio_to_float32": 0.25,
                    "p95_ratio_to_float32": 0.375,
                }
            },
            "calibration": {
                "temperature": 0.8123,
                "log_loss": 1.25,
                "network_log_loss": 1.125,
                "calibrated_log_loss": 1.1,
                "calibration_error": 0.2171,
                "network_calibration_error": 0.03,
                "calibrated_calibration_error": 0.0249,
            },
        },
        "full_int8": {
            "passed": False,
            "reasons": ["Its output is not named."],
            "photos": 0,
            "bytes": 700_000,
        },
    },
    "visible_taxa": {"fewest_photos": 5, "words": "A taxon can be found from 5 photos on."},
    "conventions": {
        "android": {
            "words": "as Android does",
            "photos": 50,
            "top1": 0.31,
            "top1_interval": [0.2, 0.45],
            "top1_agreement": 0.4,
        }
    },
}

VERDICT: dict[str, Any] = {
    "version": 1,
    "blessed": False,
    "reasons": ["top1_accuracy is 0.8 over all photos, 0.1 below the bar of 0.9 (min_top1)"],
    "compared": "on 50 photos of 3 leaves: top-1 -0.06 (-0.1 to -0.02), p = 0.03; 1 taxa fell",
    "bars": [
        {
            "setting": "min_top1",
            "slice": "all photos",
            "metric": "top1_accuracy",
            "value": 0.8,
            "threshold": 0.9,
            "at_least": True,
            "passed": False,
            "note": "",
            "missed_by": 0.1,
            "said_by_a_later_version": 1,
        }
    ],
    "comparison": {
        "candidate_leaves": 3,
        "baseline_leaves": 3,
        "shared_leaves": 3,
        "photos": 50,
        "both": 38,
        "only_candidate": 2,
        "only_baseline": 5,
        "neither": 5,
        "change": -0.06,
        "low": -0.1,
        "high": -0.02,
        "p_value": 0.03,
        "fallen": [
            {
                "taxon_id": FIRST_TAXON,
                "name": NAMES[0],
                "n": 20,
                "change": -0.6,
                "p_value": 0.0001,
                "adjusted_p_value": 0.0002,
            }
        ],
    },
    "tfma_failures": [],
}


@dataclass(frozen=True)
class MadeRun:
    """Where the artifacts of a made-up run lie."""

    root: Path

    def sources(self, **others: Any) -> Sources:
        """All of them, `others` going first."""
        given = {
            "taxonomy": self.root / "taxonomy",
            "photo_index": self.root / "index",
            "examples": {split: self.root / "examples" / split for split in ("train", "val")},
            "set_aside": self.root / "set_aside",
            "near_duplicates": self.root / "duplicates",
            "gate": self.root / "gate",
            "history": self.root / "history",
            "evaluation": self.root / "evaluation",
            "model_blessed": False,
            "mobile_report": self.root / "phone",
            "pushes": (
                Push("SavedModel", None),
                Push("Phone bundle", "pushed/mobile/17"),
            ),
        }
        return Sources(**{**given, **others})

    @property
    def tables(self) -> Path:
        return self.root / "evaluation" / table_files.TABLES_DIRECTORY


PROVENANCE = Provenance(
    pipeline="owls",
    written="2025-06-01 12:00 UTC",
    export_fingerprint="f00d",
    settings={"name": "owls", "trainer": {"seed": 3}},
    versions={"tensorflow": "2.21.0"},
    artifacts={"evaluation": "artifacts/Evaluator/evaluation/18"},
)


def make_run(root: Path) -> MadeRun:
    """Writes a run of three leaves, one of which has a name that no page should run."""
    write_taxonomy(root / "taxonomy", list(NAMES))
    write_photos(root)
    write_json(root / "history/history.json", history())
    write_history_rows(root / "history/history.parquet")
    write_json(root / "duplicates/verdict.json", {"splits": {"val": {"share": 0.25}}})
    write_json(root / "gate/verdict.json", {"anomalies": []})
    write_json(root / "phone/mobile_report.json", PHONE)
    run = MadeRun(root)
    write_json(run.tables / "verdict.json", VERDICT)
    write_evaluation(run.tables, list(NAMES))
    (root / "set_aside").mkdir()
    (root / "set_aside/set_aside.csv").write_text(
        "file,row,photo_id,kind,reason\n"
        "train.csv,7,31,leak,in val as photo 311 too\n"
        "train.csv,9,32,leak,in val as photo 322 too\n"
        f"val.csv,3,33,unusable,no picture: {MEAN_NAME.replace(chr(34), '')}\n"
    )
    return run


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def write_taxonomy(directory: Path, names: list[str]) -> None:
    directory.mkdir(parents=True)
    lines = ["parent_taxon_id,taxon_id,rank_level,leaf_class_id,name", ",1,70,,Animalia"]
    for leaf, name in enumerate(names):
        lines.append(f"1,{FIRST_TAXON + leaf},10,{leaf},{name}")
    (directory / "taxonomy.csv").write_text("\n".join(lines) + "\n")


def write_photos(root: Path) -> None:
    """Four photos in train and three in val, of which the last lies on its side."""
    for split, count in (("train", 4), ("val", 3)):
        rows = []
        path = root / "examples" / split / "data_tfrecord-00000-of-00001.gz"
        path.parent.mkdir(parents=True)
        with RecordWriter(path) as writer:
            for number in range(count):
                photo_id = FIRST_PHOTO + number + (100 if split == "train" else 0)
                features = {
                    record.IMAGE: two_halves(),
                    record.ORIENTATION: 6 if number == 2 else 1,
                    record.PHOTO_ID: photo_id,
                }
                writer.write(example_bytes(features))
                rows.append(index_row(photo_id, FIRST_TAXON + number % 2))
        write_index(rows, index_file(root / "index", split, 0, 1))


def two_halves() -> bytes:
    """A JPEG that is red on the left and blue on the right."""
    image = Image.new("RGB", (300, 200), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, 150, 200))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def index_row(photo_id: int, taxon_id: int) -> IndexRow:
    return IndexRow(
        photo_id=photo_id,
        observation_id=photo_id,
        observation_uuid=None,
        taxon_id=taxon_id,
        row_number=2,
        path=f"{photo_id}.jpg",
        photo_url=None,
        sha256="",
        phash=0,
        license="CC-BY" if photo_id % 2 else None,
        rights_holder=MEAN_NAME,
        observer=MEAN_NAME,
    )


def history() -> dict[str, Any]:
    """Two stages of two epochs of 100 photos, with keys that the page does not know."""
    stage = {
        "steps": 20,
        "peak_learning_rate": 0.002,
        "augment": 0.3,
        "label_smoothing": 0.05,
        "rand_augment": 0.0,
        "mixup": 0.0,
        "cutmix": 0.0,
        "trainable": "all",
    }
    stages = [
        {**stage, "index": 0, "image_size_px": 64, "global_batch": 10, "start_examples": 0,
         "dropout": 0.0},
        {**stage, "index": 1, "image_size_px": 96, "global_batch": 10, "start_examples": 200,
         "dropout": 0.2},
    ]  # fmt: skip
    epochs = [
        {
            "stage": number // 2,
            "epoch": number + 1.0,
            "val_top1": top1,
            "train_top1": top1 - 0.05,
            "val_loss": 1.0 - top1,
            "train_loss": 1.1 - top1,
            "train_secs": 10.0,
            "val_secs": 2.0,
            "photos_per_sec": 10.0,
            "data_wait_share": 0.25,
            "wall_secs": 12.0 * (number + 1),
        }
        for number, top1 in enumerate((0.2, 0.5, 0.6, 0.8))
    ]
    return {
        "schema_version": 9,
        "devices": "one of a kind",
        "train_photos": 100,
        "val_photos": 50,
        "stages": stages,
        "decisions": [{"reason": "stage 2 ends early: it no longer pays"}],
        "epochs": epochs,
    }


def write_history_rows(path: Path) -> None:
    rows = [
        {
            "kind": "steps",
            "stage": step // 21,
            "epoch": step / 10,
            "learning_rate": 0.001 * step,
            "images_per_sec": 9.0,
        }
        for step in range(1, 41)
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)


def write_evaluation(directory: Path, names: list[str], photos: int = 20) -> None:
    """Tables of an evaluation in which leaf number i of N is right in i/N of its photos."""
    leaves = len(names)
    ids = np.arange(FIRST_TAXON, FIRST_TAXON + leaves)
    share = np.arange(leaves) / leaves
    metrics = [
        of_slices("overall", ["all"], np.array([0]), metric, np.array([value]), n)
        for metric, value, n in (
            ("top1_accuracy", 0.8, 50),
            ("top3_accuracy", 0.9, 50),
            ("top5_accuracy", 0.96, 50),
            ("macro_top1_accuracy", 0.75, leaves),
            ("class_accuracy", 0.97, 50),
            ("common_ancestor_share_default", 0.7, 50),
            ("common_ancestor_accuracy_default", 0.93, 35),
        )
    ]
    metrics += [
        of_slices("leaf", names, ids, metric, share, photos)
        for metric in ("top1_accuracy", "top5_accuracy", "precision", "f1")
    ]
    buckets = ["0-19", "20-49", "50 and more"]
    metrics.append(
        of_slices(
            "train_photos", buckets, np.zeros(3, np.int64), "top1_accuracy",
            np.array([0.4, 0.6, 0.9]), 16,
        )
    )  # fmt: skip
    table_files.write_table(
        metrics, directory / table_files.METRICS_FILE, table_files.METRICS_SCHEMA
    )
    write_problems(directory)
    write_reliability(directory)
    write_confusions(directory, leaves, photos)
    columns = {
        "taxon_id": ids,
        "parent_taxon_id": np.ones(leaves, np.int64),
        "name": pa.array(names),
        "rank": pa.array(["species"] * leaves),
        "rank_level": np.full(leaves, 10.0),
        "leaf_class_id": np.arange(leaves),
        "train_photos": np.arange(leaves) + 3,
        "photos": np.full(leaves, photos),
    }
    table_files.write_table(
        [pa.table(columns)], directory / table_files.TAXA_FILE, table_files.TAXA_SCHEMA
    )


def of_slices(
    family: str, names: list[str], ids: np.ndarray, metric: str, values: np.ndarray, n: int
) -> pa.Table:
    count = len(names)
    return pa.table(
        {
            "family": [family] * count,
            "slice": names,
            "taxon_id": ids,
            "metric": [metric] * count,
            "n": np.full(count, n),
            "value": values,
            "low": np.maximum(values - 0.1, 0),
            "high": np.minimum(values + 0.1, 1),
        }
    )


def write_problems(directory: Path) -> None:
    row = {
        "taxon_id": FIRST_TAXON + 1,
        "n": 20,
        "errors": 9,
        "error_rate": 0.45,
        "low": 0.26,
        "high": 0.66,
        "observations": 300,
        "gain": 135.0,
        "sure_gain": 78.0,
        "diagnoses": ["few_photos", "mislabelled"],
        "train_photos": 4,
        "errors_within_genus": 0,
        "confused_taxon_id": 0,
        "confused_count": 0,
        "confident_errors": 1,
        "suspect_photo_ids": [FIRST_PHOTO + 1],
        "copies": 0,
        "copies_elsewhere": 0,
        "top_observer_photos": 1,
    }
    schema = table_files.PROBLEMS_SCHEMA
    table = pa.Table.from_pylist([row]).select(schema.names)
    table_files.write_table([table], directory / table_files.PROBLEMS_FILE, schema)


def write_reliability(directory: Path) -> None:
    rows = [
        {"family": "overall", "slice": "all", "taxon_id": 0, "above": b / 10, "up_to": b / 10 + 0.1,
         "n": b + 1, "mean_confidence": b / 10 + 0.05, "accuracy": 0.09 * b, "low": 0, "high": 1}
        for b in range(10)
    ]  # fmt: skip
    schema = table_files.RELIABILITY_SCHEMA
    table = pa.Table.from_pylist(rows).select(schema.names)
    table_files.write_table([table], directory / table_files.RELIABILITY_FILE, schema)


def write_confusions(directory: Path, leaves: int, photos: int) -> None:
    """Each leaf is taken for the next, the first most often; and the second for the first."""
    rows = [
        {
            "taxon_id": FIRST_TAXON + leaf,
            "answer_taxon_id": FIRST_TAXON + leaf + 1,
            "common_rank_level": 20.0,
            "n": photos,
            "count": max(10 - leaf, 1),
            "rate": max(10 - leaf, 1) / photos,
            "low": 0.1,
            "high": 0.6,
            "reverse_n": photos,
            "reverse_count": 4 if leaf == 0 else 0,
            "reverse_rate": 0.2,
            "photo_ids": [FIRST_PHOTO + leaf],
        }
        for leaf in range(leaves - 1)
    ]
    turned = {
        **rows[0],
        "taxon_id": FIRST_TAXON + 1,
        "answer_taxon_id": FIRST_TAXON,
        "count": 4,
        "reverse_count": 10,
        "photo_ids": [FIRST_PHOTO + 2],
    }
    schema = table_files.CONFUSIONS_SCHEMA
    rows = sorted([*rows, turned], key=lambda row: -row["count"])
    table = pa.Table.from_pylist(rows).select(schema.names)
    table_files.write_table([table], directory / table_files.CONFUSIONS_FILE, schema)
