from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.progressive_trainer.head_mapping import head_sources, mapped_rows
from schemas.taxonomy import NO_LEAF, Taxonomy

FAMILY, GENUS_A, GENUS_B = 100, 110, 120


def tree(leaves: dict[int, int]) -> Taxonomy:
    """A family with two genera; `leaves` gives the genus of each species, in class order."""
    ids = [FAMILY, *sorted(set(leaves.values())), *leaves]
    place = {taxon_id: node for node, taxon_id in enumerate(ids)}
    parents = [-1] + [0] * len(set(leaves.values())) + [place[genus] for genus in leaves.values()]
    classes = [NO_LEAF] * (1 + len(set(leaves.values()))) + list(range(len(leaves)))
    return Taxonomy(
        taxon_ids=np.array(ids, np.int64),
        parent_nodes=np.array(parents, np.int32),
        rank_levels=np.array([30.0] + [20.0] * len(set(leaves.values())) + [10.0] * len(leaves)),
        leaf_class_ids=np.array(classes, np.int32),
        iconic_taxon_ids=np.zeros(len(ids), np.int64),
        names=[str(taxon_id) for taxon_id in ids],
    )


OLD = tree({1: GENUS_A, 2: GENUS_A, 3: GENUS_B, 4: GENUS_B})


def test_each_leaf_takes_the_nearest_source() -> None:
    new = tree({3: GENUS_B, 9: GENUS_A, 20: GENUS_B, 34: GENUS_B, 1: GENUS_A})
    sources = head_sources(OLD, new, synonyms={2: (20,), 4: (34,), 3: (34,)})
    found = {s.taxon_id: (s.kind, s.old_leaves, s.by_taxon_id) for s in sources}
    assert found == {
        3: ("same", (2,), 3),
        9: ("relatives", (0, 1), GENUS_A),
        20: ("synonym", (1,), 2),  # renamed, and moved to another genus
        34: ("synonym", (3, 2), 4),  # merged from two
        1: ("same", (0,), 1),
    }


def test_taxon_that_another_was_merged_into_takes_the_mean_of_both() -> None:
    new = tree({2: GENUS_A, 3: GENUS_B})
    merged, untouched = head_sources(OLD, new, synonyms={1: (2,), 4: (2,), 777: (3,)})
    assert (merged.kind, merged.old_leaves, merged.by_taxon_id) == ("merged", (1, 0, 3), 1)
    assert (untouched.kind, untouched.old_leaves) == ("same", (2,))  # 777 was no leaf
    rows = mapped_rows(
        np.array([1, 3, 5, 8], np.float32), np.zeros(2, np.float32), [merged, untouched]
    )
    np.testing.assert_array_equal(rows, [4, 5])


def test_part_of_a_split_that_keeps_the_old_id_keeps_its_row() -> None:
    new = tree({1: GENUS_A, 51: GENUS_A})
    kept, split_off = head_sources(OLD, new, synonyms={1: (1, 51)})
    assert (kept.kind, kept.old_leaves, kept.by_taxon_id) == ("same", (0,), 1)
    assert (split_off.kind, split_off.old_leaves, split_off.by_taxon_id) == ("synonym", (0,), 1)


def test_split_taxon_lends_its_row_to_each_part() -> None:
    new = tree({51: GENUS_A, 52: GENUS_A})
    sources = head_sources(OLD, new, synonyms={1: (51, 52)})
    assert [(s.kind, s.old_leaves) for s in sources] == [("synonym", (0,)), ("synonym", (0,))]


def test_species_of_a_new_genus_goes_by_its_family() -> None:
    new = tree({7: 999})
    (source,) = head_sources(OLD, new, synonyms={})
    assert (source.kind, source.old_leaves, source.by_taxon_id) == (
        "relatives",
        (0, 1, 2, 3),
        FAMILY,
    )


def test_species_that_rolls_up_to_its_genus_takes_the_mean_of_its_species() -> None:
    genus_leaf = Taxonomy(
        taxon_ids=np.array([FAMILY, GENUS_A], np.int64),
        parent_nodes=np.array([-1, 0], np.int32),
        rank_levels=np.array([30.0, 20.0], np.float32),
        leaf_class_ids=np.array([NO_LEAF, 0], np.int32),
        iconic_taxon_ids=np.zeros(2, np.int64),
        names=["Family", "Genus"],
    )
    (source,) = head_sources(OLD, genus_leaf, synonyms={})
    assert (source.kind, source.old_leaves, source.by_taxon_id) == ("relatives", (0, 1), GENUS_A)


def test_nothing_related_starts_fresh() -> None:
    stranger = Taxonomy(
        taxon_ids=np.array([555], np.int64),
        parent_nodes=np.array([-1], np.int32),
        rank_levels=np.array([10.0], np.float32),
        leaf_class_ids=np.array([0], np.int32),
        iconic_taxon_ids=np.zeros(1, np.int64),
        names=["Stranger"],
    )
    sources = head_sources(OLD, stranger, synonyms={})
    assert (sources[0].kind, sources[0].old_leaves) == ("new", ())
    fresh = np.array([[7.0]], np.float32)
    np.testing.assert_array_equal(mapped_rows(np.ones((1, 4), np.float32), fresh, sources), fresh)


def test_rows_are_the_means_of_their_sources_for_kernel_and_bias() -> None:
    new = tree({3: GENUS_B, 9: GENUS_A})
    sources = head_sources(OLD, new, synonyms={})
    kernel = np.arange(8, dtype=np.float32).reshape(2, 4)
    bias = np.array([1, 3, 5, 7], np.float32)
    zeros = np.zeros((2, 2), np.float32)
    np.testing.assert_array_equal(mapped_rows(kernel, zeros, sources), [[2, 0.5], [6, 4.5]])
    np.testing.assert_array_equal(mapped_rows(bias, zeros[0], sources), [5, 2])


@given(st.permutations([1, 2, 3, 4]))
def test_same_leaves_in_another_order_keep_their_rows(order: list[int]) -> None:
    genus = {1: GENUS_A, 2: GENUS_A, 3: GENUS_B, 4: GENUS_B}
    new = tree({taxon_id: genus[taxon_id] for taxon_id in order})
    sources = head_sources(OLD, new, synonyms={})
    old_rows = OLD.leaf_taxon_ids.astype(np.float32)
    moved = mapped_rows(old_rows, np.zeros(4, np.float32), sources)
    np.testing.assert_array_equal(moved, order)
    assert {source.kind for source in sources} == {"same"}
