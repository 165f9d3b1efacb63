"""The forms in which a model goes to the phone.

| variant                     | weights and arithmetic                             | size     |
|-----------------------------|----------------------------------------------------|----------|
| `float32`                   | as trained                                         | 1        |
| `float16`                   | halved, computed in float32                        | 1/2      |
| `dynamic_range_int8`        | 8-bit integers; activations as they come           | about 1/4|
| `full_int8`                 | 8-bit integers throughout, but for the softmax     | about 1/4|
| `fact256_float16`, ...      | the head through rank 256, the rest as the name    | less     |
|                             | says: float32, float16 or dynamic_range_int8       |          |

All take and give float32, so an app changes nothing but the file. `fact` and a rank is what
iNaturalist calls its phone models with a factored head ("INatVision_Small_2_fact256_8bit").

    form_of("fact256_float16")     # Form(weights="float16", head_rank=256)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator

Weights = Literal["float32", "float16", "dynamic_range_int8", "full_int8"]

WEIGHTS: tuple[Weights, ...] = get_args(Weights)

VARIANTS: tuple[str, ...] = WEIGHTS
"""What every model can be converted to."""

QUANTISATION = {
    "float32": "none",
    "float16": "weights float16, arithmetic float32",
    "dynamic_range_int8": "weights int8, activations quantised as they come",
    "full_int8": "weights and activations int8 by representative photos, softmax float32",
}
"""The same for a manifest."""

BYTES_PER_WEIGHT = {"float32": 4, "float16": 2, "dynamic_range_int8": 1, "full_int8": 1}

_LOW_RANK = re.compile(r"fact([1-9]\d*)_(float32|float16|dynamic_range_int8)")


@dataclass(frozen=True)
class Form:
    """What a variant is.

    Attributes:
        weights: how they are stored, and computed with.
        head_rank: rank that the head is brought down to; None for the head as trained.
    """

    weights: Weights
    head_rank: int | None = None

    @property
    def quantisation(self) -> str:
        """In words."""
        words = QUANTISATION[self.weights]
        return words if self.head_rank is None else f"{words}; head of rank {self.head_rank}"


def form_of(variant: str) -> Form:
    """Returns what a variant's name means.

    Raises:
        ValueError: if it means nothing; the text says what is allowed.
    """
    if match := _LOW_RANK.fullmatch(variant):
        return Form(match[2], int(match[1]))  # type: ignore[arg-type]
    if variant not in WEIGHTS:
        raise ValueError(
            f"a variant is {', '.join(WEIGHTS)}, or fact<rank>_ before one of the first three, "
            f"not {variant}"
        )
    return Form(variant)


def _checked(variant: str) -> str:
    form_of(variant)
    return variant


Variant = Annotated[str, AfterValidator(_checked)]
"""The name of a variant, as settings and manifests take it."""


def model_file(variant: str) -> str:
    """Returns the name of a variant's file in a bundle."""
    return f"model_{variant}.tflite"


def variant_of_file(name: str) -> str | None:
    """Returns the variant that a file of a bundle is named after; None for any other file."""
    match = re.fullmatch(r"model_(\w+)\.tflite", name)
    try:
        form_of(match[1] if match else "")
    except ValueError:
        return None
    return match[1] if match else None
