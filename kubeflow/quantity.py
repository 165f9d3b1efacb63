"""Kubernetes quantities as numbers: "500m" of CPU is 0.5, "16Gi" of memory 17.179869184 (GB).

Newer Kubeflow reads a quantity as it is written, older back ends and Vertex AI read these numbers;
a compiled pipeline has both, as kfp writes them.
"""

from __future__ import annotations

import re

_FACTORS = {
    "": 1.0,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
}


def amount(quantity: str) -> float:
    """Returns a quantity in its unit: cores, or bytes.

    Args:
        quantity: digits and a suffix, as `pipeline.kubeflow_settings.Quantity` allows them.
    """
    match = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", quantity)
    assert match, quantity
    return float(match[1]) * _FACTORS[match[2]]


def gigabytes(quantity: str) -> float:
    """Returns an amount of memory in units of 10^9 bytes."""
    return amount(quantity) / 1e9
