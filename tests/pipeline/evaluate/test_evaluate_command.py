"""The command on models whose scores are known, against figures counted by hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from colour_world import (
    LEAVES,
    TAXONOMY_CSV,
    ColourModel,
    ColourPhoto,
    convert,
    photos,
    write_export,
)

from pipeline.commands.evaluate import command
from pipeline.evaluate.progress import photo_progress
from schemas.errors import ConfigError, DataError, FieldmarkError
from schemas.wilson import wilson_interval

COUNT = 60
NAMES = list(LEAVES)
MODEL = ColourModel.drawn(4)
VAL = photos(COUNT)
COLOURS = np.array([photo.colour for photo in VAL])
TRUTHS = np.array([photo.leaf for photo in VAL])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of 60 photos, and a model that knows all its leaves in its order."""
    directory = tmp_path_factory.mktemp("colours")
    write_export(directory / "export", VAL, places=True)
    convert(MODEL, directory / "model.tflite")
    (directory / "labels.txt").write_text("\n".join(NAMES) + "\n")
    return directory


class Evaluated:
    """What the command said and wrote."""

    def __init__(self, world: Path, out: Path, *arguments: str) -> None:
        base = ["--export", str(world / "export"), "--out", str(out), "--jobs", "2"]
        result = CliRunner().invoke(command, [*arguments, *base], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        self.text, self.out = result.stdout, out
        self.content = json.loads((out / "evaluated.json").read_text())

    def read(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.out / f"{name}.parquet")

    def rows(self, family: str = "overall") -> dict[str, tuple[float, ...]]:
        metrics = self.read("metrics").query("family == @family")
        columns = ["n", "value", "low", "high"]
        ends = metrics[columns].astype(object).where(metrics[columns].notna(), None)
        return dict(zip(metrics["metric"], ends.itertuples(index=False, name=None), strict=True))

    def value(self, metric: str) -> float:
        return self.rows()[metric][1]


def with_labels(world: Path, names: Sequence[str], tmp_path: Path, model: str = "") -> list[str]:
    path = tmp_path / "some_labels.txt"
    path.write_text("\n".join(names) + "\n")
    return [model or str(world / "model.tflite"), "--labels", str(path)]


@pytest.fixture(scope="module")
def plain(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    arguments = [str(world / "model.tflite"), "--labels", str(world / "labels.txt")]
    return Evaluated(world, tmp_path_factory.mktemp("out") / "new", *arguments)


def test_figures_are_those_counted_by_hand(plain: Evaluated) -> None:
    scores = MODEL.scores(COLOURS)
    order = np.argsort(-scores, axis=1, kind="stable")
    answers, own = order[:, 0], scores[np.arange(COUNT), TRUTHS]
    overall = plain.rows()

    for k in (1, 3):
        hits = int((order[:, :k] == TRUTHS[:, None]).any(axis=1).sum())
        low, high = wilson_interval(np.array([hits]), np.array([COUNT]))
        assert overall[f"top{k}_accuracy"] == (COUNT, hits / COUNT, low[0], high[0])
    assert overall["log_loss"][1] == pytest.approx(-np.log(own).mean(), abs=1e-4)
    by_leaf = [float((answers[leaf == TRUTHS] == leaf).mean()) for leaf in range(4)]
    assert overall["macro_top1_accuracy"][1] == pytest.approx(np.mean(by_leaf))
    best = scores.max(axis=1)
    bins = np.minimum((best * 10 - 1e-9).astype(int), 9)
    gaps = [
        abs(float((answers == TRUTHS)[bins == one].sum() - best[bins == one].sum()))
        for one in range(10)
    ]
    assert overall["calibration_error"][1] == pytest.approx(sum(gaps) / COUNT, abs=1e-4)
    # Strix varia and Strix aluco (0 and 2) are one genus.
    genus = np.array([0, 1, 0, 3])
    held = np.stack([scores[:, genus == one].sum(axis=1) for one in range(4)], axis=1)
    right = held.argmax(axis=1) == genus[TRUTHS]
    assert overall["genus_accuracy"][1] == pytest.approx(right.mean())
    wrong = Counter(zip(TRUTHS.tolist(), answers.tolist(), strict=True))
    pairs = plain.read("confusions")
    taxa = list(LEAVES.values())
    assert {
        (taxa.index(row["taxon_id"]), taxa.index(row["answer_taxon_id"])): row["count"]
        for _, row in pairs.iterrows()
    } == {pair: count for pair, count in wrong.items() if pair[0] != pair[1]}


def test_records_of_the_export_are_slices_too(plain: Evaluated) -> None:
    metrics = plain.read("metrics").query("metric == 'top1_accuracy'")

    by_family = {
        family: dict(zip(rows["slice"], rows["n"], strict=True))
        for family, rows in metrics.groupby("family", observed=True)
    }
    assert by_family["license"] == {"CC-BY": COUNT}
    assert by_family["cell"] == {"+40+000": COUNT}
    assert sum(by_family["year"].values()) == COUNT
    assert len(by_family["year"]) == 20
    # Nobody knows what this model was trained on.
    assert by_family["observer"] == {"unknown": COUNT}
    assert by_family["train_photos"] == {"0 and more": COUNT}
    assert by_family["leaf"] == {
        NAMES[leaf]: count for leaf, count in Counter(TRUTHS.tolist()).items()
    }


def test_report_says_what_a_person_wants_to_know_first(plain: Evaluated) -> None:
    lines = plain.text.splitlines()

    assert "4 labels: 4 by name" in plain.text
    assert "4 leaves of the export: 4 known, 0 not" in plain.text
    assert f"photos           {COUNT} of {COUNT} of val evaluated" in lines
    assert "all are of leaves that it knows" in plain.text
    for name in ("top-1", "top-10", "macro top-1", "genus", "common ancestor", "calibration"):
        assert any(line.startswith(name) for line in lines), name
    assert "Worst taxa, of 4 with at least 10 photos (top-1):" in lines
    worst = lines[lines.index("Worst taxa, of 4 with at least 10 photos (top-1):") + 1]
    leaf = plain.read("metrics").query("family == 'leaf' and metric == 'top1_accuracy'")
    assert worst.strip().startswith(leaf.sort_values("high")["slice"].iloc[0])
    first = plain.read("confusions").iloc[0]
    assert f"  {first['count']} of {first['n']} " in lines[lines.index("Strongest confusions:") + 1]


@pytest.mark.parametrize("unknown", ["leave-out", "errors"])
def test_leaves_that_the_model_does_not_know(world: Path, tmp_path: Path, unknown: str) -> None:
    names = ["Strix varia", "background", "Strix aluco", "Bubo bubo"]
    arguments = with_labels(world, names, tmp_path)

    found = Evaluated(world, tmp_path / "out", *arguments, "--unknown-leaves", unknown)

    corvus = int((TRUTHS == 1).sum())
    kept = TRUTHS != 1 if unknown == "leave-out" else np.ones(COUNT, bool)
    right = (MODEL.scores(COLOURS).argmax(axis=1) == TRUTHS) & (TRUTHS != 1)
    assert found.rows()["top1_accuracy"][:2] == (kept.sum(), right[kept].mean())
    assert found.content["photos"]["of_unknown_leaves"] == corvus
    assert found.content["labels"]["unmatched"] == ["background"]
    assert "1 are not in the export: background" in found.text
    what = "are left out" if unknown == "leave-out" else "are counted as errors"
    assert f"{corvus} of 1 leaves that it does not know" in found.text
    assert what in found.text
    if unknown == "errors":  # even where fewer leaves than ten could stand before it
        hits = (TRUTHS != 1).sum()
        assert found.value("top10_accuracy") == hits / COUNT


def test_genus_label_is_an_answer_at_the_genus(world: Path, tmp_path: Path) -> None:
    names = ["Strix", "Corvus", "Strix aluco", "Bubo bubo"]

    found = Evaluated(world, tmp_path / "out", *with_labels(world, names, tmp_path))

    # Varia counts as its genus, which the first output says.
    answers = MODEL.scores(COLOURS).argmax(axis=1)
    assert found.value("top1_accuracy") == (answers == TRUTHS).mean()
    varia = int((TRUTHS == 0).sum())
    assert found.content["photos"]["counted_as_taxon_above"] == varia
    assert f"{varia} of 1 leaves count as a taxon above" in found.text
    # An answer of the genus for the other species shares the genus with it.
    pairs = found.read("confusions")
    strix = found.read("taxa").query("name == 'Strix' and leaf_class_id >= 0")["taxon_id"].item()
    taken_for_genus = pairs[(pairs["taxon_id"] == 101) & (pairs["answer_taxon_id"] == strix)]
    assert taken_for_genus["common_rank_level"].tolist() == [20.0]


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({"ends": (-1.0, 1.0)}, ["--input-range=-1..1"]),
        ({"ends": (0.0, 1.0), "colours_first": True}, ["--input-range", "0..1"]),
        ({"softmax": False}, []),
    ],
)
def test_other_networks_of_the_same_scores_give_the_same_figures(
    world: Path,
    tmp_path: Path,
    plain: Evaluated,
    options: dict[str, object],
    arguments: list[str],
) -> None:
    model = convert(MODEL, tmp_path / "other.tflite", **options)

    found = Evaluated(
        world, tmp_path / "out", *with_labels(world, NAMES, tmp_path, str(model)), *arguments
    )

    assert found.value("top1_accuracy") == plain.value("top1_accuracy")
    assert found.value("log_loss") == pytest.approx(plain.value("log_loss"), abs=1e-4)
    assert ("taken as logits" in found.text) == ("softmax" in options)


