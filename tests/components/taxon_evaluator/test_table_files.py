"""What a notebook reads after TFMA has run a model over photos."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from tiny_evaluation import EVALUATION, FIRST_PHOTO_ID, LABELS, evaluate, export_constant

from components.taxon_evaluator.config import EvaluationSettings
from components.taxon_evaluator.eval_config import BASELINE, CANDIDATE
from components.taxon_evaluator.tables.table_files import TABLES_DIRECTORY, VERSION_KEY
from components.taxon_evaluator.verdict import Verdict
from schemas.settings import load_settings

FILES = ("metrics", "reliability", "confusions", "taxa", "pairs", "problems")


class Found:
    """An evaluation: TFMA's verdict and our tables."""

    def __init__(self, directory: Path, verdict: Verdict) -> None:
        self.directory, self.verdict = directory / EVALUATION / TABLES_DIRECTORY, verdict

    def read(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.directory / f"{name}.parquet")

    def values(self, family: str, metric: str) -> dict[str, float]:
        rows = self.read("metrics").query("family == @family and metric == @metric")
        return dict(zip(rows["slice"], rows["value"], strict=True))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """A model that says varia, 0.6, and aluco, 0.3; the last blessed one says aluco."""
    directory = tmp_path_factory.mktemp("tables")
    models = {
        CANDIDATE: export_constant(directory / "varia", (0.3, 0.6, 0.1), temperature=0.5),
        BASELINE: export_constant(directory / "aluco", (0.6, 0.3, 0.1)),
    }
    bars = [
        {"family": "leaf", "slice": "Strix varia", "metric": "recall", "at_least": 1},
        {"family": "observer", "metric": "top1_accuracy", "at_least": 0.3},
    ]
    settings = load_settings(EvaluationSettings, {"bars": bars}, source="evaluation")
    return Found(directory, evaluate(directory, settings, models))


def test_tables_are_the_candidates_and_agree_with_tfma(found: Found) -> None:
    taxa = found.read("taxa").set_index("name")["taxon_id"]

    top1 = found.values("leaf", "top1_accuracy")

    assert {int(taxa[name]): value for name, value in top1.items()} == found.verdict.leaf_top1
    assert found.values("overall", "top1_accuracy")["all"] == pytest.approx(found.verdict.top1)
    assert found.values("overall", "top5_accuracy")["all"] == pytest.approx(found.verdict.top5)


def test_every_family_of_slices_holds_every_photo(found: Found) -> None:
    photos = found.read("metrics").query("metric == 'top1_accuracy'")

    by_family = photos.groupby("family", observed=True)["n"].sum().to_dict()

    # The owls have a kingdom above them, and no iconic taxon.
    whole = ("overall", "leaf", "train_photos", "license", "year", "cell", "observer")
    assert by_family == dict.fromkeys(whole, len(LABELS)) | {
        name: n for name, n in by_family.items() if name == "iconic"
    }


def test_slices_come_from_the_records_and_from_training(found: Found) -> None:
    assert found.values("observer", "top1_accuracy") == pytest.approx(
        {"in training": 2 / 5, "new": 1 / 5}
    )
    assert found.values("train_photos", "top1_accuracy") == {
        "0-19": 0.0,
        "50-99": 1.0,
        "500 and more": 0.0,
    }
    assert set(found.values("cell", "top1_accuracy")) == {"+40+000", "unknown"}
    assert set(found.values("license", "top1_accuracy")) == {"unknown"}


def test_confusions_name_both_directions_and_photos(found: Found) -> None:
    pairs = found.read("confusions").set_index(["taxon_id", "answer_taxon_id"])

    assert pairs["count"].to_dict() == {(101, 102): 6, (103, 102): 1}
    assert pairs.loc[(101, 102), "n"] == 6
    assert pairs.loc[(101, 102), "rate"] == 1.0
    assert pairs.loc[(101, 102), "reverse_n"] == 3
    assert pairs.loc[(101, 102), "reverse_count"] == 0
    # All are as confident: the five lowest ids.
    assert list(pairs.loc[(101, 102), "photo_ids"]) == [FIRST_PHOTO_ID + n for n in range(5)]
    assert list(pairs.loc[(103, 102), "photo_ids"]) == [FIRST_PHOTO_ID + 9]


def test_reliability_has_the_bin_of_the_models_confidence(found: Found) -> None:
    (overall,) = found.read("reliability").query("family == 'overall'").to_dict("records")

    assert (overall["above"], overall["up_to"]) == pytest.approx((0.5, 0.6))
    assert overall["mean_confidence"] == pytest.approx(0.6, abs=1e-6)
    assert overall["accuracy"] == pytest.approx(0.3)
    assert overall["low"] < 0.3 < overall["high"]


def test_taxa_say_what_they_trained_on(found: Found) -> None:
    taxa = found.read("taxa").set_index("name")

    assert taxa.loc["Strix varia", ["train_photos", "photos"]].to_list() == [60, 3]
    assert taxa.loc["Animalia", ["leaf_class_id", "parent_taxon_id"]].to_list() == [-1, 0]


def test_pairs_count_both_models_on_the_same_photos(found: Found) -> None:
    pairs = found.read("pairs").set_index("taxon_id")

    outcomes = ["n", "both", "only_candidate", "only_baseline", "neither"]
    assert pairs.loc[101, outcomes].to_list() == [6, 0, 0, 6, 0]
    assert pairs["only_candidate"].to_dict() == {101: 0, 102: 3, 103: 0}
    assert pairs["neither"].to_dict() == {101: 0, 102: 0, 103: 1}
    assert pairs["change"].to_dict() == {101: -1.0, 102: 1.0, 103: 0.0}
    assert pairs["fallen"].to_dict() == {101: True, 102: False, 103: False}


