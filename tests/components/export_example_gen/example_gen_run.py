"""Runs ExportExampleGen as TFX does, and reads what it left behind."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import tensorflow as tf
from hostile_photos import encoded
from PIL import Image
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import dependency_utils

from components.artifacts import PhotoIndex, SetAside, Taxonomy
from components.export_example_gen.executor import Executor
from schemas import record
from schemas.photo_index import read_index

TAXONOMY = """parent_taxon_id,taxon_id,rank_level,leaf_class_id,iconic_class_id,spatial_class_id,\
name
,1,70,,,,Animalia
1,11,10,0,0,0,Species a
1,12,10,1,0,1,Species b
"""
COLUMNS = (
    "photo_id,photo_url,observation_id,leaf_class_id,iconic_class_id,taxon_id,obs_taxon_id,"
    "community"
)


@dataclass(frozen=True)
class Row:
    """A row of a split file written by `write_export`."""

    photo_id: int
    observation_id: int
    taxon_id: int = 11
    community: int = 1


def photo(seed: int) -> bytes:
    blobs = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return encoded(Image.fromarray(blobs).resize((80, 60), Image.Resampling.BICUBIC))


def photos(*ids: int) -> dict[int, bytes]:
    return {photo_id: photo(photo_id) for photo_id in ids}


def write_export(directory: Path, rows: dict[str, list[Row]], photos: dict[int, bytes]) -> Path:
    """Writes a vision export of two species."""
    directory.mkdir()
    (directory / "taxonomy.csv").write_text(TAXONOMY)
    for split, content in rows.items():
        lines = [
            f"{row.photo_id},https://x.org/{row.photo_id}/medium.jpg,{row.observation_id},"
            f"{row.taxon_id - 11},0,{row.taxon_id},{row.taxon_id},{row.community}"
            for row in content
        ]
        (directory / f"{split}_data.csv").write_text("\n".join([COLUMNS, *lines]) + "\n")
    for photo_id, data in photos.items():
        folder = directory / "photos" / str(photo_id)
        folder.mkdir(parents=True)
        (folder / "medium.jpg").write_bytes(data)
    return directory


@dataclass(frozen=True)
class Outcome:
    """What one run of the step left behind."""

    root: Path
    examples: standard_artifacts.Examples

    @property
    def set_aside(self) -> list[dict[str, str]]:
        with (self.root / "set_aside" / "set_aside.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    @property
    def reasons(self) -> list[tuple[str, str, str, str]]:
        return [(row["file"], row["row"], row["kind"], row["reason"]) for row in self.set_aside]

    def files(self, split: str) -> list[Path]:
        return sorted(Path(artifact_utils.get_split_uri([self.examples], split)).iterdir())

    def records(self, split: str) -> list[tf.train.Example]:
        dataset = tf.data.TFRecordDataset(
            [str(path) for path in self.files(split)], compression_type="GZIP"
        )
        return [tf.train.Example.FromString(data) for data in dataset.as_numpy_iterator()]

    def index(self, split: str) -> list[dict[str, Any]]:
        tables = read_index(self.root / "photo_index", split)
        return [row for table in tables for row in table.to_pylist()]

    def digests(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }


def run(export_dir: Path, root: Path, **settings: object) -> Outcome:
    outputs = {
        "examples": standard_artifacts.Examples(),
        "taxonomy": Taxonomy(),
        "set_aside": SetAside(),
        "photo_index": PhotoIndex(),
    }
    for name, artifact in outputs.items():
        (root / name).mkdir(parents=True)
        artifact.uri = str(root / name)
    (root / "tmp").mkdir()
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner"], tmp_dir=str(root / "tmp"), unique_id="1"
    )
    # TFX packs its own code for workers elsewhere, which takes it a second each time.
    with mock.patch.object(dependency_utils, "make_beam_dependency_flags", lambda flags: flags):
        executor = Executor(context)
    executor.Do(
        {},
        {name: [artifact] for name, artifact in outputs.items()},
        {
            "export_dir": str(export_dir),
            "export_fingerprint": "f",
            "settings": json.dumps(settings),
            "code_version": "c",
        },
    )
    return Outcome(root, outputs["examples"])


def photo_ids(records: list[tf.train.Example]) -> Counter[int]:
    return Counter(
        example.features.feature[record.PHOTO_ID].int64_list.value[0] for example in records
    )
