from __future__ import annotations

import pydantic
import pytest
from pydantic import Field

from schemas.errors import ConfigError
from schemas.settings import Settings, load_settings


class Stage(Settings):
    epochs: int = Field(4, ge=1, description="Passes over the training photos.")
    size_px: int = 128
    """Side of the square that the network sees, px."""


class Trainer(Settings):
    stages: tuple[Stage, ...] = ()
    final: Stage | None = None
    name: str
    directory: str = "runs"

    @pydantic.field_validator("directory")
    @classmethod
    def _below(cls, value: str) -> str:
        if value.startswith(".."):
            raise ValueError("must be below this directory.")
        return value


def message(values: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(Trainer, values, source="t.yaml")
    return str(caught.value)


def test_loads_plain_values() -> None:
    trainer = load_settings(
        Trainer, {"name": "a", "stages": [{"epochs": 2}, {"size_px": 224}]}, source="t.yaml"
    )
    assert trainer.stages == (Stage(epochs=2), Stage(size_px=224))


def test_settings_are_frozen_and_documented() -> None:
    stage = Stage()
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        stage.epochs = 5  # type: ignore[misc]
    assert Stage.model_fields["size_px"].description == (
        "Side of the square that the network sees, px."
    )


def test_a_default_is_checked_too() -> None:
    class Wrong(Settings):
        epochs: int = Field(0, ge=1)

    with pytest.raises(ConfigError, match="epochs: Input should be greater than or equal to 1"):
        load_settings(Wrong, {}, source="t.yaml")


def test_an_unknown_setting_gets_a_hint() -> None:
    assert message({"name": "a", "nam": "b"}) == (
        "t.yaml: nam: unknown setting. Allowed: stages, final, name, directory. "
        "Did you mean 'name'?"
    )


@pytest.mark.parametrize(
    ("values", "path"),
    [({"stages": [{}, {"epoch": 3}]}, "stages.1.epoch"), ({"final": {"epoch": 3}}, "final.epoch")],
)
def test_an_unknown_setting_inside_another(values: dict[str, object], path: str) -> None:
    assert message({"name": "a", **values}) == (
        f"t.yaml: {path}: unknown setting. Allowed: epochs, size_px. Did you mean 'epochs'?"
    )


def test_a_missing_setting() -> None:
    assert message({}) == "t.yaml: name: required, but not given."


def test_a_value_out_of_range_and_all_others_at_once() -> None:
    assert message({"name": "a", "stages": [{"epochs": 0, "size_px": "big"}]}).splitlines() == [
        "t.yaml: stages.0.epochs: Input should be greater than or equal to 1. Received: 0.",
        "t.yaml: stages.0.size_px: Input should be a valid integer, unable to parse string as an "
        "integer. Received: 'big'.",
    ]


def test_what_came_is_shown_as_it_came() -> None:
    assert message({"name": "a", "directory": "../runs"}) == (
        "t.yaml: directory: must be below this directory. Received: '../runs'."
    )


def test_true_is_no_number() -> None:
    class Head(Settings):
        rank: int | None = None
        shares: tuple[float, float] = (0.0, 1.0)
        compiled: bool = False

    assert load_settings(Head, {"compiled": True}, source="t.yaml").compiled
    for values in ({"rank": True}, {"shares": False}, {"shares": [True, 0.3]}):
        with pytest.raises(ConfigError, match=r"Input should be a value, not true or false"):
            load_settings(Head, values, source="t.yaml")


def test_numbers_are_finite() -> None:
    class Loop(Settings):
        secs: float = 1.0

    with pytest.raises(ConfigError, match=r"t.yaml: secs: Input should be a finite number"):
        load_settings(Loop, {"secs": float("inf")}, source="t.yaml")


def test_word_where_a_group_of_settings_belongs() -> None:
    assert message({"name": "a", "final": "short"}) == (
        "t.yaml: final: takes settings of its own, such as {epochs: ...}. Allowed: epochs, "
        "size_px. Received: 'short'."
    )
