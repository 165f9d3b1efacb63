"""Settings of the diagnoses of problem taxa."""

from __future__ import annotations

from pydantic import Field

from schemas.settings import Settings


class ProblemSettings(Settings):
    """When a figure of a taxon is called a reason for its errors."""

    few_train_photos: int = Field(50, ge=1)
    """`few_photos`: fewer photos in training than this."""

    within_genus_share: float = Field(0.5, gt=0, le=1)
    """`within_genus`: this share of the errors, 0..1, or more, is another leaf of its genus."""

    confident_score: float = Field(0.9, gt=0, le=1)
    """An error is confident from this score of the answer, 0..1, calibrated if the model is."""

    mislabelled_share: float = Field(0.1, gt=0, le=1)
    """`mislabelled`: this share of the photos, 0..1, or more, is a confident error."""

    duplicate_share: float = Field(0.1, gt=0, le=1)
    """`duplicates`: this share of the training photos, 0..1, or more, are copies."""

    observer_share: float = Field(0.5, gt=0, le=1)
    """`one_observer`: this share of the training photos, 0..1, or more, is one person's."""
