"""The artifact that DuplicateGate writes."""

from __future__ import annotations

from tfx.types.artifact import Artifact


class NearDuplicates(Artifact):
    """A directory with `near_duplicates.csv`, the pairs of photos across splits, and
    `verdict.json`, the counts by split."""

    TYPE_NAME = "fieldmark.NearDuplicates"
