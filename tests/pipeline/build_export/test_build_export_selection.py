"""What is selected, case by case, and what the files say of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dump_writer import (
    ALPHA,
    ALPHA_ONE,
    ALPHA_ONE_MINOR,
    ALPHA_TWO,
    BETA_ONE,
    BETA_TWO,
    FAMILY,
    HYBRID,
    INACTIVE,
    TAXA,
    Observation,
    observations,
    write_dump,
)

from pipeline.build_export.build import build_export
from pipeline.build_export.built_export import BuiltExport
from pipeline.build_export.open_data import OpenDataDump
from pipeline.build_export.settings import SelectionSettings
from schemas.errors import ConfigError, DataError
from schemas.taxonomy_csv import read_taxonomy
from schemas.vision_export import VisionExport


class Built:
    """An export and its files."""

    def __init__(
        self, folder: Path, rows: list[Observation], chosen: SelectionSettings, **options: Any
    ) -> None:
        self.out = folder / "out"
        dump = write_dump(folder / "dump", rows, options.pop("taxa", TAXA))
        self.built: BuiltExport = build_export(OpenDataDump(dump), self.out, chosen, **options)
        self.report = json.loads((self.out / "selection.json").read_text())

    def lines(self, name: str) -> list[str]:
        return (self.out / name).read_text().splitlines()

    @property
    def leaves(self) -> dict[int, dict[str, Any]]:
        return {leaf["taxon_id"]: leaf for leaf in self.report["leaves"]}

    @property
    def left_out(self) -> dict[int, tuple[str, int]]:
        return {t["taxon_id"]: (t["why"], t["photos"]) for t in self.report["left_out"]}


def test_files_of_a_small_export(tmp_path: Path, small: SelectionSettings) -> None:
    rows = observations((ALPHA_ONE, 5, 1), (ALPHA_ONE_MINOR, 4, 2), (BETA_ONE, 3, 1))
    rows += [Observation(BETA_TWO, (n,), observer=3) for n in range(50, 56)]
    made = Built(tmp_path, rows, small)
    assert made.lines("taxonomy.csv") == [
        "parent_taxon_id,taxon_id,rank_level,leaf_class_id,iconic_class_id,spatial_class_id,name,"
        "iconic_taxon_id,rank",
        ",1,70,,,2,Animalia,1,kingdom",
        "1,10,30,,,3,Testidae,1,family",
        "10,20,20,,,4,Alpha,1,genus",
        '20,21,10,0,0,0,Alpha "one" o\'Neil,1,species',
        "10,30,20,1,0,1,Beta,1,genus",
    ]
    assert made.lines("iconic_taxa.csv") == ["iconic_taxon_id,iconic_class_id,name", "1,0,Animalia"]
    header, *train = made.lines("train_data.csv")
    assert header == (
        "photo_id,photo_url,observation_id,leaf_class_id,iconic_class_id,taxon_id,obs_taxon_id,"
        "community,observation_uuid,license,rights_holder,observer"
    )
    beta = next(line for line in train if ",30,32,1," in line).split(",")
    photo = beta[0]
    assert beta[1:8] == [
        f"https://inaturalist-open-data.s3.amazonaws.com/photos/{photo}/medium.jpg",
        *(photo, "1", "0", "30", "32", "1"),
    ]
    assert beta[9:] == ["CC-BY", 'Ann "B" O\'N', "user_3"]
    spatial = made.lines("spatial_data.csv")
    assert spatial[1].split(",")[1:] == [
        *("50.5", "8", "2021-06-30", "0", "0", "0", "21"),
        *(spatial[1].split(",")[8], "1", "", "25"),
    ]
    all_taxa = made.lines("all_taxa.csv")
    assert all_taxa[1:3] == [
        "0,48460,,,,stateofmatter,100,0,0,17,18,true,Life,complete,,,,",
        ",1,,,2,kingdom,70,1,1,16,18,true,Animalia,complete,0,0,0,0",
    ]
    assert all_taxa[6] == "21,23,,,,subspecies,5,1,5,6,4,true,Alpha one minor,skipped,,,,"
    assert all_taxa[8] == "30,31,,,,species,10,1,10,11,3,true,Beta una,incomplete,0,0,0,0"
    export = VisionExport.open(made.out)
    taxonomy = read_taxonomy(made.out / "taxonomy.csv")
    for split in ("train", "val", "test"):
        assert len(list(export.rows(split, taxonomy=taxonomy))) == made.built.photos[split]
    assert len(list(export.spatial_rows())) == made.built.observations == 18
    assert made.built.words() == (
        "2 leaves (1 species, 1 genus)\n"
        f"{sum(made.built.photos.values())} photos of 18 observations (train "
        f"{made.built.photos['train']}, val 4, test 4), out of 22 photos that passed the filters\n"
        "2 taxa short of photos rolled up into a leaf above\n"
        f"Built: {made.out}"
    )


def test_a_taxon_short_of_photos_is_left_out_beside_a_leaf(
    tmp_path: Path, small: SelectionSettings
) -> None:
    rows = observations(
        *((ALPHA_ONE, 9, 1), (ALPHA_TWO, 2, 1), (ALPHA, 3, 1), (HYBRID, 4, 1), (INACTIVE, 2, 2)),
        *((BETA_ONE, 20, 1), (FAMILY, 1, 1)),
    )
    made = Built(tmp_path, rows, small.model_copy(update={"exclude_taxa": (BETA_ONE,)}))
    assert set(made.leaves) == {ALPHA_ONE}
    below = "and genus Alpha (20) has leaves below it"
    assert made.left_out == {
        FAMILY: ("identified no further, and family Testidae (10) has leaves below it", 1),
        ALPHA: (f"identified no further, {below}", 3),
        ALPHA_TWO: (f"short of photos, {below}", 2),
        BETA_ONE: ("excluded", 20),
        HYBRID: ("hybrid", 4),
        INACTIVE: ("inactive", 4),
    }
    assert "6 taxa with 34 photos left out; selection.json says why" in made.built.words()


def test_photos_suffice_even_if_the_largest_observations_are_held_out(
    tmp_path: Path, small: SelectionSettings
) -> None:
    """4 for test and val; of the 4 left, 3 have one photo and one has two: 5 for training."""
    enough = observations((ALPHA_ONE, 5, 2), (ALPHA_ONE, 3, 1))
    assert set(Built(tmp_path / "a", enough, small).leaves) == {ALPHA_ONE}
    exact = small.model_copy(update={"train_per_leaf": (5, 8)})
    assert set(Built(tmp_path / "b", enough, exact).leaves) == {ALPHA_ONE}
    more = small.model_copy(update={"train_per_leaf": (6, 8)})
    with pytest.raises(ConfigError) as caught:
        Built(tmp_path / "c", enough, more)
    assert str(caught.value) == (
        "No taxon has photos enough for 6 train, 2 val and 2 test photos (observations undivided). "
        'Most has species Alpha "one", o\'Neil (21), with 8 observations. Loosen the filters, or '
        "lower train_per_leaf, val_per_leaf and test_per_leaf."
    )


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({}, 19),
        ({"quality_grades": ("research",)}, 17),
        ({"licenses": ("CC0", "CC-BY-NC")}, 4),
        ({"bounding_box": (-30, 170, 0, -170)}, 4),
        ({"bounding_box": (50, 7, 51, 9)}, 12),
        ({"observed_from": "2021-01-01"}, 17),
        ({"observed_from": "2021-01-01", "observed_to": "2021-12-31"}, 16),
    ],
)
def test_filters(tmp_path: Path, change: dict[str, Any], kept: int) -> None:
    rows = observations((ALPHA_ONE, 10, 1))
    rows += [
        Observation(ALPHA_ONE, (101,), grade="needs_id", place=("", "")),
        Observation(ALPHA_ONE, (102,), license="CC0", place=(-18, 179.5), observed_on=""),
        Observation(ALPHA_ONE, (103,), license="CC-BY-NC", place=(-18, -179.5)),
        Observation(ALPHA_ONE, (104,), license="", place=(-18, 100)),
        Observation(ALPHA_ONE, (105,), observed_on="2022-05-05"),
        Observation(ALPHA_ONE, (106,), observed_on="2020-12-31"),
        Observation(ALPHA_ONE, (107,), grade="casual", place=(50.5, "")),
        Observation("", (108,)),
    ]
    values = {"quality_grades": ("research", "needs_id", "casual"), **change}
    rows += [Observation(ALPHA_ONE, (n,), place=(-18, 180), license="CC0") for n in (201, 202)]
    one = {"train_per_leaf": (1, 9), "val_per_leaf": (1, 9), "test_per_leaf": (0, 0)}
    made = Built(tmp_path, rows, SelectionSettings(**(values | one)))
    assert made.built.candidate_photos == kept


def test_no_photo_passed(tmp_path: Path, small: SelectionSettings) -> None:
    with pytest.raises(ConfigError, match=r"^No photo passed the filters \(taxon, quality grade"):
        Built(tmp_path, observations((ALPHA_ONE, 9, 1)), small.model_copy(update={"taxon": 30}))


def test_the_first_photos_by_position_are_taken(tmp_path: Path, small: SelectionSettings) -> None:
    rows = [Observation(ALPHA_ONE, (n + 200, n + 100, n)) for n in range(1, 20)]
    made = Built(tmp_path, rows, small)
    export = VisionExport.open(made.out)
    assert all(row.photo_id > 200 for row in export.rows("val"))
    train = [row.photo_id for row in export.rows("train")]
    assert all(photo > 100 for photo in train)
    assert {row.observation_id for row in export.rows("val")} <= set(range(1, 20))


def test_split_by_observer_leaves_out_what_nobody_is_known_to_have_seen(
    tmp_path: Path, small: SelectionSettings
) -> None:
    rows = observations((ALPHA_ONE, 80, 1), observers=40)
    rows += [Observation(ALPHA_ONE, (n,), observer="") for n in range(900, 905)]
    made = Built(tmp_path, rows, small.model_copy(update={"split_unit": "observer"}))
    assert made.report["counts"]["photos_without_observer"] == 5
    assert made.leaves[ALPHA_ONE]["observations_available"] == 80


def test_a_given_taxonomy_whose_leaf_gets_no_photo(
    tmp_path: Path, small: SelectionSettings
) -> None:
    first = Built(tmp_path / "a", observations((ALPHA_ONE, 9, 1), (BETA_ONE, 9, 1)), small)
    with pytest.raises(DataError) as caught:
        Built(tmp_path / "b", observations((ALPHA_ONE, 9, 1)), small, taxonomy_from=first.out)
    assert str(caught.value) == (
        f"{first.out}/taxonomy.csv: 1 of its 2 leaves get no training photo:\n"
        "  Beta una (31)\n"
        " Loosen the filters, take a source with photos of them, or build an export with a "
        "taxonomy of its own."
    )
    few = observations((ALPHA_ONE, 9, 1), (BETA_ONE, 3, 1))
    again = Built(tmp_path / "c", few, small, taxonomy_from=first.out)
    assert again.leaves[BETA_ONE]["below_minimum"] == ["train", "val", "test"]
    assert "1 leaves are below a minimum: Beta una" in again.built.words()


def test_flowers_of_real_taxa(shared_data: Path, tmp_path: Path) -> None:
    chosen = SelectionSettings(
        taxon="Orchidaceae", train_per_leaf=(5, 20), val_per_leaf=(2, 5), test_per_leaf=(2, 5)
    )
    out = tmp_path / "orchids"
    built = build_export(OpenDataDump(shared_data / "open-data-flora"), out, chosen)
    assert built.leaves_by_rank == {"genus": 1}
    assert built.left_out_photos == 17
    assert (out / "photos").resolve() == (shared_data / "open-data-flora" / "photos").resolve()
