"""The fixtures of tests/serving, wherever these tests run from."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "serving"))

from tiny_fixtures import bundle_dir, model, photo_path, saved_model, taxonomy

__all__ = ["bundle_dir", "model", "photo_path", "saved_model", "taxonomy"]
