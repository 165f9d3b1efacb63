"""What `serving_default` answers with, known without TensorFlow: the best leaves, or none."""

from __future__ import annotations

TOP_K = 10
"""Leaves that are named for a photo, if there are as many."""

NO_CLASS = -1
NO_TAXON = 0
"""What stands in the row of a photo that cannot be decoded; its scores are 0."""
