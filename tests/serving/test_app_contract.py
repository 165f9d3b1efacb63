"""The mobile contract (docs/mobile.md): what makes an app crash, and that a bundle does not.

The apps are those of `phone_apps`. Five tests, those that take `contract_dir`, ask it of the tiny
world's bundle, or of any other, FIELDMARK_BUNDLE naming its directory or one of numbered versions.
All others spoil the tiny world's, whatever is given, and show that the contract sees it.
"""

from __future__ import annotations

import codecs
import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from app_answers import APPS, Opener, assert_answers_as_we_do, photos
from forgery import (
    Row,
    forge,
    of_types,
    retold,
    retold_taxa,
    row_of,
    swapped_leaves,
    taxonomies,
    taxonomy_rows,
    with_operator_of_ones_own,
    with_two_outputs,
    without_softmax,
)
from phone_apps import LIFE, android, ios

from schemas.taxonomy import Taxonomy
from serving.app_contract import contract_faults, model_faults
from serving.checked_bundle import find_bundle, load_bundle
from serving.classify import find_model
from serving.mobile_readers import read_android_taxonomy
from serving.tflite_metadata import ModelWords, metadata, with_metadata


@pytest.fixture(scope="session")
def contract_dir(bundle_dir: Path) -> Path:
    given = os.environ.get("FIELDMARK_BUNDLE")
    if not given:
        return bundle_dir
    newest = find_model(Path(given))
    return find_bundle(newest) or newest


@pytest.mark.parametrize("app", APPS)
def test_the_apps_run_every_variant_and_answer_as_we_do(contract_dir: Path, app: Opener) -> None:
    assert_answers_as_we_do(app, load_bundle(contract_dir))


def test_a_bundle_has_no_fault(contract_dir: Path) -> None:
    bundle = load_bundle(contract_dir)

    assert contract_faults(bundle, bundle.taxonomy) == ()
    for variant in bundle.variants:
        assert model_faults(bundle, variant, bundle.taxonomy) == ()


def test_android_reads_the_columns_that_it_knows_and_plain_numbers(contract_dir: Path) -> None:
    header, *lines = (contract_dir / "taxonomy.csv").read_text("utf-8").splitlines()

    assert header == "parent_taxon_id,taxon_id,rank_level,leaf_class_id,geo_threshold,name"
    for line in lines:
        parent, taxon, rank_level, leaf, _, name = line.split(",", 5)
        assert all(cell.isdecimal() for cell in (parent, taxon, leaf) if cell)
        assert not rank_level.endswith(".0")
        assert int(taxon) != LIFE
        assert not name.startswith('"')


def test_ios_reads_numbers_and_nulls(contract_dir: Path) -> None:
    records = json.loads((contract_dir / "taxonomy.json").read_text("utf-8"))

    keys = ["parent_taxon_id", "taxon_id", "rank_level", "leaf_class_id", "geo_threshold", "name"]
    assert all(list(record) == keys for record in records)
    assert all(type(record["taxon_id"]) is int for record in records)
    assert ".0," not in (contract_dir / "taxonomy.json").read_text("utf-8")


def _change(name: str, column: str, value: Any) -> Callable[[list[Row]], None]:
    def change(rows: list[Row]) -> None:
        row_of(rows, name)[column] = value

    return change


def _leave_out(name: str, column: str) -> Callable[[list[Row]], None]:
    def change(rows: list[Row]) -> None:
        del row_of(rows, name)[column]

    return change


def _drop(name: str) -> Callable[[list[Row]], None]:
    return lambda rows: rows.remove(row_of(rows, name))


def _life(rows: list[Row]) -> None:
    rows.insert(0, {**rows[0], "taxon_id": LIFE, "rank_level": 100, "name": "Life"})


