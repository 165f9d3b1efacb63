"""The recipe of a training, whole: settings and code are known when a pipeline is compiled, the
export it reads only when it runs."""

from __future__ import annotations

import hashlib


def training_recipe(settings_and_code: str, export_fingerprint: str) -> str:
    """Returns 16 hex digits.

    Args:
        settings_and_code: `pipeline.recipe.recipe_of` the config.
        export_fingerprint: of the export.
    """
    text = f"{export_fingerprint}\n{settings_and_code}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