def test_verdict_says_every_missed_bar_and_is_the_files(found: Found) -> None:
    content = json.loads((found.directory / "verdict.json").read_text())

    assert not content["blessed"]
    assert tuple(content["reasons"]) == found.verdict.failures
    assert {bar["setting"]: bar["passed"] for bar in content["bars"]} == {
        "min_top1": False,
        "max_top1_drop": False,
        "max_significant_drop": True,  # 6 photos against 3
        "max_fallen_taxa": False,
        "bars[0]": True,
        "bars[1]": False,
    }
    assert content["bars"][-1]["slices"][0]["slice"] == "new"


def test_problem_taxa_are_listed_and_said(found: Found) -> None:
    problems = found.read("problems").set_index("taxon_id")

    # All photos of aluco and of uralensis are wrong, at 0.78 of calibrated confidence.
    assert problems["errors"].to_dict() == {101: 6, 103: 1}
    assert problems["observations"].to_dict() == {101: 6, 103: 1}
    assert {taxon: list(each) for taxon, each in problems["diagnoses"].items()} == {
        101: ["few_photos"],
        103: [],
    }
    content = json.loads((found.directory / "verdict.json").read_text())
    assert [problem["name"] for problem in content["problems"]] == [
        "Strix aluco",
        "Strix uralensis",
    ]
    assert found.verdict.problems[0] == (
        "Strix aluco: 6 of 6 photos wrong, 6 observations; only 5 training photos"
    )


def test_calibrated_figures_stand_beside_those_of_the_scores_as_they_are(found: Found) -> None:
    def overall(metric: str) -> float:
        return found.values("overall", metric)["all"]

    assert overall("mean_confidence") == pytest.approx(0.6, abs=1e-6)
    assert overall("calibrated_mean_confidence") == pytest.approx(0.36 / 0.46, abs=1e-6)
    assert overall("calibrated_calibration_error") == pytest.approx(0.36 / 0.46 - 0.3, abs=1e-6)
    losses = {0: 0.09 / 0.46, 1: 0.36 / 0.46, 2: 0.01 / 0.46}
    assert overall("calibrated_log_loss") == pytest.approx(
        -sum(math.log(losses[label]) for label in LABELS) / len(LABELS), abs=1e-5
    )


def test_model_without_a_temperature_has_no_calibrated_figures(few: Found) -> None:
    assert not few.values("overall", "calibrated_log_loss")


def test_macro_averages_are_taken_in_slices_that_hold_part_of_a_leafs_photos(
    found: Found,
) -> None:
    rows = found.read("metrics").query("metric == 'macro_top1_accuracy' and family == 'observer'")

    # ada: 3 photos of aluco, 2 of varia; zoe: 3, 1 and 1 of uralensis.
    assert dict(zip(rows["slice"], rows["n"], strict=True)) == {"in training": 2, "new": 3}
    assert found.values("observer", "macro_top1_accuracy") == pytest.approx(
        {"in training": 1 / 2, "new": 1 / 3}
    )


def test_last_blessed_model_of_other_leaves_is_compared_on_those_that_both_have(
    tmp_path: Path, found: Found
) -> None:
    before = "\n".join(
        [
            "parent_taxon_id,taxon_id,rank_level,leaf_class_id,name",
            ",1,70,,Animalia",
            "1,104,10,0,Strix nebulosa",
            "1,102,10,1,Strix varia",
        ]
    )
    models = {
        CANDIDATE: found.directory.parents[1] / "varia",
        BASELINE: export_constant(tmp_path / "nebulosa", (0.7, 0.3), before),
    }

    verdict = evaluate(tmp_path, EvaluationSettings(min_top1=0.3), models)

    pairs = Found(tmp_path, verdict).read("pairs")
    # Of the leaves that both have, the last blessed one puts varia first, too.
    assert pairs[["taxon_id", "n", "both"]].to_numpy().tolist() == [[102, 3, 3]]
    assert verdict.blessed
    assert verdict.compared == (
        "on 3 photos of the 1 leaf that both have (the taxonomy changed: 3 leaves, before 2): "
        "top-1 +0.0000 (-0.5544 to 0.5544), p = 1; 0 taxa fell"
    )


@pytest.mark.parametrize("name", FILES)
def test_files_say_their_version_and_know_no_missing_ids(found: Found, name: str) -> None:
    table = pq.read_table(found.directory / f"{name}.parquet")

    assert table.schema.metadata[VERSION_KEY] == b"1"
    assert all(table[column].null_count == 0 for column in table.column_names if "_id" in column)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The same model without a temperature, and without slices of a single photo."""
    directory = tmp_path_factory.mktemp("few")
    model = export_constant(directory / "varia", (0.3, 0.6, 0.1))
    verdict = evaluate(directory, EvaluationSettings(min_slice_photos=2), {CANDIDATE: model})
    return Found(directory, verdict)


def test_small_slices_are_left_out_if_asked(few: Found) -> None:
    assert set(few.values("leaf", "top1_accuracy")) == {"Strix aluco", "Strix varia"}
    assert len(few.read("taxa")) == 4