def test_photos_that_cannot_be_used_are_counted_and_named(world: Path, tmp_path: Path) -> None:
    export = write_export(tmp_path / "export", VAL[:20])
    (export / "photos" / "500" / "medium.png").unlink()
    (export / "photos" / "501" / "medium.png").write_bytes(b"no photo")
    (tmp_path / "model.tflite").write_bytes((world / "model.tflite").read_bytes())

    found = Evaluated(tmp_path, tmp_path / "out", *with_labels(tmp_path, NAMES, tmp_path))

    photos_ = found.content["photos"]
    assert (photos_["evaluated"], photos_["missing"], photos_["unreadable"]) == (18, 1, 1)
    assert "1 are not on disk; `fieldmark fetch-photos" in found.text
    assert "501/medium.png: cannot be read as a photo" in found.text


def test_taxonomy_csv_is_a_label_file_too_and_a_second_time_replaces_the_first(
    world: Path, tmp_path: Path, plain: Evaluated
) -> None:
    labels = tmp_path / "taxonomy.csv"
    labels.write_text(TAXONOMY_CSV.replace("Strix varia", "Strix nova"))
    arguments = [str(world / "model.tflite"), "--labels", str(labels)]

    for _ in range(2):
        found = Evaluated(world, tmp_path / "out", *arguments)

    assert found.rows() == plain.rows()
    assert "4 labels: 4 by taxon id" in found.text
    assert "1 have another name there, as 'Strix nova', which is 'Strix varia'" in found.text
    assert found.content["photos_digest"] == plain.content["photos_digest"]


