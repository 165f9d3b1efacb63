"""A place in the run that training can go back to, held in memory.

    point = ReturnPoint.now(examples_seen=51200, history=[...], partial_epoch={}, record={},
                            decisions=[...], variables=variables)
    point.restore(variables)

It has what a `Checkpoint` has. The loop takes one before the first steps of a stage, unless a
checkpoint is of the same place: a step that runs out of memory may have changed some variables
before it failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np


@dataclass(frozen=True)
class ReturnPoint:
    """A place in the run.

    Attributes:
        examples_seen: photos of the run seen.
        history: as of a checkpoint.
        partial_epoch: as of a checkpoint.
        record: as of a checkpoint.
        decisions: as of a checkpoint.
        values: of all variables.
    """

    examples_seen: int
    history: list[dict[str, Any]]
    partial_epoch: dict[str, Any]
    record: dict[str, Any]
    decisions: list[dict[str, Any]]
    values: list[np.ndarray] = field(repr=False)

    @classmethod
    def now(
        cls,
        *,
        examples_seen: int,
        history: Sequence[dict[str, Any]],
        partial_epoch: dict[str, Any],
        record: dict[str, Any],
        decisions: Sequence[dict[str, Any]],
        variables: Sequence[keras.Variable],
    ) -> ReturnPoint:
        """Copies all variables to the memory of the host."""
        values = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
        return cls(examples_seen, list(history), partial_epoch, record, list(decisions), values)

    def restore(self, variables: Sequence[keras.Variable]) -> None:
        """Sets all variables, which must be those that were copied, in the same order."""
        for variable, value in zip(variables, self.values, strict=True):
            variable.assign(value)
