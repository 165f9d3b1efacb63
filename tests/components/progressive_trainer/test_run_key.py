from __future__ import annotations

from typing import Any

import pytest

from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.run_key import NOT_OF_THE_TRAINING, run_key

NAMED = {
    "examples_uri": "photos",
    "code_version": "1",
    "named_files": "",
    "base_model_id": None,
}
DEFAULTS = TrainerSettings().model_dump(mode="json")


def key(changed: dict[str, Any] | None = None, **named: str) -> str:
    return run_key({**DEFAULTS, **(changed or {})}, **{**NAMED, **named})  # type: ignore[arg-type]


@pytest.mark.parametrize("setting", TrainerSettings.model_fields)
def test_name_follows_every_setting_that_changes_a_weight(setting: str) -> None:
    renamed = key({setting: "something else"}) != key()

    # A new setting belongs to the name, unless it is shown that it changes no weight.
    assert renamed == (
        setting
        not in {
            "checkpoint_secs",
            "history_steps",
            "longest_wait_secs",
            "eval_batch",
            "logical_cpu_devices",
        }
    )


def test_all_that_is_left_out_is_a_setting() -> None:
    assert set(TrainerSettings.model_fields) >= NOT_OF_THE_TRAINING


@pytest.mark.parametrize("part", NAMED)
def test_name_follows_photos_code_files_and_base_model(part: str) -> None:
    assert key(**{part: "another"}) != key()


def test_name_is_that_of_the_settings_whatever_their_order() -> None:
    assert run_key(dict(reversed(DEFAULTS.items())), **NAMED) == key()  # type: ignore[arg-type]
    assert len(key()) == 16
