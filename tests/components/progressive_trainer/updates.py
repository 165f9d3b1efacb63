"""How far two trainings agree in what they changed, and not only in where they ended.

Weights move little in a few steps: some that agree to 1e-3 may have learnt from gradients that do
not agree at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def relative_differences(
    before: Sequence[np.ndarray],
    ours: Sequence[np.ndarray],
    theirs: Sequence[np.ndarray],
    *,
    noise: float = 0.0,
) -> list[float]:
    """Of each variable that moved: the norm of the updates' difference, over that of ours.

    Args:
        before: values that both trainings began with.
        ours: where one of them ended.
        theirs: where the other did.
        noise: norm of an update that is rounding alone. What a norm takes away again, such as the
            mean of its inputs, has no gradient but by rounding.
    """
    differences = []
    for start, end, other in zip(before, ours, theirs, strict=True):
        moved = np.linalg.norm((end - start).astype(np.float64))
        apart = np.linalg.norm((other - end).astype(np.float64))
        assert moved > noise or apart <= noise, "moved in one of the trainings alone"
        if moved > noise:
            differences.append(float(apart / moved))
    return differences


def relative_difference(
    before: Sequence[np.ndarray], ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]
) -> float:
    """The same of all variables together, as if they were one."""
    start, end, other = (
        np.concatenate([a.ravel() for a in each]) for each in (before, ours, theirs)
    )
    return relative_differences([start], [end], [other])[0]
