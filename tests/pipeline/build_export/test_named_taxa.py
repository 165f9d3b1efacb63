from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.build_export.named_taxa import NamedTaxa, path_of_names, rank_of_name

ANIMALS = (("kingdom", "Animalia"),)
PLANTS = (("kingdom", "Plantae"),)


def test_homonyms_of_two_kingdoms_stay_two() -> None:
    taxa = NamedTaxa()
    snail = taxa.add(None, (*ANIMALS, ("genus", "Ficus")))
    fig = taxa.add(None, (*PLANTS, ("genus", "Ficus")))
    ids, table = taxa.taxon_ids(), taxa.table()
    assert ids[snail] != ids[fig]
    assert sorted(table.names) == ["Animalia", "Ficus", "Ficus", "Plantae"]
    assert set(table.taxon_ids.tolist()) >= {1, 47126}


def test_taxon_that_rows_place_in_two_ways_goes_the_way_of_most() -> None:
    taxa = NamedTaxa()
    old = (*ANIMALS, ("family", "Old"), ("species", "A b"))
    new = (*ANIMALS, ("family", "New"), ("species", "A b"))
    refs = {taxa.add(7, path) for path in (old, new, new)}
    table = taxa.table()
    assert {int(taxa.taxon_ids()[ref]) for ref in refs} == {7}
    assert taxa.moved == ["species A b"]
    assert sorted(table.names) == ["A b", "Animalia", "New"]


def test_genus_that_rows_place_in_two_families_is_one_with_all_its_species() -> None:
    taxa = NamedTaxa()
    for taxon_id, name, family in ((7, "A b", "New"), (8, "A c", "New"), (9, "A d", "Old")):
        genus = (*ANIMALS, ("family", family), ("genus", "A"))
        taxa.add(taxon_id, (*genus, ("species", name)))
    taxa.add(5, (*ANIMALS, ("family", "Old"), ("genus", "A")))
    table = taxa.table()
    assert table.names.count("A") == 1
    parent = dict(zip(table.taxon_ids.tolist(), table.parent_ids.tolist(), strict=True))
    assert {parent[taxon_id] for taxon_id in (7, 8, 9)} == {5}
    assert taxa.moved == ["genus A"]
    # Two rows for each family: the first in order of names.
    assert table.names[table.taxon_ids.tolist().index(parent[5])] == "New"


def test_sections_of_two_genera_may_share_a_name() -> None:
    taxa = NamedTaxa()
    for taxon_id, genus in ((7, "Carex"), (8, "Salix")):
        taxa.add(taxon_id, (*PLANTS, ("genus", genus), ("section", "Alpinae")))
    table = taxa.table()
    parent = dict(zip(table.taxon_ids.tolist(), table.parent_ids.tolist(), strict=True))
    assert parent[7] != parent[8]
    assert taxa.moved == []


def test_number_already_taken_by_a_row_is_not_invented_or_given_twice() -> None:
    taxa = NamedTaxa()
    taxa.add(1, (*PLANTS, ("species", "Odd one")))  # Animalia's own number
    taxa.add(None, (*ANIMALS, ("species", "A b")))
    table = taxa.table()
    assert len(set(table.taxon_ids.tolist())) == len(table.names) == 4


def test_subspecies_goes_below_its_species_and_genus() -> None:
    path = path_of_names(("subspecies", "A b c"), {"kingdom": "Animalia", "order": ""})
    assert path == (
        ("kingdom", "Animalia"), ("genus", "A"), ("species", "A b"), ("subspecies", "A b c"),
    )  # fmt: skip
    assert path_of_names(("family", "Fidae"), {"genus": "F", "kingdom": "K"}) == (
        ("kingdom", "K"), ("family", "Fidae"),
    )  # fmt: skip


def test_rank_is_told_from_the_form_of_a_name() -> None:
    names = {
        "Ophion luteus": "species", "Ophion": "genus", "Felidae": "family", "Rosaceae": "family",
        "Canis lupus baileyi": "subspecies", "Quercus × hispanica": "hybrid",
        "× Chitalpa": "genushybrid", "Passeriformes": "order", "Magnoliopsida": "class",
    }  # fmt: skip
    assert {name: rank_of_name(name) for name in names} == names


STEPS = st.sampled_from(["order", "family", "genus"])


@given(
    rows=st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(1, 6)),
            st.sampled_from(["Animalia", "Plantae"]),
            st.dictionaries(STEPS, st.sampled_from("AB"), max_size=3),
            st.sampled_from(["a b", "c d"]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_tree_is_a_forest_that_holds_every_row_and_does_not_depend_on_their_order(
    rows: list[tuple[int | None, str, dict[str, str], str]],
) -> None:
    def build(order: list[tuple[int | None, str, dict[str, str], str]]) -> NamedTaxa:
        taxa = NamedTaxa()
        for taxon_id, kingdom, above, name in order:
            taxa.add(taxon_id, path_of_names(("species", name), {**above, "kingdom": kingdom}))
        return taxa

    taxa, again = build(rows), build(rows[::-1])
    table, other = taxa.table(), again.table()
    assert table.taxon_ids.tolist() == other.taxon_ids.tolist()
    assert table.parent_ids.tolist() == other.parent_ids.tolist()
    parent = dict(zip(table.taxon_ids.tolist(), table.parent_ids.tolist(), strict=True))
    level = dict(zip(table.taxon_ids.tolist(), table.rank_levels.tolist(), strict=True))
    assert set(taxa.taxon_ids().tolist()) <= set(parent)
    for taxon_id, above_id in parent.items():
        assert above_id == 0 or level[above_id] > level[taxon_id]
