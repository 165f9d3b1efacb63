"""The forms in which a model goes to the phone.

| variant              | weights                                   | size against float32 |
|----------------------|-------------------------------------------|----------------------|
| `float32`            | as trained                                | 1                    |
| `float16`            | halved, computed in float32               | 1/2                  |
| `dynamic_range_int8` | 8-bit integers; activations as they come  | about 1/4            |

All take and give float32, so an app changes nothing but the file.
"""

from __future__ import annotations

from typing import Literal, get_args

Variant = Literal["float32", "float16", "dynamic_range_int8"]

VARIANTS: tuple[Variant, ...] = get_args(Variant)

DEFAULT_VARIANT: Variant = "dynamic_range_int8"
"""What iNaturalist's apps ship."""

BYTES_PER_WEIGHT = {"float32": 4, "float16": 2, "dynamic_range_int8": 1}


def model_file(variant: str) -> str:
    """Returns the name of a variant's file in a bundle."""
    return f"model_{variant}.tflite"
