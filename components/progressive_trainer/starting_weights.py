"""What `trainer.base_weights: last_blessed` comes to in a run.

The pipeline looks for the newest pushed model of another training on the same network, and gives it
to the trainer as an input, so that the lineage and the cache know it. Before the first push there
is none, and `trainer.first_base_weights` say what to start from.

    start = starting_weights(settings, base_model_dir=None)
    start.settings["base_weights"], start.note
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.progressive_trainer.config import LAST_BLESSED
from serving.saved_model import is_exported_model, load_manifest


@dataclass(frozen=True)
class StartingWeights:
    """Where a training starts.

    Attributes:
        settings: TrainerSettings as JSON-able values; its base weights can be had.
        model_id: of the exported model that it starts from; None if it starts from none.
        note: for people, where the setting left it open.
    """

    settings: dict[str, Any]
    model_id: str | None
    note: str | None

    @property
    def manifest(self) -> dict[str, str]:
        """What the model to be trained says of it."""
        return {"base_model": self.model_id} if self.model_id else {}


def starting_weights(settings: Mapping[str, Any], *, base_model_dir: str | None) -> StartingWeights:
    """Returns where a training starts.

    Args:
        settings: TrainerSettings as JSON-able values.
        base_model_dir: the last blessed model, if the pipeline found one.

    Raises:
        DataError: if a model to start from has no manifest, or a damaged one.
    """
    wanted, note = str(settings["base_weights"]), None
    if wanted == LAST_BLESSED:
        wanted = base_model_dir or str(settings["first_base_weights"])
        note = (
            "training starts from the last blessed model"
            if base_model_dir
            else f"no model of this network was blessed before: training starts from {wanted} "
            "(trainer.first_base_weights)"
        )
    model_id = load_manifest(wanted)["model_id"] if is_exported_model(wanted) else None
    if note and model_id:
        note = f"{note}, {model_id}"
    return StartingWeights({**settings, "base_weights": wanted}, model_id, note)
