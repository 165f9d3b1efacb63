"""Every figure of the tables against scikit-learn, or a few lines that take it literally."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from random_photos import COLUMNS, RANKS, TEMPERATURE, Evaluated, evaluated, tables
from sklearn import metrics as sk
from taxonomy_trees import taxonomies

from components.taxon_evaluator.tables.figures import Figure
from components.taxon_evaluator.tables.metric_names import metric_names
from components.taxon_evaluator.tables.taxon_tree import TaxonTree
from components.taxon_evaluator.tables.write_tables import SliceFamily, slice_families
from schemas.ranks import level_of
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy
from schemas.wilson import wilson_interval
from serving.temperature import apply_temperature


@pytest.fixture
def flat(tmp_path: Path) -> Taxonomy:
    """Two genera of two species."""
    rows = ["parent_taxon_id,taxon_id,rank_level,leaf_class_id,name", ",1,70,,Animalia"]
    rows += ["1,2,20,,Strix", "1,3,20,,Asio"]
    rows += [f"{2 + leaf % 2},{10 + leaf},10,{leaf},Leaf {leaf}" for leaf in range(4)]
    (tmp_path / "taxonomy.csv").write_text("\n".join(rows) + "\n")
    return read_taxonomy(tmp_path / "taxonomy.csv")


WORLDS = given(taxonomy=taxonomies(max_nodes=24), seed=st.integers(0, 99))
FEW = hypothesis_settings(max_examples=8)
EDGES = (5, 20)


def families(taxonomy: Taxonomy, photos: Evaluated) -> dict[str, SliceFamily]:
    tree = TaxonTree(taxonomy, RANKS)
    trained = np.arange(taxonomy.num_leaves) * 3
    found = slice_families(tables(photos.photos, tree), tree, COLUMNS, trained, EDGES)
    return {family.family: family for family in found}


def members(taxonomy: Taxonomy, photos: Evaluated, family: SliceFamily, row: int) -> np.ndarray:
    """bool [B]: which photos are in a slice, by walking up from each truth."""
    if family.family == "overall":
        return np.ones(len(photos.truths), bool)
    if family.family == "year":
        return photos.photos.slices["year"] == family.names[row]
    if family.family == "train_photos":
        bucket = {"0-4": range(5), "5-19": range(5, 20), "20 and more": range(20, 10**6)}
        return np.array([3 * int(truth) in bucket[family.names[row]] for truth in photos.truths])
    wanted = family.taxon_ids[row]
    return np.array([taxon_at(taxonomy, truth, family.family) == wanted for truth in photos.truths])


def taxon_at(taxonomy: Taxonomy, leaf: int, rank: str) -> int | None:
    node = int(taxonomy.leaf_nodes[leaf])
    if rank == "leaf":
        return int(taxonomy.taxon_ids[node])
    if rank == "iconic":
        return int(taxonomy.iconic_taxon_ids[node]) or None
    # With levels drawn at random a lineage may hold a rank twice; the upper one counts.
    found = [n for n in taxonomy.lineage(node) if taxonomy.rank_levels[n] == level_of(rank)]
    return int(taxonomy.taxon_ids[found[0]]) if found else None


def each_slice(
    check: Callable[[Taxonomy, Evaluated, np.ndarray, dict[str, float], SliceFamily], None],
    taxonomy: Taxonomy,
    seed: int,
) -> None:
    photos = evaluated(taxonomy, count=24, seed=seed)
    for family in families(taxonomy, photos).values():
        for row in range(len(family.names)):
            inside = members(taxonomy, photos, family, row)
            values = {
                name: float(figure.value[row]) if figure.n[row] else math.nan
                for name, figure in family.figures.items()
            }
            if inside.any():
                check(taxonomy, photos, inside, values, family)


@FEW
@WORLDS
def test_accuracies_and_log_loss_are_scikit_learns(taxonomy: Taxonomy, seed: int) -> None:
    def check(taxonomy, photos, inside, values, family) -> None:
        truths, classes = photos.truths[inside], list(range(taxonomy.num_leaves))
        assert values["top1_accuracy"] == pytest.approx(
            sk.accuracy_score(truths, photos.answers[inside])
        )
        for k in (3, 5, 10):
            best = photos.order[inside, :k]
            assert values[f"top{k}_accuracy"] == pytest.approx(
                np.mean([truth in row for truth, row in zip(truths, best, strict=True)])
            )
        if len(classes) > 1:
            loss = sk.log_loss(truths, photos.scores[inside], labels=classes)
            assert values["log_loss"] == pytest.approx(loss, abs=1e-6)
        assert values["mean_reciprocal_rank"] == pytest.approx(
            np.mean(1 / photos.ranks[inside]), abs=1e-6
        )

    each_slice(check, taxonomy, seed)


@FEW
@WORLDS
def test_precision_recall_and_macro_averages_are_scikit_learns(
    taxonomy: Taxonomy, seed: int
) -> None:
    photos = evaluated(taxonomy, count=24, seed=seed)
    found = families(taxonomy, photos)
    labels = sorted(set(photos.truths.tolist()))
    report = sk.precision_recall_fscore_support(
        photos.truths, photos.answers, labels=labels, zero_division=0
    )
    leaf = found["leaf"].figures

    answered = leaf["precision"].n > 0
    np.testing.assert_allclose(leaf["precision"].value[answered], report[0][answered])
    np.testing.assert_allclose(leaf["recall"].value, report[1])
    np.testing.assert_allclose(leaf["f1"].value, report[2])
    assert leaf["recall"].n.tolist() == report[3].tolist()
    overall = found["overall"].figures
    assert overall["macro_top1_accuracy"].value[0] == pytest.approx(report[1].mean())
    assert overall["macro_precision"].value[0] == pytest.approx(report[0].mean())
    assert overall["macro_f1"].value[0] == pytest.approx(report[2].mean())
    assert overall["macro_f1"].n[0] == len(labels)


def sums_of_taxa(
    taxonomy: Taxonomy, photos: Evaluated, row: int, rank: str
) -> dict[int, list[float]]:
    """Of a photo the scores of each taxon of a rank over the best 15 leaves, taken literally.

    In the order of their best leaves.
    """
    held: dict[int, list[float]] = {}
    for leaf in photos.order[row, :15]:
        taxon = taxon_at(taxonomy, leaf, rank)
        if taxon is not None:
            held.setdefault(taxon, []).append(photos.scores[row, leaf])
    return held


def rolled_up_taxa(taxonomy: Taxonomy, photos: Evaluated, rank: str) -> list[int | None]:
    """The taxon of a rank with the largest sum; of several the one whose best leaf is first."""
    answers = []
    for row in range(len(photos.truths)):
        held = sums_of_taxa(taxonomy, photos, row, rank)
        answers.append(max(held, key=lambda taxon: math.fsum(held[taxon]), default=None))
    return answers


def without_near_ties(taxonomy: Taxonomy, photos: Evaluated) -> Evaluated:
    """Leaves out photos whose answer hangs on the last bit of a sum: either is right there."""

    def decided(row: int, rank: str) -> bool:
        held = sums_of_taxa(taxonomy, photos, row, rank).values()
        # Taxa of the very same scores tie however they are summed.
        sums = sorted({tuple(scores): sum(scores) for scores in held}.values(), reverse=True)
        return len(sums) < 2 or sums[0] - sums[1] > 1e-12

    rows = [row for row in range(len(photos.truths)) if all(decided(row, rank) for rank in RANKS)]
    return Evaluated(photos.part(np.array(rows, int)), photos.scores[rows], photos.order[rows])


@FEW
@WORLDS
def test_rolled_up_answers_are_right_as_often_as_counted_by_hand(
    taxonomy: Taxonomy, seed: int
) -> None:
    photos = without_near_ties(taxonomy, evaluated(taxonomy, count=24, seed=seed))
    assume(len(photos.truths) > 0)
    found = families(taxonomy, photos)
    for rank in RANKS:
        truths = [taxon_at(taxonomy, truth, rank) for truth in photos.truths]
        answers = rolled_up_taxa(taxonomy, photos, rank)
        judged = [(t, a) for t, a in zip(truths, answers, strict=True) if t is not None]
        figure = found["overall"].figures[f"{rank}_accuracy"]
        assert figure.n[0] == len(judged)
        if judged:
            assert figure.value[0] == pytest.approx(np.mean([t == a for t, a in judged]))
        if rank not in found:  # it would repeat the leaves
            leaf_taxa = taxonomy.leaf_taxon_ids[photos.truths].tolist()
            assert all(t in (None, leaf) for t, leaf in zip(truths, leaf_taxa, strict=True))
            continue
        for row, taxon in enumerate(found[rank].taxon_ids.tolist()):
            given_, right = answers.count(taxon), judged.count((taxon, taxon))
            precision, recall = found[rank].figures["precision"], found[rank].figures["recall"]
            assert precision.n[row] == given_
            assert recall.n[row] == truths.count(taxon)
            assert recall.value[row] == pytest.approx(right / truths.count(taxon))
            if given_:
                assert precision.value[row] == pytest.approx(right / given_)


@FEW
@WORLDS
def test_distance_of_errors_is_the_level_of_the_common_ancestor(
    taxonomy: Taxonomy, seed: int
) -> None:
    def check(taxonomy, photos, inside, values, family) -> None:
        levels = []
        for truth, answer in zip(photos.truths[inside], photos.answers[inside], strict=True):
            if truth != answer:
                own = taxonomy.lineage(int(taxonomy.leaf_nodes[truth]))
                other = taxonomy.lineage(int(taxonomy.leaf_nodes[answer]))
                both = [node for node in own if node in other]
                levels.append(float(taxonomy.rank_levels[both[-1]]) if both else 100.0)
        if levels:
            assert values["error_distance"] == pytest.approx(np.mean(levels))
            for rank in ("genus", "family", "order", "class"):
                within = np.mean(np.array(levels) <= level_of(rank))
                assert values[f"errors_within_{rank}"] == pytest.approx(within)
        else:
            assert math.isnan(values["error_distance"])

    each_slice(check, taxonomy, seed)


@FEW
@WORLDS
def test_common_ancestor_is_counted_where_it_answers_and_right_above_the_truth(
    taxonomy: Taxonomy, seed: int
) -> None:
    tree = TaxonTree(taxonomy, RANKS)

    def check(taxonomy, photos, inside, values, family) -> None:
        of = photos.part(inside).answers
        nodes = tree.roll_up.common_ancestors(of.classes, of.scores).nodes
        right = [
            node in taxonomy.lineage(int(taxonomy.leaf_nodes[truth]))
            for node, truth in zip(nodes, of.truths, strict=True)
            if node >= 0
        ]
        assert values["common_ancestor_share_default"] == pytest.approx(np.mean(nodes >= 0))
        if right:
            assert values["common_ancestor_accuracy_default"] == pytest.approx(np.mean(right))
        at_genus = (nodes >= 0) & (taxonomy.rank_levels[nodes] == 20.0)
        share = values["common_ancestor_share_default_at_genus"]
        assert share == pytest.approx(np.mean(at_genus))

    each_slice(check, taxonomy, seed)


@FEW
@WORLDS
def test_calibration_error_is_the_gap_between_bins_and_accuracy(
    taxonomy: Taxonomy, seed: int
) -> None:
    def check(taxonomy, photos, inside, values, family) -> None:
        confidence = photos.scores[inside].max(axis=1)
        hits, error = photos.ranks[inside] == 1, 0.0
        for number in range(COLUMNS.bins):
            low, high = number / COLUMNS.bins, (number + 1) / COLUMNS.bins
            # A score on an edge falls on either side of it by rounding: none is drawn there.
            in_bin = (confidence > low) & (confidence <= high)
            if in_bin.any():
                error += in_bin.sum() * abs(hits[in_bin].mean() - confidence[in_bin].mean())
        assert values["calibration_error"] == pytest.approx(error / inside.sum(), abs=1e-6)
        assert values["mean_confidence"] == pytest.approx(confidence.mean(), abs=1e-6)

    each_slice(check, taxonomy, seed)


@FEW
@WORLDS
def test_calibrated_figures_are_those_of_the_calibrated_scores(
    taxonomy: Taxonomy, seed: int
) -> None:
    def check(taxonomy, photos, inside, values, family) -> None:
        scores = apply_temperature(photos.scores[inside], TEMPERATURE)
        truths, hits = photos.truths[inside], photos.ranks[inside] == 1
        losses = -np.log(scores[np.arange(len(truths)), truths])
        confidence = scores.max(axis=1)
        bins = np.ceil(confidence * COLUMNS.bins)
        gaps = [abs((hits - confidence)[bins == each].sum()) for each in set(bins)]
        assert values["calibrated_log_loss"] == pytest.approx(losses.mean(), abs=1e-6)
        assert values["calibrated_mean_confidence"] == pytest.approx(confidence.mean(), abs=1e-6)
        error = sum(gaps) / len(truths)
        assert values["calibrated_calibration_error"] == pytest.approx(error, abs=1e-6)

    each_slice(check, taxonomy, seed)


@FEW
@WORLDS
def test_macro_averages_of_a_year_are_scikit_learns_over_its_photos(
    taxonomy: Taxonomy, seed: int
) -> None:
    photos = evaluated(taxonomy, count=24, seed=seed)
    family = families(taxonomy, photos)["year"]
    for row in range(len(family.names)):
        inside = members(taxonomy, photos, family, row)
        truths, answers = photos.truths[inside], photos.answers[inside]
        labels = sorted(set(truths.tolist()))
        precision, recall, f1, _ = sk.precision_recall_fscore_support(
            truths, answers, labels=labels, zero_division=0
        )
        expected = {"precision": precision, "top1_accuracy": recall, "f1": f1}
        for name, each in expected.items():
            figure = family.figures[f"macro_{name}"]
            assert figure.value[row] == pytest.approx(each.mean())
            assert figure.n[row] == len(labels)


def test_every_metric_is_known_by_name_before_it_is_measured(flat: Taxonomy) -> None:
    names = metric_names(COLUMNS)
    found = families(flat, evaluated(flat, count=60, seed=1)).values()

    assert {name for family in found for name in family.figures} == set(names)
    for family in found:
        for name, figure in family.figures.items():
            several = figure.n > 1
            assert (np.isfinite(figure.low[several]) == names[name]).all(), name


@FEW
@WORLDS
def test_intervals_hold_their_values(taxonomy: Taxonomy, seed: int) -> None:
    photos = evaluated(taxonomy, count=24, seed=seed)

    for family in families(taxonomy, photos).values():
        for figure in family.figures.values():
            known = (figure.n > 0) & np.isfinite(figure.low)
            assert (figure.low[known] <= figure.value[known] + 1e-9).all()
            assert (figure.value[known] <= figure.high[known] + 1e-9).all()
        top1: Figure = family.figures["top1_accuracy"]
        low, high = wilson_interval(np.rint(top1.value * top1.n), top1.n)
        np.testing.assert_allclose(top1.low, low)
        np.testing.assert_allclose(top1.high, high)
