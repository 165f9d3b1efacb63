from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tfx.types import channel_utils, standard_artifacts
from tiny_world import small_model, tiny_export

from components.pusher.component import GuardedPusher
from components.pusher.executor import Executor
from components.pusher.identity import content_fingerprint
from schemas.errors import ConfigError, DataError
from schemas.taxonomy import Taxonomy
from serving.classify import open_classifier


def pusher(directory: Path | str, **blessings: Any) -> GuardedPusher:
    model = channel_utils.as_channel([standard_artifacts.Model()])
    return GuardedPusher(model, directory=str(directory), **blessings)


def push(
    model_dir: Path, base: Path | str, work: Path, **blessed: int
) -> standard_artifacts.PushedModel:
    """Runs the executor as TFX does; `blessed`: by input name, 1 or 0."""
    work.mkdir()
    model, pushed = standard_artifacts.Model(), standard_artifacts.PushedModel()
    model.uri, pushed.uri = str(work / "model"), str(work / "pushed")
    Path(model.uri).mkdir()
    (Path(model.uri) / "Format-Serving").symlink_to(model_dir)
    types = {
        "model_blessing": standard_artifacts.ModelBlessing,
        "infra_blessing": standard_artifacts.InfraBlessing,
    }
    inputs: dict[str, list[Any]] = {"model": [model]}
    for name, value in blessed.items():
        blessing = types[name]()
        blessing.set_int_custom_property("blessed", value)
        inputs[name] = [blessing]
    properties = pusher(base).spec.exec_properties
    Executor().Do(inputs, {"pushed_model": [pushed]}, properties)
    return pushed


@pytest.fixture(params=["saved_model", "bundle_dir"])
def model_dir(request: pytest.FixtureRequest) -> Path:
    directory: Path = request.getfixturevalue(request.param)
    return directory


def test_pushed_model_answers(model_dir: Path, photo_path: Path, tmp_path: Path) -> None:
    pushed = push(model_dir, tmp_path / "serving", tmp_path / "1", model_blessing=1)

    destination = pushed.get_string_custom_property("pushed_destination")
    assert pushed.get_int_custom_property("pushed") == 1
    assert destination == str(
        tmp_path / "serving" / pushed.get_string_custom_property("pushed_version")
    )
    assert content_fingerprint(Path(destination)) == content_fingerprint(model_dir)
    assert content_fingerprint(Path(pushed.uri)) == content_fingerprint(model_dir)
    served = open_classifier(tmp_path / "serving").classify([photo_path])
    assert served == open_classifier(model_dir).classify([photo_path])


def test_same_model_again_names_the_version_that_is_there(model_dir: Path, tmp_path: Path) -> None:
    first = push(model_dir, tmp_path / "serving", tmp_path / "1")

    again = push(model_dir, tmp_path / "serving", tmp_path / "2")

    for name in ("pushed_destination", "pushed_version"):
        assert again.get_string_custom_property(name) == first.get_string_custom_property(name)
    assert again.get_int_custom_property("pushed") == 1
    assert len([path for path in (tmp_path / "serving").iterdir() if path.is_dir()]) == 1


def test_re_export_of_the_same_weights_is_the_same_model(
    model: object, saved_model: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    rebuilt = small_model(seed=4)
    rebuilt.set_weights(model.get_weights())
    push(saved_model, tmp_path / "serving", tmp_path / "1")

    push(tiny_export(rebuilt, taxonomy, tmp_path / "again"), tmp_path / "serving", tmp_path / "2")
    push(
        tiny_export(small_model(seed=6), taxonomy, tmp_path / "new"),
        tmp_path / "serving",
        tmp_path / "3",
    )

    assert len([path for path in (tmp_path / "serving").iterdir() if path.is_dir()]) == 2


@pytest.mark.parametrize(
    "blessed",
    [{"model_blessing": 0}, {"infra_blessing": 0}, {"model_blessing": 1, "infra_blessing": 0}],
)
def test_unblessed_model_is_not_pushed(
    saved_model: Path, tmp_path: Path, blessed: dict[str, int]
) -> None:
    pushed = push(saved_model, tmp_path / "serving", tmp_path / "1", **blessed)

    assert pushed.get_int_custom_property("pushed") == 0
    assert not (tmp_path / "serving").exists()


@pytest.mark.parametrize("base", ["gs://bucket/serving", ""])
def test_destination_must_be_a_directory(saved_model: Path, tmp_path: Path, base: str) -> None:
    with pytest.raises(ConfigError, match=r"pushed to a local .* directory.* Received: '?(gs:|no)"):
        push(saved_model, base, tmp_path / "1")


def test_nothing_to_push_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(DataError, match=r"holds neither saved_model\.pb nor manifest\.json"):
        push(tmp_path / "empty", tmp_path / "serving", tmp_path / "1")


def test_component_keeps_tfx_interface_and_adds_our_code() -> None:
    infra = channel_utils.as_channel([standard_artifacts.InfraBlessing()])

    component = pusher("serving", infra_blessing=infra)

    assert component.outputs["pushed_model"].type is standard_artifacts.PushedModel
    assert set(component.inputs) == {"model", "infra_blessing"}
    assert len(component.spec.exec_properties["code_version"]) == 16
    assert component.with_id("MobilePusher").id == "MobilePusher"
