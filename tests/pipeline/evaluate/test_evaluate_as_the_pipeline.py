"""A pushed model evaluated by the command has the figures that its pipeline's Evaluator wrote."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from tiny_run import TinyRun

from pipeline.commands.evaluate import command

pytestmark = pytest.mark.pipeline

KEYS = ["family", "slice", "taxon_id", "metric"]
COUNTED = ("_accuracy", "_share", "precision", "recall", "f1", "reciprocal_rank")
"""Metrics that are counts of photos, or of places in the order of the leaves."""


def evaluate(model: Path, export: Path, out: Path) -> str:
    result = CliRunner().invoke(
        command, [str(model), "--export", str(export), "--out", str(out)], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def metrics(directory: Path) -> pd.DataFrame:
    table = pd.read_parquet(directory / "metrics.parquet")
    return table.astype({"family": str, "slice": str, "metric": str}).set_index(KEYS).sort_index()


@pytest.fixture(scope="module")
def evaluators_tables(whole_run: TinyRun) -> Path:
    (tables,) = (whole_run.root / "artifacts" / "Evaluator" / "evaluation").glob("*/tables")
    return tables


@pytest.fixture(scope="module")
def stored_export(whole_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export with the photos as Transform stored them."""
    import tensorflow as tf

    export = tmp_path_factory.mktemp("stored") / "export"
    shutil.copytree(whole_run.export_dir, export, ignore=shutil.ignore_patterns("photos"))
    files = (whole_run.root / "artifacts" / "Transform").rglob("Split-val/*.gz")
    for record in tf.data.TFRecordDataset(list(map(str, files)), compression_type="GZIP"):
        features = tf.train.Example.FromString(record.numpy()).features.feature
        (photo_id,) = features["photo_id"].int64_list.value
        path = export / "photos" / str(photo_id) / "medium.jpg"
        path.parent.mkdir(parents=True)
        path.write_bytes(features["image"].bytes_list.value[0])
    return export


def test_on_the_stored_photos_every_count_is_the_evaluators(
    whole_run: TinyRun, stored_export: Path, evaluators_tables: Path, tmp_path: Path
) -> None:
    text = evaluate(whole_run.root / "pushed" / "saved_model", stored_export, tmp_path / "out")

    ours, theirs = metrics(tmp_path / "out"), metrics(evaluators_tables)
    assert ours.index.equals(theirs.index)  # slices of training and of observers are among them
    assert ours["n"].equals(theirs["n"])
    counted = ours.index.get_level_values("metric").str.contains("|".join(COUNTED))
    pd.testing.assert_frame_equal(ours[counted], theirs[counted], atol=1e-6, rtol=0)
    # Pixels are resized by other code, to a few thousandths of a level.
    pd.testing.assert_frame_equal(ours, theirs, atol=2e-3, rtol=0)
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "out" / "taxa.parquet"),
        pd.read_parquet(evaluators_tables / "taxa.parquet"),
    )
    problems = [
        pd.read_parquet(directory / "problems.parquet")
        .drop(columns="suspect_photo_ids")
        .astype({"diagnoses": str})
        for directory in (tmp_path / "out", evaluators_tables)
    ]
    pd.testing.assert_frame_equal(*problems)
    confusions = [
        pd.read_parquet(directory / "confusions.parquet").drop(columns="photo_ids")
        for directory in (tmp_path / "out", evaluators_tables)
    ]
    pd.testing.assert_frame_equal(*confusions)
    assert "is not known here" not in text


def test_on_the_files_themselves_only_close_photos_change(
    whole_run: TinyRun, tiny_export: Path, evaluators_tables: Path, tmp_path: Path
) -> None:
    evaluate(whole_run.root / "pushed" / "mobile", tiny_export, tmp_path / "out")

    ours, theirs = metrics(tmp_path / "out"), metrics(evaluators_tables)
    overall = ("overall", "all", 0)
    photos = int(theirs.loc[(*overall, "top1_accuracy"), "n"])
    assert ours.loc[(*overall, "top1_accuracy"), "n"] == photos
    # An int8 model, and photos that were not encoded twice.
    allowed = 3 / photos
    for metric in ("top1_accuracy", "top3_accuracy", "genus_accuracy"):
        difference = ours.loc[(*overall, metric), "value"] - theirs.loc[(*overall, metric), "value"]
        assert abs(difference) <= allowed, metric
