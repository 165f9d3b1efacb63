from __future__ import annotations

import json
from pathlib import Path

import pandas
import pyarrow.parquet as pq
import pytest
from tiny_history import tiny_rows, tiny_stage

from components.progressive_trainer import history_rows
from components.progressive_trainer.decisions import Decision
from components.progressive_trainer.history_file import SCHEMA_VERSION, write_history
from components.progressive_trainer.history_rows import SCHEMA, write_table
from components.progressive_trainer.temperatures import Calibration


def test_rows_name_size_figures_and_speed() -> None:
    steps, _, validation = tiny_rows(1)

    assert steps == {
        "kind": "steps",
        "stage": 0,
        "image_size_px": 32,
        "global_batch": 10,
        "step": 5,
        "examples_seen": 50,
        "epoch": 1.0,
        "learning_rate": 0.1,
        "loss": 1.5,
        "top1": 0.2,
        "top3": 0.4,
        "top5": 0.5,
        "images_per_sec": 25.0,
        "images_per_sec_per_device": 12.5,
        "data_wait_share": 0.25,
        "wall_secs": 4.0,
    }
    assert list(steps) == SCHEMA.names
    figures = {"loss": 2.0, "top1": 0.25, "top3": 0.5, "top5": 0.75}
    speed = {"images_per_sec": 40.0, "images_per_sec_per_device": 20.0, "data_wait_share": None}
    assert validation == {**steps, "kind": "validation", **figures, **speed}


def test_table_is_read_in_two_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_rows, "ROWS_AT_ONCE", 4)  # 9 rows in three parts
    write_table(iter(tiny_rows(3)), tmp_path / "history.parquet")

    rows = pandas.read_parquet(tmp_path / "history.parquet")
    curve = rows[rows.kind == "steps"].set_index("examples_seen").loss

    assert dict(curve) == {50: 1.5, 100: 0.75, 150: 0.5}
    assert rows[rows.kind == "validation"].data_wait_share.isna().all()


def test_run_without_rows_has_a_table_with_the_columns(tmp_path: Path) -> None:
    write_table([], tmp_path / "history.parquet")

    assert pq.read_schema(tmp_path / "history.parquet").equals(SCHEMA)


def test_history_says_what_was_trained_and_which_version_it_is_written_in(tmp_path: Path) -> None:
    write_history(
        tmp_path,
        [tiny_stage()],
        decisions=[Decision("global_batch", 0, 0, 0, 8, "for a test")],
        epochs=[{"val_top1": 0.5}],
        rows=tiny_rows(1),
        devices="2 GPUs",
        train_photos=50,
        val_photos=20,
        calibration=Calibration(0.2, 20, 64, 0.9, 0.8, 0.1, 0.05),
    )

    history = json.loads((tmp_path / "history.json").read_text())
    assert history["schema_version"] == SCHEMA_VERSION == 1
    assert (history["devices"], history["train_photos"], history["val_photos"]) == (
        "2 GPUs",
        50,
        20,
    )
    assert history["stages"] == [tiny_stage().as_dict()]
    assert [Decision(**each) for each in history["decisions"]] == [
        Decision("global_batch", 0, 0, 0, 8, "for a test")
    ]
    assert history["epochs"] == [{"val_top1": 0.5}]
    assert (history["calibration"]["temperature"], history["calibration"]["at_limit"]) == (
        0.2,
        True,
    )
    assert len(pandas.read_parquet(tmp_path / "history.parquet")) == 3
