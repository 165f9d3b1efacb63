"""What a model says and what an export shows, in one tree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from colour_world import TAXONOMY_CSV
from hypothesis import given
from hypothesis import strategies as st
from taxonomy_trees import taxonomies

from pipeline.evaluate.joint_taxonomy import Joint, join
from pipeline.evaluate.label_matches import LabelMatch, Synonyms, match_labels
from pipeline.evaluate.labels import Label, labels_of
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy, write_taxonomy


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Taxonomy:
    path = tmp_path_factory.mktemp("joint") / "taxonomy.csv"
    path.write_text(TAXONOMY_CSV)
    return read_taxonomy(path)


def joined(export: Taxonomy, *names: str, synonyms: Synonyms | None = None) -> Joint:
    labels = [Label(name) for name in names]
    return join(export, labels, match_labels(labels, export, synonyms or Synonyms()))


def said(joint: Joint) -> list[str]:
    """Names of the outputs' leaves, with the taxon above in brackets."""
    taxonomy, told = joint.taxonomy, []
    for leaf in joint.output_classes:
        path = taxonomy.lineage(int(taxonomy.leaf_nodes[leaf]))
        above = f" ({taxonomy.names[path[-2]]})" if len(path) > 1 else ""
        told.append(f"{taxonomy.names[path[-1]]}{above}")
    return told


def shown(joint: Joint) -> list[str]:
    """Names of what photos of each leaf of the export count as; unknown ones in lower case."""
    names = joint.taxonomy.leaf_names
    return [
        names[leaf] if known else names[leaf].lower()
        for leaf, known in zip(joint.leaf_classes, joint.is_known, strict=True)
    ]


def same_trees(one: Taxonomy, other: Taxonomy) -> bool:
    arrays = ("taxon_ids", "parent_nodes", "rank_levels", "leaf_class_ids", "iconic_taxon_ids")
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays
    ) and tuple(one.names) == tuple(other.names)


@given(taxonomies())
def test_model_of_the_exports_leaves_changes_nothing(taxonomy: Taxonomy) -> None:
    labels = labels_of(taxonomy)

    joint = join(taxonomy, labels, match_labels(labels, taxonomy, Synonyms()))

    assert same_trees(joint.taxonomy, taxonomy)
    own = list(range(taxonomy.num_leaves))
    assert joint.output_classes.tolist() == joint.leaf_classes.tolist() == own
    assert joint.is_known.all()
    assert joint.is_itself.all()


@given(taxonomies(), st.data())
def test_any_outputs_make_a_sound_tree(taxonomy: Taxonomy, data: st.DataObject) -> None:
    nodes = st.integers(0, len(taxonomy) - 1)
    drawn = st.lists(nodes, max_size=3, unique=True).map(tuple)
    matches = [
        LabelMatch("name", at, is_itself=bool(at) and (len(at) > 1 or data.draw(st.booleans())))
        for at in data.draw(st.lists(drawn, min_size=1, max_size=6))
    ]
    labels = [Label(f"label {number}", 10**8 + number % 2) for number in range(len(matches))]

    joint = join(taxonomy, labels, matches)

    with TemporaryDirectory() as directory:
        write_taxonomy(joint.taxonomy, Path(directory) / "taxonomy.csv")
        assert same_trees(read_taxonomy(Path(directory) / "taxonomy.csv"), joint.taxonomy) or (
            # Without one of its own, a reader takes iconic taxa from the tree.
            not joint.taxonomy.iconic_taxon_ids.any()
        )
    check_classes(taxonomy, matches, joint)