# Strix has two species; Strigina is a leaf above species.
CRASHES = {
    "a taxon id written as a fraction": _change("Strix", "taxon_id", "20.0"),
    "a parent written as a fraction": _change("Strix aluco", "parent_taxon_id", "20.0"),
    "a leaf written as a fraction": _change("Strix aluco", "leaf_class_id", "2.0"),
    "an id in quotes": _change("Strix aluco", "taxon_id", '"101"'),
    "a parent without a row": _drop("Strix"),
    "a childless taxon without a leaf": _change("Strigina", "leaf_class_id", None),
    "a row of Life": _life,
    "a leaf beyond the model's scores": _change("Strigina", "leaf_class_id", 9),
    "one leaf fewer than scores": _drop("Strigina"),
    "a rank that is no number": _change("Strix", "rank_level", "genus"),
    "a taxon id with a leading zero": _change("Strix", "taxon_id", "020"),
    "a taxon id in wide digits": _change("Strix", "taxon_id", "２０"),
    "a taxon id with a blank": _change("Strix", "taxon_id", " 20"),
    "a taxon twice": _change("Strigina", "taxon_id", 101),
    "a record without its parent": _leave_out("Strix aluco", "parent_taxon_id"),
    "a record without its leaf": _leave_out("Strigina", "leaf_class_id"),
}


@pytest.mark.parametrize("fault", CRASHES)
def test_what_crashes_the_apps_is_a_fault(
    bundle_dir: Path, taxonomy: Taxonomy, tmp_path: Path, fault: str
) -> None:
    rows = taxonomy_rows(bundle_dir)
    CRASHES[fault](rows)
    forged = forge(bundle_dir, tmp_path / "forged", taxonomies(rows))

    with pytest.raises((ValueError, KeyError, IndexError, AssertionError, BufferError)):
        answer_of(android, forged)
    assert contract_faults(past_the_loader(bundle_dir, forged), taxonomy)


TEXT_CRASHES: dict[str, Callable[[bytes], bytes]] = {
    "a byte order mark": lambda text: codecs.BOM_UTF8 + text,
    "blanks in the header": lambda text: text.replace(b",taxon_id", b", taxon_id", 1),
    "an empty line": lambda text: text.replace(b"\n", b"\n\n", 1),
    "an empty line at the end": lambda text: text + b"\n",
    "a line that ends within a name": lambda text: text.replace(b"Strix aluco", b"Strix\raluco"),
}


@pytest.mark.parametrize("fault", TEXT_CRASHES)
def test_what_crashes_android_between_the_rows_is_a_fault_of_its_file(
    bundle_dir: Path, taxonomy: Taxonomy, tmp_path: Path, fault: str
) -> None:
    text = TEXT_CRASHES[fault]((bundle_dir / "taxonomy.csv").read_bytes())
    forged = forge(bundle_dir, tmp_path / "forged", {"taxonomy.csv": text})

    with pytest.raises((ValueError, KeyError, IndexError)):
        answer_of(android, forged)
    (found,) = contract_faults(past_the_loader(bundle_dir, forged), taxonomy)
    assert found.startswith("taxonomy.csv: 1 fault:")


IOS_CRASHES = (
    "a parent without a row",
    "a childless taxon without a leaf",
    "a leaf beyond the model's scores",
    "one leaf fewer than scores",
    "a taxon id with a leading zero",
    "a taxon id in wide digits",
    "a taxon twice",
    "a record without its parent",
    "a record without its leaf",
)


@pytest.mark.parametrize("fault", IOS_CRASHES)
def test_what_crashes_ios_is_a_fault_of_its_file_alone(
    bundle_dir: Path, taxonomy: Taxonomy, tmp_path: Path, fault: str
) -> None:
    rows = taxonomy_rows(bundle_dir)
    CRASHES[fault](rows)
    changes = {"taxonomy.json": taxonomies(rows)["taxonomy.json"]}
    forged = forge(bundle_dir, tmp_path / "forged", changes)

    with pytest.raises((KeyError, IndexError, AssertionError, BufferError)):
        answer_of(ios, forged)
    assert answer_of(android, forged) == answer_of(android, bundle_dir)
    assert any("taxonomy.json" in text for text in contract_faults(load_bundle(forged), taxonomy))


def answer_of(app: Opener, directory: Path) -> int | None:
    phone = app(directory, "float16")
    return phone.common_ancestor(phone.predict(photos(32, 1)[0]))


def past_the_loader(bundle_dir: Path, forged: Path) -> Any:
    """The sound bundle as loaded, its files those of the forged one: past the loader's checks."""
    return dataclasses.replace(load_bundle(bundle_dir), directory=forged)


