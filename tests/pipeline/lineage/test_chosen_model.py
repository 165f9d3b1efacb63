from __future__ import annotations

from pathlib import Path

import pytest
from mlmd_world import RunWorld, index_row

from pipeline.lineage.chosen_model import choose_model
from schemas.errors import ConfigError


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> RunWorld:
    """Models of executions 3, 8 and 13; the first two pushed as 17 and 18, the last one not."""
    world = RunWorld(tmp_path_factory.mktemp("work") / "runs" / "ladybirds")
    read = world.read_export({"train": [index_row(1)]})
    for number in (17, 18):
        trained = world.train(read)
        blessing = world.evaluate(trained, blessed=True)
        world.push_one("PushSavedModel", trained["model"], "saved_model", number, blessing)
        if number == 17:
            world.push_one("PushMobile", trained["model"], "mobile", 18, blessing)
    world.train(read)
    return world


def choose(world: RunWorld, text: str, version: str | None = None) -> tuple[int, str]:
    chosen = choose_model(text, runs=world.root.parent, version=version)
    return chosen.model.execution_id, chosen.reason


def test_newest_pushed_model_of_a_run_by_directory_or_name(world: RunWorld) -> None:
    expected = (8, "its newest pushed version, saved_model/18")
    assert choose(world, str(world.root)) == expected
    assert choose(world, "ladybirds") == expected


def test_version_by_number_or_path(world: RunWorld) -> None:
    expected = (3, "pushed as saved_model/17 and mobile/18")
    assert choose(world, "ladybirds", "17") == expected
    assert choose(world, "ladybirds", "saved_model/17") == expected
    assert choose(world, str(world.root / "pushed" / "saved_model" / "17")) == expected
    assert choose(world, str(world.root / "pushed" / "mobile" / "18")) == expected


def test_newest_trained_model_where_none_was_pushed(tmp_path: Path) -> None:
    world = RunWorld(tmp_path / "new")
    read = world.read_export({"train": [index_row(1)]})
    world.train(read)
    world.train(read)
    assert choose(world, "new") == (5, "its newest trained model; none was pushed")


def test_version_that_a_second_training_came_to_again_is_the_firsts(tmp_path: Path) -> None:
    world = RunWorld(tmp_path / "again")
    read = world.read_export({"train": [index_row(1)]})
    for _ in range(2):
        trained = world.train(read)
        blessing = world.evaluate(trained, blessed=True)
        world.push_one("PushSavedModel", trained["model"], "saved_model", 17, blessing)
    assert choose(world, "again") == (3, "its newest pushed version, saved_model/17")
    assert choose(world, "again", "17") == (3, "pushed as saved_model/17")


@pytest.mark.parametrize(
    ("text", "version", "message"),
    [
        (
            "ladybird",
            None,
            "No run 'ladybird': it is neither a directory of a run (with metadata.sqlite in it), "
            "nor a pushed version below one, nor a name in '{runs}'. It has: ladybirds. "
            "Did you mean 'ladybirds'?",
        ),
        (
            "ladybirds",
            "19",
            "ML Metadata of '{runs}/ladybirds' knows no pushed version '19'. Pushed were: "
            "saved_model/18, mobile/18, saved_model/17.",
        ),
        (
            "ladybirds",
            "18",
            "Versions of different models have the number 18. Give --version mobile/18 or "
            "saved_model/18.",
        ),
        (
            "{runs}/ladybirds/pushed/mobile/18",
            "17",
            "'{runs}/ladybirds/pushed/mobile/18' is a version already, so --version 17 is one too "
            "many. Give one of them.",
        ),
        (
            "{runs}/ladybirds/pushed",
            None,
            "'{runs}/ladybirds/pushed' is no pushed version. Give the run '{runs}/ladybirds', or a "
            "version: {runs}/ladybirds/pushed/saved_model/<number>.",
        ),
    ],
)
def test_what_cannot_be_meant(
    world: RunWorld, text: str, version: str | None, message: str
) -> None:
    runs = str(world.root.parent)
    with pytest.raises(ConfigError) as caught:
        choose(world, text.format(runs=runs), version)
    assert str(caught.value) == message.format(runs=runs)


def test_run_without_a_model(tmp_path: Path) -> None:
    world = RunWorld(tmp_path / "new")
    with pytest.raises(ConfigError) as caught:
        choose(world, "new")
    assert str(caught.value) == (
        f"'{world.root}' has no trained model yet. Give the same `fieldmark run` again and let it "
        "end."
    )


def test_no_runs_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nor a name in '.*nowhere'\. It has no runs\.$"):
        choose_model("x", runs=tmp_path / "nowhere", version=None)
