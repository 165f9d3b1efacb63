"""What an app shows: people, places and cut-offs, on answers worked out by hand and by laws."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "schemas"))

from taxonomy_trees import taxonomies
from tiny_people import PEOPLE

from schemas.errors import DataError, FieldmarkError
from schemas.leaf_paths import NO_NODE
from schemas.taxonomy import Taxonomy
from serving.geo_scores import Geo, combined_scores, geo_features, read_geo_thresholds
from serving.human_rule import human_class, human_rule
from serving.suggestions import Suggester


@pytest.mark.parametrize(
    ("scores", "suggested", "ancestor"),
    [
        # No people: below a thousandth of the best they are dropped before anybody looks.
        ([0.7, 0.2996, 0.0004], ["Strix aluco", "Strix varia"], "Strix"),
        # People behind an owl: no answer.
        ([0.7, 0.2, 0.1], [], None),
        # People first, and by more than half again: people alone, and their genus.
        ([0.3, 0.1, 0.6], ["Homo sapiens"], "Homo"),
        # First, but not by so much: no answer.
        ([0.4, 0.05, 0.55], [], None),
        # Nothing but people.
        ([0.0, 0.0, 1.0], ["Homo sapiens"], "Homo"),
    ],
)
def test_people_worked_out_by_hand(
    scores: list[float], suggested: list[str], ancestor: str | None
) -> None:
    found = Suggester(PEOPLE)(np.array([scores]))

    named = [PEOPLE.leaf_names[leaf] for leaf in found.classes[0][found.scores[0] > 0]]
    node = int(found.ancestors.nodes[0])
    assert named == suggested
    assert (None if node == NO_NODE else PEOPLE.names[node]) == ancestor


def test_scores_shown_for_people_are_not_raised() -> None:
    """The apps keep the score that people had among all: what was dropped stays dropped."""
    found = Suggester(PEOPLE)(np.array([[0.3, 0.1, 0.6]]))

    assert found.scores[0].tolist() == pytest.approx([0.6, 0.0, 0.0])


def test_people_outside_the_best_hundred_disturb_nobody() -> None:
    classes, scores = np.array([[3, 1, 0]]), np.array([[0.5, 0.3, 0.2]])

    assert human_rule(classes, scores, 7).all()
    assert human_rule(classes, scores, None).all()
    assert human_class(PEOPLE) == 2


@given(taxonomy=taxonomies(), data=st.data(), photos=st.integers(1, 3))
def test_without_people_all_that_is_left_sums_to_one(
    taxonomy: Taxonomy, data: st.DataObject, photos: int
) -> None:
    assume(human_class(taxonomy) is None)  # Hypothesis draws the numbers that it finds in code
    count = taxonomy.num_leaves
    rows = st.lists(st.integers(0, 1000), min_size=count, max_size=count).filter(any)
    scores = np.array([data.draw(rows) for _ in range(photos)], np.float64)

    found = Suggester(taxonomy)(scores)

    assert found.scores.sum(axis=1) == pytest.approx(1.0)
    assert (np.diff(found.scores, axis=1) <= 0).all()
    alone = [Suggester(taxonomy)(row[None]).ancestors.nodes[0] for row in scores]
    assert found.ancestors.nodes.tolist() == alone


def test_a_place_changes_the_order() -> None:
    vision = np.array([[0.6, 0.4, 0.0]])
    geo = Geo(np.array([[0.1, 0.9, 0.5]]), np.array([0.5, 0.5, 0.5]))

    found = Suggester(PEOPLE)(vision, geo=geo)

    # 0.6 x 0.1 = 0.06 and 0.4 x 0.9 = 0.36, of 0.42.
    assert found.classes[0][:2].tolist() == [1, 0]
    assert found.scores[0][:2] == pytest.approx([6 / 7, 1 / 7])


def test_where_the_geo_model_knows_nothing_there_is_no_score() -> None:
    assert combined_scores(np.array([[0.5, 0.5]]), np.zeros(2)).tolist() == [[0.0, 0.0]]


def test_geo_features_worked_out_by_hand() -> None:
    # 90 degrees east and 45 degrees north are quarter circles: sines 1, cosines 0.
    phone = geo_features(45, 90, elevation_m=5705.63)
    server = geo_features(45, 90, elevation_m=6574.0, client="server")
    below = geo_features(45, 90, elevation_m=-32768.0)

    np.testing.assert_allclose(phone, [1, 1, 0, 0, 1], atol=1e-7)
    np.testing.assert_allclose(server, [1, 1, 0, 0, 1], atol=1e-7)
    np.testing.assert_allclose(below, [1, 1, 0, 0, -1], atol=1e-7)
    with pytest.raises(FieldmarkError, match=r"-90\.\.90 degrees north .* Received: 95, 0"):
        geo_features(95, 0, elevation_m=0)


def test_thresholds_are_read_by_name_and_taxon(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.csv"
    path.write_text(",taxon_id,thres,area\n0,12,0.25,7\n1,999,0.5,7\n")

    assert read_geo_thresholds(path, PEOPLE).tolist()[1] == 0.25
    assert np.isnan(read_geo_thresholds(path, PEOPLE)[[0, 2]]).all()

    path.write_text(",taxon_id,thres,area\n0,12,2.5,7\n1,x,0.5,7\n")
    with pytest.raises(DataError, match=r"(?s)2 faults.*row 2, column thres: must be.*row 3"):
        read_geo_thresholds(path, PEOPLE)

    rows = ["inf,0.5", "1.5,0.5", "nan,0.5", "12,nan", "12,inf", "12,"]
    path.write_text("\n".join(["taxon_id,thres", *rows, ""]))
    with pytest.raises(DataError) as error:
        read_geo_thresholds(path, PEOPLE)
    words = "taxon_id must be a whole number and thres a number. Received: "
    assert str(error.value) == (
        f"{path}: 6 faults:\n"
        f"  row 2: {words}'inf', '0.5'.\n"
        f"  row 3: {words}'1.5', '0.5'.\n"
        f"  row 4: {words}'nan', '0.5'.\n"
        f"  row 5: {words}'12', 'nan'.\n"
        "  row 6, column thres: must be 0..1. Received: inf.\n"
        f"  row 7: {words}'12', ''.\n"
        " Give the table that belongs to the geo model."
    )