def test_the_column_of_geo_thresholds_may_be_absent(
    bundle_dir: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    rows = taxonomy_rows(bundle_dir)
    for row in rows:
        del row["geo_threshold"]
    bundle = load_bundle(forge(bundle_dir, tmp_path / "forged", taxonomies(rows)))

    assert contract_faults(bundle, taxonomy) == ()
    assert answer_of(android, bundle.directory) == answer_of(android, bundle_dir)
    taxa = read_android_taxonomy(bundle.directory / "taxonomy.csv")
    assert {taxon.geo_threshold for taxon in taxa} == {None}


def test_an_answer_under_another_name_is_a_fault(
    bundle_dir: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    """No app crashes on it: it names a wrong species, for ever."""
    forged = forge(bundle_dir, tmp_path / "forged", swapped_leaves(bundle_dir))

    faults = contract_faults(load_bundle(forged), taxonomy)

    assert faults == (
        "taxonomy.csv: its leaves are not the model's classes, in their order.",
        "taxonomy.json: its leaves are not the model's classes, in their order.",
        "labels.txt does not name the model's classes, in their order.",
    )


def test_two_trees_that_differ_are_a_fault(
    bundle_dir: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    records = taxonomy_rows(bundle_dir)
    row_of(records, "Strix")["rank_level"] = 30
    changes = {"taxonomy.json": json.dumps(records).encode()}

    faults = contract_faults(load_bundle(forge(bundle_dir, tmp_path / "f", changes)), taxonomy)

    assert faults == (
        "taxonomy.csv and taxonomy.json are not the same tree.",
        "taxonomy.json is not the model's tree. Strix (20) has the rank_level 30, in the model 20.",
    )


@pytest.mark.parametrize(
    ("taxon", "cells", "difference"),
    [
        (
            "Strix aluco",
            {"parent_taxon_id": 40},
            "Strix aluco (101) has the parent_taxon_id 40, in the model 20.",
        ),
        ("Strix", {"rank_level": 50}, "Strix (20) has the rank_level 50, in the model 20."),
        ("Strix", {"name": "Bubo"}, "Strix (20) has the name Bubo, in the model Strix."),
    ],
)
def test_a_tree_that_is_wrong_in_both_files_alike_is_a_fault(
    bundle_dir: Path,
    taxonomy: Taxonomy,
    tmp_path: Path,
    taxon: str,
    cells: dict[str, Any],
    difference: str,
) -> None:
    """No app crashes on it: it sends answers to a wrong genus, for ever."""
    forged = forge(bundle_dir, tmp_path / "forged", retold_taxa(bundle_dir, taxon, **cells))

    assert contract_faults(load_bundle(forged), taxonomy) == (
        f"taxonomy.csv is not the model's tree. {difference}",
        f"taxonomy.json is not the model's tree. {difference}",
    )
    assert answer_of(android, forged) == answer_of(ios, forged)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            b"model_taxon_id,parent_taxon_id,taxon_id,rank_level,name\n101,20,103,10,S.\n9,,,,\n",
            "row 3, column model_taxon_id: 9 is no taxon of the model.",
        ),
        (b"model_taxon_id,taxon_id\n101,103\n", "lacks the columns parent_taxon_id, rank_level"),
    ],
)
def test_a_table_of_synonyms_that_is_not_the_models_is_a_fault(
    bundle_dir: Path, taxonomy: Taxonomy, tmp_path: Path, table: bytes, words: str
) -> None:
    forged = forge(bundle_dir, tmp_path / "forged", {"synonyms.csv": table})

    (fault,) = contract_faults(load_bundle(forged), taxonomy)

    assert fault.startswith("synonyms.csv")
    assert words in fault


def test_many_differences_are_counted(bundle_dir: Path, taxonomy: Taxonomy, tmp_path: Path) -> None:
    rows = [{**row, "name": f"x{row['name']}"} for row in taxonomy_rows(bundle_dir)]
    forged = forge(bundle_dir, tmp_path / "forged", taxonomies(rows))

    assert contract_faults(load_bundle(forged), taxonomy)[0].endswith(
        "Strix aluco (101) has the name xStrix aluco, in the model Strix aluco. And 5 more."
    )


