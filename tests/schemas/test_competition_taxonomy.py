from __future__ import annotations

import numpy as np
import pytest
from competition_sets import CATEGORIES
from hypothesis import given
from hypothesis import strategies as st

from schemas.competition_taxonomy import RANKS, Category, path_of, taxonomy_of
from schemas.licenses import license_code
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy, write_taxonomy


def lineages(taxonomy: Taxonomy) -> list[str]:
    return [
        " > ".join(
            f"{taxonomy.rank_name(above)} {taxonomy.names[above]}"
            for above in taxonomy.lineage(int(node))
        )
        for node in taxonomy.leaf_nodes
    ]


def iconic(taxonomy: Taxonomy) -> list[str]:
    return [
        taxonomy.iconic_name(int(number))
        for number in taxonomy.iconic_taxon_ids[taxonomy.leaf_nodes]
    ]


def of_names(*names: tuple[str, str]) -> Taxonomy:
    """Returns the tree of categories as 2017 has them: (supercategory, name)."""
    return taxonomy_of(
        [Category(place, name, above, ()) for place, (above, name) in enumerate(names)]
    )


def of_year(year: str) -> Taxonomy:
    return taxonomy_of(
        [
            Category(
                item["id"],
                item["name"],
                item.get("supercategory", ""),
                tuple((rank, item[rank]) for rank in RANKS if rank in item),
            )
            for item in CATEGORIES[year]
        ]
    )


def test_2021_names_every_rank() -> None:
    taxonomy = of_year("2021")
    assert lineages(taxonomy)[0] == (
        "kingdom Animalia > phylum Annelida > class Clitellata > order Haplotaxida > "
        "family Lumbricidae > genus Lumbricus > species Lumbricus terrestris"
    )
    assert len(taxonomy) == 9
    assert taxonomy.taxon_ids[0] == 1
    assert set(iconic(taxonomy)) == {"Animalia"}


def test_2019_has_no_supercategory() -> None:
    taxonomy = of_year("2019")
    assert taxonomy.leaf_names == ["Bombus terrestris", "Bombus hortorum", "Bombus pratorum"]
    assert iconic(taxonomy) == ["Insecta"] * 3


def test_veiled_names_of_2018_are_kept_and_the_supercategory_gives_the_iconic_taxon() -> None:
    taxonomy = of_year("2018")
    assert lineages(taxonomy)[1] == (
        "kingdom K1 > phylum P1 > class C1 > order O1 > family F1 > genus G1 > species 4298"
    )
    assert iconic(taxonomy) == ["Aves"] * 3


def test_2017_has_a_supercategory_and_a_name() -> None:
    assert lineages(of_year("2017")) == [
        "kingdom Animalia > class Aves > genus Corvus > species Corvus corax",
        "kingdom Plantae > genus Quercus > genus Quercus",
        "kingdom Plantae > genus Quercus > species Quercus alba",
    ]


def test_a_category_that_others_lie_in_is_a_leaf_of_its_own_there() -> None:
    taxonomy = of_names(("Plantae", "Quercus alba"), ("Plantae", "Quercus"), ("", "Plantae"))
    assert taxonomy.leaf_names == ["Quercus alba", "Quercus", "Plantae"]
    scores = taxonomy.sum_to_nodes(np.array([[0.2, 0.3, 0.5]]))
    inner = [node for node, leaf in enumerate(taxonomy.leaf_class_ids) if leaf < 0]
    assert {taxonomy.names[node]: scores[0, node] for node in inner} == {
        "Plantae": pytest.approx(0.5),
        "Quercus": pytest.approx(0.5),
    }


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        ("Quercus", "genus"),
        ("Formicidae", "family"),
        ("Asteraceae", "family"),
        ("Quercus alba", "species"),
        ("Junco hyemalis hyemalis", "subspecies"),
        ("Anas platyrhynchos × Cairina moschata", "species"),
    ],
)
def test_a_name_alone_tells_its_rank(name: str, rank: str) -> None:
    assert path_of(Category(0, name, "Aves", ()))[-1] == (rank, name)


