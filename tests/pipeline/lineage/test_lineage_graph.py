from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlmd_world import CACHED, FAILED, RunWorld, index_row

from components.artifacts import PhotoIndex, SetAside, Taxonomy
from pipeline.lineage.graph import read_graph
from pipeline.lineage.runs import Run, find_runs
from pipeline.lineage.trained_models import PHOTO_INDEX, SET_ASIDE, TAXONOMY, trained_models
from schemas.errors import ConfigError, DataError

ROWS = {"train": [index_row(1), index_row(2)], "val": [index_row(3)]}


@pytest.fixture
def world(tmp_path: Path) -> RunWorld:
    return RunWorld(tmp_path / "runs" / "ladybirds")


def models(world: RunWorld) -> list:
    return trained_models(read_graph(world.root / "metadata.sqlite"), world.root)


def test_types_are_named_as_the_components_name_them() -> None:
    assert (PhotoIndex.TYPE_NAME, SetAside.TYPE_NAME, Taxonomy.TYPE_NAME) == (
        PHOTO_INDEX,
        SET_ASIDE,
        TAXONOMY,
    )


def test_a_model_knows_its_index_verdict_and_versions(world: RunWorld) -> None:
    read = world.read_export(ROWS)
    trained = world.train(read)
    world.push(trained, 1_700_000_000, world.evaluate(trained, blessed=True))

    (model,) = models(world)

    assert model.run == "ladybirds"
    assert model.execution_id == 3
    assert model.blessed is True
    assert [version.name for version in model.pushed] == [
        "saved_model/1700000000",
        "mobile/1700000000",
    ]
    assert model.pushed[1].path == world.root / "pushed" / "mobile" / "1700000000"
    assert model.indexes == (Path(read["photo_index"].uri),)
    assert model.set_aside == (Path(read["set_aside"].uri),)
    assert model.taxonomies == (Path(read["taxonomy"].uri),)


def test_steps_from_the_cache_change_nothing(world: RunWorld) -> None:
    read = world.read_export(ROWS)
    trained = world.train(read)
    world.push(trained, 17, world.evaluate(trained, blessed=True))
    before = models(world)

    again = {key: read[key] for key in ("examples", "taxonomy", "set_aside", "photo_index")}
    world.execute("ExportExampleGen", {}, {}, state=CACHED, reused=again)
    inputs = {"examples": trained["examples"], "taxonomy": read["taxonomy"]}
    outputs = {"model": trained["model"], "history": trained["history"]}
    world.execute("ProgressiveTrainer", inputs, {}, state=CACHED, reused=outputs)

    assert models(world) == before


def test_failed_training_gives_no_model(world: RunWorld) -> None:
    world.train(world.read_export(ROWS), state=FAILED)

    assert models(world) == []


def test_bundles_and_copies_of_pushed_versions_are_no_models_of_their_own(world: RunWorld) -> None:
    read = world.read_export(ROWS)
    first = world.train(read)
    world.push(first, 17, world.evaluate(first, blessed=True))
    copy = world.execute("LastBlessedModel", {}, {"model": ("Model", {})})["model"]
    second = world.train(read)
    blessing = world.evaluate(second, blessed=False, baseline_model=copy)
    world.push_one("PushSavedModel", second["model"], "saved_model", 0, blessing)

    older, newer = models(world)

    assert (older.blessed, [v.name for v in older.pushed]) == (
        True,
        ["saved_model/17", "mobile/17"],
    )
    assert (newer.blessed, newer.pushed) == (False, ())
    assert older.indexes == newer.indexes


def test_a_baseline_keeps_its_own_verdict(world: RunWorld) -> None:
    read = world.read_export(ROWS)
    first, second = world.train(read), world.train(read)
    world.evaluate(first, blessed=True)
    world.evaluate(second, blessed=False, baseline_model=first["model"])

    assert [model.blessed for model in models(world)] == [True, False]


def test_model_that_was_not_evaluated_has_no_verdict(world: RunWorld) -> None:
    world.train(world.read_export(ROWS))

    (model,) = models(world)

    assert (model.blessed, model.pushed) == (None, ())


