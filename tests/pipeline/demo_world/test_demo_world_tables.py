"""The files of an export, cell by cell, against section 1 of iNaturalist's formats."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from pathlib import Path

import pytest

from pipeline.demo_world.observations import plan_world
from pipeline.demo_world.tables import tables
from schemas.taxonomy_csv import read_taxonomy

Row = dict[str, str]
HEADERS = {
    "taxonomy.csv": "parent_taxon_id,taxon_id,rank_level,leaf_class_id,iconic_class_id,"
    "spatial_class_id,name,iconic_taxon_id,rank",
    "train_data.csv": "photo_id,photo_url,observation_id,leaf_class_id,iconic_class_id,taxon_id,"
    "obs_taxon_id,community",
    "spatial_data.csv": "observation_id,latitude,longitude,observed_on,leaf_class_id,"
    "iconic_class_id,spatial_class_id,taxon_id,obs_taxon_id,community,captive,"
    "positional_accuracy",
    "iconic_taxa.csv": "iconic_taxon_id,iconic_class_id,name",
    "all_taxa.csv": "parent_taxon_id,taxon_id,leaf_class_id,iconic_class_id,spatial_class_id,rank,"
    "rank_level,iconic_taxon_id,left,right,observations_count,is_active,name,status,train,val,"
    "test,spatial",
}
HEADERS["val_data.csv"] = HEADERS["test_data.csv"] = HEADERS["train_data.csv"]
SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module", params=[(6, 60), (24, 2400), (145, 1500)], ids=str)
def texts(request: pytest.FixtureRequest) -> dict[str, str]:
    species, photos = request.param
    return tables(plan_world(species=species, photos=photos, seed=0))


def rows_of(texts: dict[str, str], name: str) -> list[Row]:
    return list(csv.DictReader(texts[name].splitlines()))


def test_every_file_is_there_with_its_header(texts: dict[str, str]) -> None:
    assert {name: text.split("\n", 1)[0] for name, text in texts.items()} == HEADERS


def test_no_quoting_no_carriage_return_no_stray_comma(texts: dict[str, str]) -> None:
    for name, text in texts.items():
        assert text.endswith("\n")
        assert not set('"\r') & set(text)
        commas = {line.count(",") for line in text.splitlines()}
        assert commas == {HEADERS[name].count(",")}


def test_leaf_classes_are_dense_and_out_of_order(texts: dict[str, str]) -> None:
    taxa = rows_of(texts, "taxonomy.csv")
    classes = [int(row["leaf_class_id"]) for row in taxa if row["leaf_class_id"]]
    assert sorted(classes) == list(range(len(classes)))
    assert classes != sorted(classes)
    spatial = sorted(int(row["spatial_class_id"]) for row in taxa)
    assert spatial == list(range(len(taxa)))


def test_the_tree_has_the_exports_shape(texts: dict[str, str]) -> None:
    taxa = rows_of(texts, "taxonomy.csv")
    parents = {row["parent_taxon_id"] for row in taxa}
    seen = {""}
    for row in taxa:
        assert row["parent_taxon_id"] in seen, "a parent comes first"
        seen.add(row["taxon_id"])
        childless = row["taxon_id"] not in parents
        assert childless == bool(row["leaf_class_id"]), "leaves, and only they, have no children"
        assert bool(row["iconic_class_id"]) == childless
    assert [row["name"] for row in taxa if not row["parent_taxon_id"]] == ["Animalia"]
    assert "48460" not in seen
    known = {"Animalia": "1", "Arthropoda": "47120", "Insecta": "47158", "Coleoptera": "47208"}
    known["Coccinellidae"] = "48486"
    ids = {row["name"]: row["taxon_id"] for row in taxa}
    assert {name: ids[name] for name in known} == known


def test_leaves_lie_at_several_depths_and_one_is_a_genus(texts: dict[str, str]) -> None:
    taxa = rows_of(texts, "taxonomy.csv")
    depth = {"": 0}
    for row in taxa:
        depth[row["taxon_id"]] = depth[row["parent_taxon_id"]] + 1
    leaves = [row for row in taxa if row["leaf_class_id"]]
    assert len({depth[row["taxon_id"]] for row in leaves}) >= 3
    assert [row["rank_level"] for row in leaves if row["rank"] != "species"] == ["20"]
    assert all(re.fullmatch(r"\d+(\.5)?", row["rank_level"]) for row in taxa)


def test_rows_of_the_splits_are_the_exports(texts: dict[str, str]) -> None:
    leaf_of = {row["taxon_id"]: row["leaf_class_id"] for row in rows_of(texts, "taxonomy.csv")}
    split_of: dict[str, str] = {}
    per_leaf: dict[tuple[str, str], int] = defaultdict(int)
    for split in SPLITS:
        per_observation: dict[str, int] = defaultdict(int)
        for row in rows_of(texts, f"{split}_data.csv"):
            assert row["leaf_class_id"] == leaf_of[row["taxon_id"]] != ""
            assert row["iconic_class_id"] == "0"
            assert row["community"] in ("0", "1")
            host = r"(inaturalist-open-data\.s3\.amazonaws\.com|static\.inaturalist\.org)"
            pattern = rf"https://{host}/photos/{row['photo_id']}/medium\.jpg"
            assert re.fullmatch(pattern, row["photo_url"])
            assert split_of.setdefault(row["observation_id"], split) == split
            per_observation[row["observation_id"]] += 1
            per_leaf[split, row["leaf_class_id"]] += 1
        assert max(per_observation.values()) <= (5 if split == "train" else 1)
    for leaf in filter(None, leaf_of.values()):
        assert per_leaf["train", leaf] >= 3
        assert per_leaf["val", leaf] >= 2
        assert per_leaf["test", leaf] >= 2


def test_what_was_identified_is_the_leaf_or_below_it(texts: dict[str, str]) -> None:
    parent = {row["taxon_id"]: row["parent_taxon_id"] for row in rows_of(texts, "all_taxa.csv")}
    rows = [row for split in SPLITS for row in rows_of(texts, f"{split}_data.csv")]
    below = [row for row in rows if row["obs_taxon_id"] != row["taxon_id"]]
    assert below
    assert all(parent[row["obs_taxon_id"]] == row["taxon_id"] for row in below)


def test_places_belong_to_observations_of_the_splits(texts: dict[str, str]) -> None:
    observations = {
        row["observation_id"]: row["taxon_id"]
        for split in SPLITS
        for row in rows_of(texts, f"{split}_data.csv")
    }
    places = rows_of(texts, "spatial_data.csv")
    assert len({row["observation_id"] for row in places}) == len(places)
    for row in places:
        assert observations[row["observation_id"]] == row["taxon_id"]
        assert -90 <= float(row["latitude"]) <= 90
        assert -180 <= float(row["longitude"]) <= 180
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["observed_on"])
    assert len(places) < len(observations), "some observations have no coordinates"


def test_all_taxa_counts_the_photos_and_nests_its_numbers(texts: dict[str, str]) -> None:
    taxa = rows_of(texts, "all_taxa.csv")
    assert taxa[0]["name"] == "Life"
    numbers = sorted(int(row[side]) for row in taxa for side in ("left", "right"))
    assert numbers == list(range(2 * len(taxa)))
    inside = {row["taxon_id"]: (int(row["left"]), int(row["right"])) for row in taxa}
    for row in taxa[2:]:
        left, right = inside[row["parent_taxon_id"]]
        assert left < int(row["left"]) < int(row["right"]) < right
    for split in SPLITS:
        total = sum(int(row[split] or 0) for row in taxa)
        assert total == len(rows_of(texts, f"{split}_data.csv"))


def test_the_iconic_taxa_are_animals_and_insects(texts: dict[str, str]) -> None:
    assert texts["iconic_taxa.csv"].splitlines()[1:] == ["1,1,Animalia", "47158,0,Insecta"]


def test_the_pipeline_reads_the_taxonomy(texts: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "taxonomy.csv"
    path.write_text(texts["taxonomy.csv"], encoding="utf-8")
    taxonomy = read_taxonomy(path)
    assert taxonomy.num_leaves == sum(
        bool(row["leaf_class_id"]) for row in rows_of(texts, "taxonomy.csv")
    )
