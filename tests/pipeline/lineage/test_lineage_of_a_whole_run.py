"""The two commands on what TFX itself writes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tiny_run import TinyRun, versions

from pipeline.commands import attribution, lineage


def split_rows(run: TinyRun, split: str) -> list[dict[str, str]]:
    with (run.export_dir / f"{split}_data.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.pipeline
def test_photo_of_a_whole_run(whole_run: TinyRun) -> None:
    for split, in_training in (("train", True), ("val", False)):
        row = split_rows(whole_run, split)[0]
        arguments = ["--photo-id", row["photo_id"], "--runs", str(whole_run.work_dir), "--json"]

        result = CliRunner().invoke(lineage.command, arguments)

        assert result.exit_code == 0, result.output
        (model,) = json.loads(result.stdout)["models"]
        assert (model["place"], model["in_training"], model["blessed"]) == (
            split,
            in_training,
            True,
        )
        assert [Path(version["path"]) for version in model["pushed"]] == [
            *versions(whole_run.root / "pushed" / "saved_model"),
            *versions(whole_run.root / "pushed" / "mobile"),
        ]
        (photo,) = model["photos"]
        assert photo["taxon_id"] == int(row["taxon_id"])
        file = str(whole_run.export_dir / photo["path"])

        result = CliRunner().invoke(
            lineage.command, ["--photo", file, "--runs", str(whole_run.work_dir), "--json"]
        )

        (model,) = json.loads(result.stdout)["models"]
        assert [(p["photo_id"], p["distance"]) for p in model["photos"]] == [
            (int(row["photo_id"]), None)
        ]


@pytest.mark.pipeline
def test_credits_of_a_whole_run(whole_run: TinyRun) -> None:
    (version,) = versions(whole_run.root / "pushed" / "mobile")

    result = CliRunner().invoke(attribution.command, [str(version)])

    assert result.exit_code == 0, result.output
    listed = [row["photo_id"] for row in csv.DictReader(io.StringIO(result.stdout, newline=""))]
    assert sorted(listed) == sorted(row["photo_id"] for row in split_rows(whole_run, "train"))
