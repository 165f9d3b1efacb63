from __future__ import annotations

import json
from pathlib import Path

import pytest
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.artifacts import Taxonomy as TaxonomyArtifact
from components.last_blessed.driver import Driver
from components.last_blessed.executor import Executor, found_model
from components.last_blessed.find import (
    find_last_blessed,
    find_starting_model,
    has_same_leaves,
)
from components.training_recipe import training_recipe
from schemas.errors import DataError
from schemas.record import TAXONOMY_FILE
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy
from serving.fingerprint import EXTRAS, MANIFEST_FILE

HEADER = "parent_taxon_id,taxon_id,rank_level,leaf_class_id,name\n"
TWO_LEAVES = HEADER + ",1,70,,Animalia\n1,11,10,0,Strix aluco\n1,12,10,1,Strix varia\n"
SWAPPED = HEADER + ",1,70,,Animalia\n1,11,10,1,Strix aluco\n1,12,10,0,Strix varia\n"
THREE_LEAVES = TWO_LEAVES + "1,13,10,2,Strix uralensis\n"


def push(
    pushed: Path,
    version: str,
    recipe: str,
    taxonomy_csv: str = TWO_LEAVES,
    **more: str,
) -> Path:
    directory = pushed / version
    (directory / EXTRAS).mkdir(parents=True)
    (directory / "saved_model.pb").write_text(version)
    (directory / EXTRAS / TAXONOMY_FILE).write_text(taxonomy_csv)
    manifest = {
        "model_id": f"id-{version}",
        "recipe": recipe,
        "image_size_px": 32,
        "num_leaves": 2,
        "preprocessing": "",
        "signatures": [],
        **more,
    }
    (directory / EXTRAS / MANIFEST_FILE).write_text(json.dumps(manifest))
    return directory


@pytest.fixture
def taxonomy(tmp_path: Path) -> Taxonomy:
    path = tmp_path / "taxonomy.csv"
    path.write_text(TWO_LEAVES)
    return read_taxonomy(path)


@pytest.fixture
def pushed(tmp_path: Path) -> Path:
    return tmp_path / "pushed"


def test_there_is_none_before_the_first_push(pushed: Path, taxonomy: Taxonomy) -> None:
    assert find_last_blessed(pushed, recipe="new", taxonomy=taxonomy) is None


def test_newest_by_number_is_found(pushed: Path, taxonomy: Taxonomy) -> None:
    push(pushed, "9", "a")
    newest = push(pushed, "10", "b")

    assert find_last_blessed(pushed, recipe="new", taxonomy=taxonomy) == newest


def test_push_of_the_same_recipe_does_not_count_so_a_repeated_run_compares_as_before(
    pushed: Path, taxonomy: Taxonomy
) -> None:
    other = push(pushed, "1", "a")
    push(pushed, "2", "own")
    push(pushed, "3", "own")

    assert find_last_blessed(pushed, recipe="own", taxonomy=taxonomy) == other


def test_only_pushes_of_the_same_recipe_are_none(pushed: Path, taxonomy: Taxonomy) -> None:
    push(pushed, "2", "own")

    assert find_last_blessed(pushed, recipe="own", taxonomy=taxonomy) is None


@pytest.mark.parametrize("other_csv", [SWAPPED, THREE_LEAVES])
def test_model_whose_classes_mean_other_taxa_is_found_and_known_as_such(
    pushed: Path, taxonomy: Taxonomy, other_csv: str
) -> None:
    same = push(pushed, "1", "a")
    other = push(pushed, "2", "b", other_csv)

    assert find_last_blessed(pushed, recipe="new", taxonomy=taxonomy) == other
    assert not has_same_leaves(other, taxonomy)
    assert has_same_leaves(same, taxonomy)


def test_model_without_a_leaf_of_ours_does_not_count(pushed: Path, taxonomy: Taxonomy) -> None:
    comparable = push(pushed, "1", "a")
    push(pushed, "2", "b", HEADER + ",1,70,,Plantae\n1,21,10,0,Bellis perennis\n")

    assert find_last_blessed(pushed, recipe="new", taxonomy=taxonomy) == comparable


