"""The recipe of a model: a hash of all that it is made from.

Two runs with one recipe train the same model from the same photos, as long as they start from the
same one: with `trainer.base_weights: last_blessed`, `base_model` in a model's manifest tells which.
It is written into every artifact that leaves the house, and tells a re-run of a training from a new
one when a baseline is looked for. What is known of it without the export stands here; a run adds
the export's fingerprint (`components.training_recipe`).
"""

from __future__ import annotations

import hashlib

from components.export_example_gen.component import CODE as READING
from components.photo_transform.component import CODE as STORING
from components.progressive_trainer.component import CODE as TRAINING
from pipeline.config import PipelineConfig
from schemas.source_hash import source_hash


def recipe_of(config: PipelineConfig, *, named_files: str) -> str:
    """Returns 16 hex digits over the settings up to training, the files they name, and the code.

    Args:
        config: its settings.
        named_files: `components.named_files.contents` of the trainer's; "" if they are not seen.
    """
    parts = (
        config.export.model_dump_json(),
        config.transform.model_dump_json(),
        config.trainer.model_dump_json(),
        source_hash(*READING, *STORING, *TRAINING),
        *([named_files] if named_files else []),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