def test_warm_start_makes_a_model_descend_from_both_exports(world: RunWorld) -> None:
    first = world.read_export(ROWS)
    base = world.train(first)["model"]
    second = world.read_export(ROWS)
    inputs = {"examples": second["examples"], "base_model": base}
    world.execute("ProgressiveTrainer", inputs, {"model": ("Model", {})})

    assert set(models(world)[1].indexes) == {
        Path(first["photo_index"].uri),
        Path(second["photo_index"].uri),
    }


def test_store_of_older_code_has_models_without_index(world: RunWorld) -> None:
    world.train(world.read_export(None))

    (model,) = models(world)

    assert model.indexes == ()
    assert len(model.set_aside) == 1


def test_a_run_that_was_moved_is_found_where_it_lies_now(world: RunWorld, tmp_path: Path) -> None:
    trained = world.train(world.read_export(ROWS))
    world.push(trained, 17, world.evaluate(trained, blessed=True))
    moved = tmp_path / "elsewhere" / "ladybirds"
    moved.parent.mkdir()
    world.root.rename(moved)

    (model,) = Run(moved).models()

    assert model.indexes == (moved / "artifacts" / "ExportExampleGen" / "photo_index" / "1",)
    assert model.pushed[0].path == moved / "pushed" / "saved_model" / "17"


def test_reading_leaves_the_store_as_it_is(world: RunWorld) -> None:
    world.train(world.read_export(ROWS))
    database = world.root / "metadata.sqlite"
    before = database.read_bytes()

    read_graph(database)

    assert database.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it has no tables of ML Metadata"),
        (b"not a database at all " * 100, "file is not a database"),
    ],
)
def test_broken_store_names_itself_and_the_way_out(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    database = tmp_path / "metadata.sqlite"
    database.write_bytes(content)

    with pytest.raises(DataError) as caught:
        read_graph(database)

    assert str(caught.value) == (
        f"{database}: cannot be read as a store of ML Metadata: {reason}. "
        "Put back a copy of the file, or move the directory of this run elsewhere."
    )


def test_write_that_was_broken_off_is_left_to_the_next_run(world: RunWorld, tmp_path: Path) -> None:
    world.train(world.read_export(ROWS))
    database = world.root / "metadata.sqlite"
    killed = tmp_path / "killed.sqlite"
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")  # so that pages go to disk before the end
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE filler (a)")
        connection.executemany("INSERT INTO filler VALUES (?)", [(b"x" * 3000,)] * 300)
        connection.execute("UPDATE Execution SET last_known_state = 1")
        for suffix in ("", "-journal"):
            shutil.copyfile(f"{database}{suffix}", f"{killed}{suffix}")

    with pytest.raises(DataError) as caught:
        read_graph(killed)

    assert str(caught.value) == (
        f"{killed}: cannot be read as a store of ML Metadata: a run was stopped in the middle of a "
        "write. Give the same `fieldmark run` again, which repairs it."
    )


def test_foreign_database_is_left_alone(tmp_path: Path) -> None:
    database = tmp_path / "metadata.sqlite"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE x (a)")

    with pytest.raises(DataError, match="cannot be read as a store of ML Metadata"):
        read_graph(database)


def test_runs_come_by_name(tmp_path: Path) -> None:
    for name in ("b", "a"):
        RunWorld(tmp_path / name)
    (tmp_path / "notes").mkdir()

    assert [run.name for run in find_runs(tmp_path)] == ["a", "b"]


def test_no_runs_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find_runs(tmp_path / "nowhere")
    assert str(caught.value) == (
        f"The directory of runs '{tmp_path}/nowhere' does not exist. Give --runs the work_dir that "
        "`fieldmark run` works in, by default runs."
    )


def test_directory_without_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find_runs(tmp_path)
    assert str(caught.value) == (
        f"'{tmp_path}' holds no run: no <name>/metadata.sqlite. Give --runs the work_dir that "
        "`fieldmark run` works in, by default runs."
    )


def test_one_run_is_not_the_directory_of_runs(world: RunWorld) -> None:
    with pytest.raises(ConfigError) as caught:
        find_runs(world.root)
    assert str(caught.value) == (
        f"'{world.root}' is one run, not the directory of runs. "
        f"Did you mean --runs '{world.root.parent}'?"
    )