def test_training_starts_from_the_newest_model_whatever_its_leaves(pushed: Path) -> None:
    assert find_starting_model(pushed, recipe="new", network="small") is None
    push(pushed, "1", "a", network="small")
    newest = push(pushed, "2", "b", THREE_LEAVES, network="small")

    assert find_starting_model(pushed, recipe="new", network="small") == newest


def test_training_does_not_start_from_itself_nor_from_another_network(pushed: Path) -> None:
    unknown = push(pushed, "1", "a")  # pushed before manifests named the network
    push(pushed, "2", "b", network="xception")
    push(pushed, "3", "own", network="small")

    assert find_starting_model(pushed, recipe="own", network="small") == unknown


def test_unfinished_and_foreign_folders_are_no_versions(pushed: Path, taxonomy: Taxonomy) -> None:
    version = push(pushed, "1", "a")
    (pushed / "writing-2").mkdir()
    (pushed / "3").write_text("a file")

    assert find_last_blessed(pushed, recipe="new", taxonomy=taxonomy) == version


def test_version_that_fieldmark_did_not_write_is_named(pushed: Path, taxonomy: Taxonomy) -> None:
    (pushed / "5").mkdir(parents=True)

    with pytest.raises(DataError, match=r"/5/assets\.extra/fieldmark\.json: cannot be read: No su"):
        find_last_blessed(pushed, recipe="new", taxonomy=taxonomy)


def model_of_step(root: Path) -> Artifact:
    model = standard_artifacts.Model()
    model.uri = str(root / "artifact")
    return model


def inputs_of(root: Path) -> dict[str, list[Artifact]]:
    taxonomy = TaxonomyArtifact()
    taxonomy.uri = str(root)
    return {"taxonomy": [taxonomy]}


def properties(pushed: Path, **more: str) -> dict[str, str]:
    return {"pushed_dir": str(pushed), "recipe": "settings", "export_fingerprint": "f", **more}


def test_step_copies_the_version_as_a_saved_model(
    pushed: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    version = push(pushed, "7", "a")
    push(pushed, "8", training_recipe("settings", "f"))
    model = model_of_step(tmp_path)

    Executor().Do(inputs_of(tmp_path), {"model": [model]}, properties(pushed))

    copy = found_model({"baseline": [model]}, "baseline")
    assert copy == Path(path_utils.serving_model_path(model.uri))
    files = {
        path.relative_to(version): path.read_bytes()
        for path in version.rglob("*")
        if path.is_file()
    }
    assert {
        path.relative_to(copy): path.read_bytes() for path in copy.rglob("*") if path.is_file()
    } == files
    (version / "saved_model.pb").unlink()  # the evaluation stands, whatever becomes of the push
    assert (copy / "saved_model.pb").read_text() == "7"


def test_step_that_finds_nothing_says_so_and_brings_no_model(
    pushed: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    model = model_of_step(tmp_path)

    Executor().Do(inputs_of(tmp_path), {"model": [model]}, properties(pushed))

    assert (tmp_path / "artifact/none.txt").read_text().startswith("No model of another training")
    assert found_model({"base_model": [model]}, "base_model") is None
    assert found_model({}, "base_model") is None


def test_version_is_looked_for_before_the_cache_is(
    pushed: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    def found(**more: str) -> str:
        info = ExecutionInfo(
            input_dict=inputs_of(tmp_path), exec_properties=properties(pushed, **more)
        )
        return Driver(None).run(info).exec_properties["version_dir"].string_value

    assert found() == ""
    version = push(pushed, "7", "a", network="small")
    assert found() == found(network="small") == str(version)
    assert found(network="xception") == ""

    model = model_of_step(tmp_path)
    push(pushed, "8", "b")  # by another run, after the driver has looked
    Executor().Do({}, {"model": [model]}, properties(pushed, version_dir=str(version)))
    copy = found_model({"model": [model]}, "model")
    assert copy is not None
    assert (copy / "saved_model.pb").read_text() == "7"
