"""Shared by all tests: where the real data is, and at the end what could not be tested."""

from __future__ import annotations

import gc
from pathlib import Path

import hypothesis
import pytest
from skipped_promises import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]

# A busy machine is no failure: nothing in this suite asserts how long something takes.
hypothesis.settings.register_profile("fieldmark", deadline=None)
hypothesis.settings.load_profile("fieldmark")

# What TensorFlow traces lives on, and looking through all of it for garbage again and again was 6 %
# of the time of the trainer's tests.
gc.set_threshold(100_000, 20, 20)

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real photos and exports beside the repository; skips where it is missing."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real photos and exports are not on this machine (../shared/data)")
    return SHARED_DATA
