"""Which taxon the user means, and the settings' own checks."""

from __future__ import annotations

import duckdb
import pytest
from dump_writer import ALPHA, ALPHA_ONE, FAMILY, TAXA, write_dump

from pipeline.build_export.eligible_taxa import eligible_taxa
from pipeline.build_export.open_data import OpenDataDump
from pipeline.build_export.root_taxon import find_root
from pipeline.build_export.settings import SelectionSettings
from pipeline.build_export.taxon_tree import TaxonTree
from schemas.errors import ConfigError
from schemas.settings import load_settings

EXTRA = (
    (2, "48460", 70, "kingdom", "Plantae", True),
    (40, "48460/2", 20, "genus", "Alpha", True),
    (41, "48460/1/10/30", 10, "species", "Beta gone", False),
    (42, "48460/1/10/20", 10, "species", "Alpha duus", False),
    (43, "48460/1/10/30", 10, "species", "Beta dua", True),
    (44, "48460/1/10", 20, "genus", "Beta", False),
    (45, "48460/1", 20, "genus", "Testidae", False),
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> TaxonTree:
    dump = write_dump(tmp_path_factory.mktemp("taxa"), [], (*TAXA, *EXTRA))
    return TaxonTree(OpenDataDump(dump).taxa(duckdb.connect()))


@pytest.mark.parametrize("wanted", [FAMILY, "10", "Testidae", "testidae"])
def test_by_id_and_by_name(tree: TaxonTree, wanted: int | str) -> None:
    assert tree.taxa.taxon_ids[find_root(tree, wanted)] == FAMILY


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            "Alpha",
            "taxon: 2 active taxa are called 'Alpha':\n"
            "  genus Alpha (20): Animalia > Testidae\n"
            "  genus Alpha (40): Plantae\n"
            "Give the id of the one you mean.",
        ),
        (
            "Testidea",
            "taxon: no taxon has this scientific name in the table of 19 taxa. Received: "
            "'Testidea'. Did you mean 'Testidae'?",
        ),
        (
            777,
            "taxon: no taxon has this id in the table of 19 taxa. Received: 777. Look the id up "
            "at the end of the taxon's address on iNaturalist.",
        ),
        (
            45,
            "taxon: genus Testidae (45) is inactive: iNaturalist has merged, split or dropped it. "
            "Active instead, it seems: family Testidae (10).",
        ),
        (
            "Alpha duus",
            "taxon: species Alpha duus (42) is inactive: iNaturalist has merged, split or dropped "
            "it. Active instead, it seems: species Beta dua (43).",
        ),
        (
            "Beta gone",
            "taxon: species Beta gone (41) is inactive: iNaturalist has merged, split or dropped "
            "it. Look up on iNaturalist what has become of it.",
        ),
        (
            33,
            "taxon: hybrid Beta × una (33) is a hybrid, and hybrids are left out. Give one of its "
            "parents.",
        ),
        (
            23,
            "taxon: subspecies Alpha one minor (23) is below species, and such taxa are rolled up "
            'to their species. Give species Alpha "one", o\'Neil (21).',
        ),
        ("Life", "taxon: Life is every taxon. Leave the setting out to take all of them."),
    ],
)
def test_what_cannot_be_a_root(tree: TaxonTree, wanted: int | str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_root(tree, wanted)
    assert str(caught.value) == message


def test_excluded_taxa_must_be_there_and_not_above_the_root(tree: TaxonTree) -> None:
    with pytest.raises(ConfigError, match=r"^exclude_taxa: taxon 777 has no row in the table"):
        eligible_taxa(tree, root=None, excluded=(777,))
    with pytest.raises(ConfigError, match=r"genus Alpha \(20\) cannot be the root, since it or"):
        eligible_taxa(tree, root=tree.node_of(ALPHA), excluded=(FAMILY,))
    roles = eligible_taxa(tree, root=None, excluded=(ALPHA,))
    node = tree.node_of(ALPHA_ONE)
    assert node is not None
    assert roles.counts_for[node] == -1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"licenses": ["CC-BY-NCC"]},
            "x: licenses: unknown licence 'CC-BY-NCC'. Did you mean 'CC-BY-NC'? Allowed: CC0, PD, "
            "CC-BY, CC-BY-NC, CC-BY-SA, CC-BY-ND, CC-BY-NC-SA, CC-BY-NC-ND. Received: "
            "['CC-BY-NCC'].",
        ),
        (
            {"train_per_leaf": [50, 10]},
            "x: train_per_leaf: must be the least and the most photos, 1 <= least <= most, such "
            "as [50, 1000]. Received: [50, 10].",
        ),
        (
            {"bounding_box": [60, 0, 50, 10]},
            "x: bounding_box: south and north must be -90..90 degrees, south not above north. "
            "Received: [60, 0, 50, 10].",
        ),
    ],
)
def test_settings_out_of_range(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(SelectionSettings, values, source="x")
    assert str(caught.value) == message


def test_dates_in_the_wrong_order_and_codes_in_small_letters() -> None:
    with pytest.raises(ConfigError, match="observed_from 2022-01-01 is after observed_to 2021"):
        load_settings(
            SelectionSettings,
            {"observed_from": "2022-01-01", "observed_to": "2021-01-01"},
            source="x",
        )
    assert SelectionSettings(licenses=("cc-by", "CC0")).licenses == ("CC-BY", "CC0")
