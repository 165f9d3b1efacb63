"""Shared by the tests of build-export: settings that a dump of some dozens of photos fits."""

from __future__ import annotations

import pytest

from pipeline.build_export.settings import SelectionSettings


@pytest.fixture
def small() -> SelectionSettings:
    """Leaves of 4 photos in train, 2 in val and 2 in test, at the least."""
    return SelectionSettings(
        train_per_leaf=(4, 8),
        val_per_leaf=(2, 3),
        test_per_leaf=(2, 3),
        photos_per_observation=2,
    )