def refusal(world: Path, *arguments: str) -> str:
    result = CliRunner().invoke(command, [*arguments, "--export", str(world / "export")])
    assert isinstance(result.exception, FieldmarkError), result.output
    return str(result.exception)


def test_what_does_not_fit_is_the_users_error(world: Path, tmp_path: Path) -> None:
    model = str(world / "model.tflite")
    labelled = with_labels(world, NAMES, tmp_path)
    assert "has 4 outputs, and the label file 3 labels" in refusal(
        world, *with_labels(world, NAMES[:3], tmp_path)
    )
    assert "does not say what its outputs are. Give --labels FILE" in refusal(world, model)
    labelled = with_labels(world, NAMES, tmp_path)
    assert "has no split 'test'. It has: train, val." in refusal(world, *labelled, "--split=test")
    assert "No model at" in refusal(world, str(tmp_path / "gone"))
    assert "holds something that is no evaluation" in refusal(
        world, *labelled, "--out", str(world / "export")
    )
    assert "only a phone bundle of ours has variants" in refusal(
        world, *labelled, "--variant", "float16"
    )
    nothing = with_labels(world, ["a", "b", "c", "d"], tmp_path)
    assert (
        f"No photo of val could be evaluated. Of {COUNT}, {COUNT} are of leaves that the model "
        "does not know" in refusal(world, *nothing)
    )


def test_table_of_observations_is_refused_with_what_to_do(world: Path, tmp_path: Path) -> None:
    table = tmp_path / "observations.csv"
    table.write_text("id,image_url\n1,x\n")
    arguments = [*with_labels(world, NAMES, tmp_path), "--export", str(table)]

    result = CliRunner().invoke(command, arguments)

    assert isinstance(result.exception, ConfigError)
    assert "`fieldmark build-export --observations" in str(result.exception)


def test_synonyms_find_renamed_taxa(world: Path, tmp_path: Path, plain: Evaluated) -> None:
    names = ["Strix antiqua", "Corvus", "Strix aluco", "Bubo bubo"]
    table = tmp_path / "synonyms.csv"
    table.write_text(
        "model_taxon_id,parent_taxon_id,taxon_id,rank_level,name,model_name\n"
        "9,20,102,10,Strix varia,Strix antiqua\n"
    )
    arguments = with_labels(world, names, tmp_path)

    found = Evaluated(world, tmp_path / "out", *arguments, "--synonyms", str(table))

    assert found.rows() == plain.rows()
    assert "3 by name, 1 by synonym" in found.text


def test_faulty_model_file(world: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(b"nothing of the kind")

    result = CliRunner().invoke(
        command,
        [*with_labels(world, NAMES, tmp_path, str(bad)), "--export", str(world / "export")],
    )

    assert isinstance(result.exception, DataError)
    assert "is not a TFLite model that runs here" in str(result.exception)


def test_progress_without_a_terminal_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str],
) -> None:
    import sys

    now = iter(range(0, 1000, 4))
    with photo_progress(sys.stdout, total=400, clock=lambda: float(next(now))) as show:
        for done in range(20, 220, 20):
            show(done)

    lines = capsys.readouterr().out.splitlines()
    assert 1 <= len(lines) < 10
    assert lines[0].startswith("photos ")
    assert " of 400, " in lines[0]
    assert lines[0].endswith(" left")


def test_one_photo_is_enough(world: Path, tmp_path: Path) -> None:
    write_export(tmp_path / "export", [ColourPhoto(1, 0, (9, 9, 9))])
    arguments = with_labels(world, NAMES, tmp_path)

    found = Evaluated(tmp_path, tmp_path / "out", *arguments)

    assert "Worst taxa of at least 10 photos: none, no taxon has so many" in found.text