def check_classes(taxonomy: Taxonomy, matches: Sequence[LabelMatch], joint: Joint) -> None:
    """Every leaf counts as one that an output says, or as itself; and what an output is counts."""
    outputs = set(joint.output_classes.tolist())
    for leaf, counted in enumerate(joint.leaf_classes.tolist()):
        assert joint.is_known[leaf] == (counted in outputs)
        own = joint.taxonomy.taxon_ids[joint.taxonomy.leaf_nodes[counted]]
        assert joint.is_itself[leaf] == (own == taxonomy.leaf_taxon_ids[leaf])
        assert joint.is_itself[leaf] or joint.is_known[leaf]
    for number, match in enumerate(matches):
        if len(match.nodes) == 1 and (leaf := taxonomy.leaf_class_ids[match.nodes[0]]) >= 0:
            assert joint.output_classes[number] == joint.leaf_classes[leaf]


def test_genus_takes_its_species_place(export: Taxonomy) -> None:
    joint = joined(export, "strix", "Bubo_bubo", "Corvus")

    assert said(joint) == ["Strix (Strigidae)", "Bubo bubo (Bubo)", "Corvus (Animalia)"]
    assert shown(joint) == ["Strix", "Corvus", "Strix", "Bubo bubo"]
    assert joint.is_itself.tolist() == [False, True, False, True]
    assert joint.taxonomy.taxon_ids[joint.taxonomy.leaf_nodes[joint.output_classes[0]]] == 20


def test_genus_beside_its_species_is_a_leaf_below_it(export: Taxonomy) -> None:
    joint = joined(export, "Strix", "Strix aluco")

    assert said(joint) == ["Strix (Strix)", "Strix aluco (Strix)"]
    # Varia has no output of its own, so the genus is what the model can say of it.
    assert shown(joint) == ["Strix", "corvus", "Strix aluco", "bubo bubo"]


def test_species_of_a_genus_leaf_count_as_it_and_their_scores_add(export: Taxonomy) -> None:
    joint = joined(export, "Corvus corax", "Corvus corone", "Strix varia")

    assert said(joint) == ["Corvus (Animalia)", "Corvus (Animalia)", "Strix varia (Strix)"]
    assert joint.output_classes[0] == joint.output_classes[1]


def test_what_the_export_lacks_stands_below_its_genus_or_alone(export: Taxonomy) -> None:
    joint = joined(export, "Strix nebulosa", "background", "Strix aluco aluco")

    assert said(joint) == ["Strix nebulosa (Strix)", "background", "Strix aluco (Strix)"]
    assert shown(joint) == ["strix varia", "corvus", "Strix aluco", "bubo bubo"]


def test_taxon_that_was_split_takes_its_parts_places(export: Taxonomy) -> None:
    synonyms = Synonyms(by_name={"strix sylvestris": (101, 102)})

    joint = joined(export, "Strix sylvestris", "Bubo bubo", synonyms=synonyms)

    assert said(joint) == ["Strix sylvestris (Strix)", "Bubo bubo (Bubo)"]
    assert shown(joint) == ["Strix sylvestris", "corvus", "Strix sylvestris", "Bubo bubo"]
    nested = joined(export, "Strix sylvestris", "Strix aluco", synonyms=synonyms)
    assert shown(nested) == ["strix varia", "corvus", "Strix aluco", "bubo bubo"]


def test_merged_taxa_are_found_by_their_old_ids(export: Taxonomy) -> None:
    labels = [Label("Old one", 900), Label("Old two", 901), Label("Removed", 902)]
    synonyms = Synonyms(by_id={900: (101,), 901: (101,), 902: ()})

    matches = match_labels(labels, export, synonyms)

    assert [match.via for match in matches] == ["synonym", "synonym", "nothing"]
    assert said(join(export, labels, matches)) == [
        "Strix aluco (Strix)",
        "Strix aluco (Strix)",
        "Removed",
    ]


def test_name_of_two_branches_finds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "taxonomy.csv"
    path.write_text(TAXONOMY_CSV + ",2,70,,Plantae\n2,50,20,4,Strix\n")

    (match,) = match_labels([Label("Strix")], read_taxonomy(path), Synonyms())

    assert match.via == "nothing"
