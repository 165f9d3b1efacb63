"""What is said of a photo, on the rules of the apps: people, best branch, leaves."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tiny_people import PEOPLE as PEOPLE_TAXONOMY

sys.path.insert(0, str(Path(__file__).parents[1] / "schemas"))

from taxonomy_trees import taxonomies

from schemas.taxonomy import Taxonomy
from serving.answer import answers_from_scores
from serving.branches import best_branch
from serving.geo_scores import Geo
from serving.human_rule import human_class
from serving.rollup import cut_off
from serving.shown import PEOPLE, PLACE, shown
from serving.suggestions import Suggester

ALUCO, VARIA, SAPIENS = "Strix aluco", "Strix varia", "Homo sapiens"


@pytest.mark.parametrize(
    ("scores", "leaves", "branch", "ancestor", "reason"),
    [
        # No people.
        ([0.6, 0.4, 0.0], [ALUCO, VARIA], ["Animalia", "Strix", ALUCO], "Strix", None),
        # People, but below a thousandth of the best: as if they were not there.
        ([0.7, 0.2996, 0.0004], [ALUCO, VARIA], ["Animalia", "Strix", ALUCO], "Strix", None),
        # People, and surely: they alone.
        ([0.3, 0.1, 0.6], [SAPIENS], ["Animalia", "Homo", SAPIENS], "Homo", PEOPLE),
        ([0.0, 0.0, 1.0], [SAPIENS], ["Animalia", "Homo", SAPIENS], "Homo", PEOPLE),
        # People behind an owl, and people not surely: nothing.
        ([0.7, 0.2, 0.1], [], [], None, PEOPLE),
        ([0.4, 0.05, 0.55], [], [], None, PEOPLE),
    ],
)
def test_people_are_alone_or_nothing_is(
    scores: list[float],
    leaves: list[str],
    branch: list[str],
    ancestor: str | None,
    reason: str | None,
) -> None:
    names = PEOPLE_TAXONOMY.names
    # Among other photos: what is said of one does not depend on them.
    batch = np.array([[0.5, 0.5, 0.0], scores, [0.1, 0.1, 0.8]])

    photo = shown(Suggester(PEOPLE_TAXONOMY), batch, top=3)[1]
    (answer,) = answers_from_scores(Suggester(PEOPLE_TAXONOMY), ["x"], batch[1:2], top=3)

    assert [names[node] for node in photo.leaves] == leaves
    assert [names[node] for node in photo.branch] == branch
    assert (None if photo.ancestor is None else names[photo.ancestor]) == ancestor
    assert photo.reason == reason
    assert [leaf.name for leaf in answer.leaves] == [names[node] for node in photo.leaves]
    assert [node.name for node in answer.best_branch] == branch
    assert answer.reason == reason
    assert [node.name for node in answer.lineage][-1:] == [leaf.name for leaf in answer.leaves][:1]


def test_scores_are_those_of_the_network_also_where_leaves_are_left_out() -> None:
    (answer,) = answers_from_scores(
        Suggester(PEOPLE_TAXONOMY), ["x"], np.array([[0.3, 0.1, 0.6]]), top=2
    )

    assert [leaf.score for leaf in answer.leaves] == [0.6]
    assert [node.score for node in answer.best_branch] == pytest.approx([1.0, 0.6, 0.6])


def test_the_best_branch_need_not_lead_to_the_best_leaf(taxonomy: Taxonomy) -> None:
    # Classes: Strix varia, Quercus alba, Strix aluco, Quercus robur, Strigina.
    (answer,) = answers_from_scores(
        Suggester(taxonomy), ["x"], np.array([[0.3, 0.05, 0.25, 0.4, 0.0]]), top=1
    )

    assert [leaf.name for leaf in answer.leaves] == ["Quercus robur"]
    assert [node.name for node in answer.lineage] == ["Plantae", "Quercus", "Quercus robur"]
    assert [(node.name, round(node.score, 2)) for node in answer.best_branch] == [
        ("Animalia", 0.55),
        ("Strigidae", 0.55),
        ("Strix", 0.55),
        ("Strix varia", 0.3),
    ]


def test_a_place_where_nothing_is_expected_has_a_reason() -> None:
    geo = Geo(np.zeros((1, 3)), np.full(3, 0.5))

    (photo,) = shown(Suggester(PEOPLE_TAXONOMY), np.array([[0.6, 0.4, 0.0]]), top=2, geo=geo)

    assert (photo.leaves, photo.branch, photo.ancestor, photo.reason) == ((), (), None, PLACE)


@given(taxonomy=taxonomies(), data=st.data(), photos=st.integers(1, 3), top=st.integers(1, 4))
def test_branches_are_those_of_the_apps(
    taxonomy: Taxonomy, data: st.DataObject, photos: int, top: int
) -> None:
    assume(human_class(taxonomy) is None)
    count = taxonomy.num_leaves
    rows = st.lists(st.integers(0, 1000), min_size=count, max_size=count).filter(any)
    scores = np.array([data.draw(rows) for _ in range(photos)], np.float64)
    scores /= scores.sum(axis=1, keepdims=True)

    for photo, row in zip(shown(Suggester(taxonomy), scores, top=top), scores, strict=True):
        assert list(photo.branch) == best_branch(
            taxonomy, taxonomy.sum_to_nodes(cut_off(row[None]))[0]
        )
        assert len(photo.leaves) == min(top, count)
        assert photo.reason is None
