"""From what a network puts out to scores: probabilities as they are, logits through the softmax.

Which of them it is, the outputs for the first photos tell:

| outputs | taken as |
| --- | --- |
| within 0..1, summing to 1 | probabilities |
| within 0..1, with other sums (a sigmoid each) | scores, as they are |
| anything else | logits |

Quantised outputs are rounded, and a sum of N of them by up to N half steps.

    reader = OutputReader("auto", step=0.0)
    scores = reader.scores(outputs)         # float32 [B, M]
    reader.note                             # 'its outputs are logits ...', or ""
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from schemas.errors import FieldmarkError

Outputs = Literal["auto", "scores", "logits"]
OUTPUTS: tuple[Outputs, ...] = get_args(Outputs)

MAX_SUM_ERROR = 1e-2
"""A float sum of a softmax over 80,000 leaves is nearer to 1 than this."""

_SLACK = 1e-3

Floats = npt.NDArray[np.float32]


class OutputReader:
    """Turns outputs into scores, always in the way that the first ones asked for.

    Args:
        outputs: what they are; "auto" looks.
        step: smallest difference between two outputs; 0 of float ones.

    Attributes:
        note: what people should know of it; "" for nothing.
    """

    def __init__(self, outputs: Outputs, *, step: float) -> None:
        self._kind, self._step, self.note = outputs, step, ""

    def scores(self, outputs: Floats) -> Floats:
        """Returns float32 [B, M].

        Args:
            outputs: float32 [B, M], of the network.

        Raises:
            FieldmarkError: if one is not a number, or a score is below 0.
        """
        broken = int((~np.isfinite(outputs)).any(axis=1).sum())
        if broken:
            raise FieldmarkError(
                f"The model answers {broken:,} of {len(outputs):,} photos with what is no finite "
                "number. Is --input-range what it was trained with? A float16 model may overflow."
            )
        if self._kind == "auto":
            self._kind, self.note = self._told_from(outputs)
        if self._kind == "logits":
            return softmax(outputs)
        if outputs.min() < -_SLACK - self._step:
            raise FieldmarkError(
                f"The model's outputs cannot be scores: one is {outputs.min():.3g}. Give --outputs "
                "logits, or leave it out."
            )
        return np.maximum(outputs, 0)  # rounded, a softmax may fall a hair below

    def _told_from(self, outputs: Floats) -> tuple[Outputs, str]:
        sums = outputs.sum(axis=1)
        low, high = float(outputs.min()), float(outputs.max())
        if low < -_SLACK - self._step or high > 1 + _SLACK + self._step:
            return "logits", (
                f"its outputs lie in {low:.3g} to {high:.3g} and sum to {sums.min():.3g} to "
                f"{sums.max():.3g}: taken as logits, scores are their softmax (--outputs scores "
                "takes them as they are)"
            )
        allowed = MAX_SUM_ERROR + outputs.shape[1] * self._step / 2
        if np.abs(sums - 1).max() <= allowed:
            return "scores", ""
        return "scores", (
            f"its outputs lie in 0..1 and sum to {sums.min():.3g} to {sums.max():.3g}, not to 1: "
            "taken as they are, so that log loss and calibration mean little (--outputs logits "
            "takes their softmax)"
        )


def softmax(logits: Floats) -> Floats:
    """Returns float32 [B, M], each row summing to 1.

    Args:
        logits: float [B, M].
    """
    values = logits.astype(np.float64)
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
