"""Every verdict: what blesses, what withholds, and the words and figures that say why."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tfx.types import standard_artifacts

from components.taxon_evaluator.blessing import withhold
from components.taxon_evaluator.comparison import Comparison, compare
from components.taxon_evaluator.config import EvaluationSettings
from components.taxon_evaluator.judgement import Judgement, judge, read_judgement
from components.taxon_evaluator.paired.falls import find_falls
from components.taxon_evaluator.tables.keyed_sums import KeyedSums
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy

NAMES = {101: "Strix aluco", 102: "Strix varia", 103: "Strix uralensis"}
SETTINGS = EvaluationSettings(min_top1=0.3, max_top1_drop=0.2)


def owls(directory: Path, *taxa: int) -> Taxonomy:
    lines = ["parent_taxon_id,taxon_id,rank_level,leaf_class_id,name", ",1,70,,Animalia"]
    lines += [f"1,{taxon},10,{leaf},{NAMES[taxon]}" for leaf, taxon in enumerate(taxa)]
    path = directory / "owls.csv"
    path.write_text("\n".join(lines) + "\n")
    return read_taxonomy(path)


def comparison(
    directory: Path,
    counts: dict[int, list[int]],
    *,
    settings: EvaluationSettings = SETTINGS,
    before: tuple[int, ...] = (101, 102, 103),
) -> Comparison:
    """Of taxa, each [both, only candidate, only baseline, neither]."""
    sums = KeyedSums(np.array(list(counts)), np.array(list(counts.values()), np.int64))
    falls = find_falls(sums, alpha=settings.alpha, max_fall=settings.max_fall)
    return compare(owls(directory, 101, 102, 103), owls(directory, *before), falls)


def verdict(
    compared: Comparison | None, settings: EvaluationSettings = SETTINGS, top1: float = 0.5
) -> Judgement:
    return judge(settings, top1=top1, comparison=compared, tfma_failures=())


def test_first_model_is_judged_by_absolute_bars_only_and_says_so() -> None:
    found = verdict(None)

    assert found.blessed
    assert [bar.setting for bar in found.bars] == ["min_top1"]
    assert found.compared() == "with none: there is no blessed model yet, absolute bars only"


def test_missed_bar_says_which_where_and_by_how_much() -> None:
    found = verdict(None, EvaluationSettings(min_top1=0.8), top1=0.75)

    assert not found.blessed
    assert found.reasons == (
        "top1_accuracy is 0.75 over all photos, 0.05 below the bar of 0.8 (min_top1)",
    )
    assert found.bars[0].missed_by == pytest.approx(0.05)


def test_figure_on_the_bar_passes() -> None:
    assert verdict(None, EvaluationSettings(min_top1=0.75), top1=0.75).blessed


def test_model_no_worse_is_blessed(tmp_path: Path) -> None:
    found = verdict(comparison(tmp_path, {101: [20, 4, 3, 1], 102: [9, 1, 0, 0]}))

    assert found.blessed
    assert all(bar.missed_by == 0 for bar in found.bars)
    assert found.compared() == (
        "on 38 photos of 3 leaves: top-1 +0.0526 (-0.1042 to 0.2042), p = 0.73; 0 taxa fell"
    )


def test_drop_above_what_is_allowed_withholds_even_if_it_may_be_chance(tmp_path: Path) -> None:
    found = verdict(comparison(tmp_path, {101: [1, 0, 2, 2]}))

    assert found.reasons == (
        "top1_change is -0.4 over all photos, 0.2 below the bar of -0.2 (max_top1_drop)",
    )


def test_fall_that_chance_explains_is_let_through(tmp_path: Path) -> None:
    found = verdict(comparison(tmp_path, {101: [30, 2, 6, 2]}))

    assert found.blessed
    (paired,) = [bar for bar in found.bars if bar.setting == "max_significant_drop"]
    assert paired.value == pytest.approx(-0.1)
    assert paired.note == "within chance, p = 0.29"


def test_same_fall_on_more_photos_is_significant_and_withholds(tmp_path: Path) -> None:
    settings = EvaluationSettings(min_top1=0.3, max_top1_drop=0.2, max_fall=0.2)
    many = comparison(tmp_path, {101: [300, 20, 60, 20]}, settings=settings)

    found = verdict(many, settings)

    (reason,) = found.reasons
    assert reason.startswith(
        "top1_change is -0.1 over all photos, 0.1 below the bar of 0 (max_significant_drop); "
        "beyond chance, p = "
    )


def test_one_of_a_thing_is_said_as_one(tmp_path: Path) -> None:
    found = verdict(comparison(tmp_path, {101: [5, 0, 12, 3]}))
    assert found.compared().endswith("; 1 taxon fell")

    single = verdict(comparison(tmp_path, {103: [1, 0, 0, 0]}, before=(103,)))
    assert "on 1 photo of the 1 leaf that both have (the taxonomy changed: " in single.compared()


def test_significant_fall_may_be_allowed(tmp_path: Path) -> None:
    settings = EvaluationSettings(
        min_top1=0.3, max_top1_drop=0.2, max_significant_drop=0.1, max_fall=0.2
    )
    assert verdict(comparison(tmp_path, {101: [300, 20, 60, 20]}), settings).blessed


def test_too_many_fallen_taxa_withhold_although_the_whole_rose(tmp_path: Path) -> None:
    fallen = {101: [5, 0, 12, 3], 102: [0, 40, 0, 0], 103: [8, 1, 15, 0]}

    found = verdict(comparison(tmp_path, fallen))

    assert found.reasons == (
        "fallen_taxa is 2 over all photos, 2 above the bar of 0 (max_fallen_taxa); "
        "Strix aluco -0.600 on 20 photos (p = 0.00024), "
        "Strix uralensis -0.583 on 24 photos (p = 0.00026)",
    )
    assert found.comparison is not None
    assert [taxon.taxon_id for taxon in found.comparison.fallen] == [101, 103]


def test_as_many_fallen_taxa_as_are_allowed_pass(tmp_path: Path) -> None:
    settings = EvaluationSettings(min_top1=0.3, max_fallen_taxa=1)
    fallen = {101: [5, 0, 12, 3], 102: [0, 40, 0, 0]}

    assert verdict(comparison(tmp_path, fallen), settings).blessed


def test_changed_taxonomy_is_compared_on_shared_leaves_and_says_so(tmp_path: Path) -> None:
    counts = {101: [0, 0, 3, 1], 103: [2, 0, 0, 0]}

    found = verdict(comparison(tmp_path, counts, before=(103, 101)))

    assert found.reasons == (
        "top1_change is -0.5 over the photos of 2 shared leaves, 0.3 below the bar of -0.2 "
        "(max_top1_drop)",
    )
    assert found.compared().startswith(
        "on 6 photos of the 2 leaves that both have (the taxonomy changed: 3 leaves, before 2): "
    )


def test_no_photo_of_a_shared_leaf_leaves_the_absolute_bars(tmp_path: Path) -> None:
    three, one = owls(tmp_path, 101, 102, 103), owls(tmp_path, 103)

    found = verdict(compare(three, one, None))

    assert found.blessed
    assert [bar.setting for bar in found.bars] == ["min_top1"]
    assert found.compared().startswith("there is no photo of the 1 leaf that both have")


def test_what_tfma_alone_found_wanting_withholds_too() -> None:
    found = judge(SETTINGS, top1=0.5, comparison=None, tfma_failures=["log_loss is 9, the bar 3"])

    assert found.reasons == ("log_loss is 9, the bar 3",)


def test_file_holds_the_verdict_and_is_read_again(tmp_path: Path) -> None:
    fallen = {101: [5, 0, 12, 3], 102: [0, 40, 0, 0]}
    found = verdict(comparison(tmp_path, fallen))

    found.write(tmp_path)

    assert read_judgement(tmp_path) == found
    content = json.loads((tmp_path / "verdict.json").read_text())
    assert content["version"] == 1
    assert content["blessed"] is False
    (missed,) = [bar for bar in content["bars"] if not bar["passed"]]
    assert (missed["setting"], missed["value"], missed["missed_by"]) == ("max_fallen_taxa", 1, 1)
    assert content["comparison"]["fallen"][0]["name"] == "Strix aluco"


def test_withheld_blessing_is_what_a_pusher_takes_for_none(tmp_path: Path) -> None:
    from tfx.components.util import model_utils

    blessing = standard_artifacts.ModelBlessing()
    blessing.uri = str(tmp_path)
    (tmp_path / "BLESSED").write_text("")
    blessing.set_int_custom_property("blessed", 1)
    assert model_utils.is_model_blessed(blessing)

    withhold(blessing)

    assert not model_utils.is_model_blessed(blessing)
    assert [path.name for path in tmp_path.iterdir()] == ["NOT_BLESSED"]
