"""Settings of batches that are found by trial."""

from __future__ import annotations

from pydantic import Field

from schemas.settings import Settings


class BatchAutoSettings(Settings):
    """How the batch of a stage with `global_batch: auto` is found: see docs/progressive.md."""

    most_per_replica: int = Field(1024, ge=1)
    """Photos of a replica's part of a step that are tried at most."""

    multiple: int = Field(8, ge=1)
    """A replica's part is a multiple of this, in photos."""

    memory_share: float = Field(0.8, gt=0, le=1)
    """Share of the device's memory, or of what a CPU's machine has free, that a step may take."""

    min_speedup: float = Field(0.05, ge=0, le=1)
    """Twice the batch is taken if it raises photos a second by this share; at 0 the batch is the
    largest that fits."""