def test_scores_without_a_softmax_are_a_fault(
    bundle_dir: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    name = "model_float32.tflite"
    changes = {name: without_softmax((bundle_dir / name).read_bytes())}

    bundle = load_bundle(forge(bundle_dir, tmp_path / "forged", changes))

    (fault,) = model_faults(bundle, "float32", taxonomy)
    assert "sum to 1, so the softmax must be inside. Received: a sum off by" in fault
    assert model_faults(bundle, "float16", taxonomy) == ()


def test_other_labels_inside_a_model_are_a_fault(
    bundle_dir: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    """Generic clients read these alone."""
    name = "model_float32.tflite"
    first, second, *others = taxonomy.leaf_names
    bare, words = (bundle_dir / name).read_bytes(), ModelWords("owls", "Owls.", "1")
    changes = {name: with_metadata(bare, metadata(words), [second, first, *others])}

    bundle = load_bundle(forge(bundle_dir, tmp_path / "forged", changes))

    assert model_faults(bundle, "float32", taxonomy) == (
        "The labels inside model_float32.tflite are not the model's classes, in their order.",
    )


def test_an_operator_that_phones_lack_is_a_fault(
    bundle_dir: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    name = "model_float32.tflite"
    changes = {name: with_operator_of_ones_own((bundle_dir / name).read_bytes())}

    bundle = load_bundle(forge(bundle_dir, tmp_path / "forged", changes))

    (fault,) = model_faults(bundle, "float32", taxonomy)
    assert "is not a TFLite model that runs here" in fault
    assert "Mystery" in fault


OTHER_RUNNERS = {
    "uint8 in": (
        lambda _: of_types(32, 5, takes=tf.uint8, gives=tf.float32),
        "must take float32 [1, S, S, 3] and give float32 [1, N]. Received: "
        "uint8 [1, 32, 32, 3] -> float32 [1, 5].",
    ),
    "int8 out": (
        lambda _: of_types(32, 5, takes=tf.float32, gives=tf.int8),
        "must take float32 [1, S, S, 3] and give float32 [1, N]. Received: "
        "float32 [1, 32, 32, 3] -> int8 [1, 5].",
    ),
    "two outputs": (with_two_outputs, "has 1 inputs and 2 outputs; one of each is wanted."),
}


@pytest.mark.parametrize("kind", OTHER_RUNNERS)
def test_a_model_that_takes_or_gives_something_else_is_a_fault(
    bundle_dir: Path, taxonomy: Taxonomy, tmp_path: Path, kind: str
) -> None:
    spoil, words = OTHER_RUNNERS[kind]
    name = "model_float16.tflite"
    changes = {name: spoil((bundle_dir / name).read_bytes())}
    forged = forge(bundle_dir, tmp_path / "forged", changes)

    assert model_faults(load_bundle(forged), "float16", taxonomy) == (
        f"{name}: {words} Export the mobile bundle again.",
    )
    if kind != "two outputs":  # the app reads the first, and knows of no other
        with pytest.raises((BufferError, ValueError)):
            answer_of(android, forged)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            lambda manifest: manifest["input"].update(range=[0, 1]),
            "manifest.json has models take 0..1; the apps give 0..255, for the scaling is inside.",
        ),
        (
            lambda manifest: manifest["preprocessing"].update(crop_ratio=0.875),
            "manifest.json asks for another preprocessing than the one that the models were "
            "trained and measured with.",
        ),
    ],
)
def test_a_manifest_that_has_photos_prepared_otherwise_is_a_fault(
    bundle_dir: Path,
    taxonomy: Taxonomy,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], None],
    fault: str,
) -> None:
    bundle = load_bundle(retold(bundle_dir, tmp_path / "retold", change))

    assert contract_faults(bundle, taxonomy) == (fault,)


def test_a_model_of_other_leaves_or_size_is_a_fault(bundle_dir: Path, tmp_path: Path) -> None:
    bundle = load_bundle(bundle_dir)
    one_less = dataclasses.replace(
        bundle.taxonomy,
        leaf_class_ids=np.where(
            bundle.taxonomy.leaf_class_ids == 4, -1, bundle.taxonomy.leaf_class_ids
        ),
    )

    faults = model_faults(bundle, "float32", one_less)

    assert faults[0] == (
        "model_float32.tflite gives 5 scores, the taxonomy has 4 leaves: the app crashes."
    )
    larger = dataclasses.replace(
        bundle, details=bundle.details.model_copy(update={"image_size_px": 48})
    )
    assert model_faults(larger, "float32", bundle.taxonomy) == (
        "model_float32.tflite takes 32 px, the manifest says 48.",
    )
    (tmp_path / "model_float32.tflite").write_bytes(b"no model")
    (unreadable,) = model_faults(
        dataclasses.replace(bundle, directory=tmp_path), "float32", bundle.taxonomy
    )
    assert "is not a TFLite model that runs here" in unreadable