def test_a_subspecies_stands_beside_its_species() -> None:
    assert lineages(
        of_names(("Birds", "Junco hyemalis"), ("Birds", "Junco hyemalis hyemalis"))
    ) == [
        "kingdom Animalia > class Aves > genus Junco > species Junco hyemalis",
        "kingdom Animalia > class Aves > genus Junco > subspecies Junco hyemalis hyemalis",
    ]


def test_a_category_of_the_deepest_rank_it_names_is_that_taxon() -> None:
    category = Category(0, "Apidae", "Insects", (("class", "Insecta"), ("family", "Apidae")))
    assert path_of(category) == (("class", "Insecta"), ("family", "Apidae"))


def test_homonyms_stay_two() -> None:
    """Morus is a gannet, and a mulberry."""
    taxonomy = of_names(("Aves", "Morus bassanus"), ("Plantae", "Morus alba"))
    assert [name for name in taxonomy.names if name == "Morus"] == ["Morus", "Morus"]
    assert iconic(taxonomy) == ["Aves", "Plantae"]


def test_english_and_latin_supercategories_give_one_tree() -> None:
    english = of_names(("Ray-finned Fishes", "Salmo trutta"), ("Mollusks", "Helix pomatia"))
    latin = of_names(("Actinopterygii", "Salmo trutta"), ("Mollusca", "Helix pomatia"))
    assert english.taxon_ids.tolist() == latin.taxon_ids.tolist()
    assert {1, 47178, 47115} <= set(english.taxon_ids.tolist())


def test_a_supercategory_that_is_no_iconic_taxon_is_a_kingdom() -> None:
    taxonomy = of_names(("Bacteria", "Nostoc commune"))
    assert lineages(taxonomy) == ["kingdom Bacteria > genus Nostoc > species Nostoc commune"]
    assert iconic(taxonomy) == [""]


WORDS = st.sampled_from(["Aus", "Bus", "Aves", "Animalia", "Aidae", "7"])


@given(
    st.lists(
        st.tuples(
            st.lists(WORDS, min_size=1, max_size=3).map(" ".join),
            st.sampled_from(["", "Birds", "Aves", "Plantae", "Aus"]),
            st.dictionaries(st.sampled_from(RANKS), WORDS, max_size=3),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_categories_give_a_taxonomy_that_keeps_the_laws(
    tmp_path_factory: pytest.TempPathFactory, items: list[tuple[str, str, dict[str, str]]]
) -> None:
    unique = {
        (name, above, tuple((rank, ranks[rank]) for rank in RANKS if rank in ranks)): None
        for name, above, ranks in items
    }
    categories = [Category(10 * place, *key) for place, key in enumerate(unique)]
    taxonomy = taxonomy_of(categories)
    path = tmp_path_factory.getbasetemp() / "taxonomy.csv"
    write_taxonomy(taxonomy, path)
    read = read_taxonomy(path)
    assert read.leaf_names == [category.name for category in categories]
    assert read.taxon_ids.tolist() == taxonomy.taxon_ids.tolist()
    assert taxonomy_of(categories).taxon_ids.tolist() == taxonomy.taxon_ids.tolist()


@pytest.mark.parametrize(
    ("name", "url", "code"),
    [
        ("x", "http://creativecommons.org/licenses/by-nc/4.0/", "CC-BY-NC"),
        ("x", "https://creativecommons.org/licenses/by/2.0/", "CC-BY"),
        ("x", "http://creativecommons.org/publicdomain/zero/1.0/", "CC0"),
        ("x", "http://creativecommons.org/publicdomain/mark/1.0/", "PD"),
        ("Attribution License", "", "CC-BY"),
        ("Attribution-NonCommercial-ShareAlike License", "", "CC-BY-NC-SA"),
        ("Attribution-NoDerivs License", "", "CC-BY-ND"),
        ("Attribution-NonCommercial-NoDerivs License", "", "CC-BY-NC-ND"),
        ("No known restrictions, says Flickr", "", "No known restrictions says Flickr"),
    ],
)
def test_licenses_become_codes(name: str, url: str, code: str) -> None:
    assert license_code(name, url) == code
