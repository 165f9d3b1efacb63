from __future__ import annotations

import dataclasses
from pathlib import Path

from schemas.taxonomy import Taxonomy
from serving.mobile_files import write_mobile_files
from serving.mobile_readers import MobileTaxon, read_android_taxonomy
from serving.tree_differences import tree_differences


def written(taxonomy: Taxonomy, directory: Path) -> list[MobileTaxon]:
    write_mobile_files(taxonomy, directory)
    return read_android_taxonomy(directory / "taxonomy.csv")


def test_the_same_tree_in_any_order_has_none(taxonomy: Taxonomy, tmp_path: Path) -> None:
    taxa = written(taxonomy, tmp_path)

    assert tree_differences(taxa, taxonomy) == []
    assert tree_differences(taxa[::-1], taxonomy) == []


def test_geo_thresholds_are_no_difference(taxonomy: Taxonomy, tmp_path: Path) -> None:
    taxa = [dataclasses.replace(taxon, geo_threshold=0.5) for taxon in written(taxonomy, tmp_path)]

    assert tree_differences(taxa, taxonomy) == []


def test_a_rank_between_whole_levels_is_the_same(taxonomy: Taxonomy, tmp_path: Path) -> None:
    odd = dataclasses.replace(taxonomy, rank_levels=taxonomy.rank_levels + 0.1)

    assert tree_differences(written(odd, tmp_path), odd) == []


def test_each_difference_is_told(taxonomy: Taxonomy, tmp_path: Path) -> None:
    animalia, plantae, strigidae, *others = written(taxonomy, tmp_path)
    changed = [
        dataclasses.replace(animalia, parent_taxon_id=47126),
        dataclasses.replace(plantae, taxon_id=7),
        dataclasses.replace(strigidae, parent_taxon_id=None, rank_level=33.5, name="Tytonidae"),
    ]

    assert tree_differences([*changed, *others], taxonomy) == [
        "Plantae (47126) has no row.",
        "Plantae (7) is not in the model.",
        "Animalia (1) has the parent_taxon_id 47126, in the model empty.",
        "Strigidae (10) has the parent_taxon_id empty, in the model 1.",
        "Strigidae (10) has the rank_level 33.5, in the model 30.",
        "Strigidae (10) has the name Tytonidae, in the model Strigidae.",
    ]
