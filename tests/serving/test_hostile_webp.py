"""No WebP ends the process that answers: not the server's, and not TF Serving's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
from webp_files import ANIMATED, OTHERS, STILL

from serving.photo_kinds import ANIMATED_WEBP
from serving.prepare_each import NOT_WHOLE
from serving.preprocess import decode_photo


def test_an_exported_model_outlives_every_webp(saved_model: Path) -> None:
    """In a process of its own, since it would be the one to die."""
    script = Path(__file__).with_name("answer_webps.py")
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{script.parent}"}

    done = subprocess.run(
        [sys.executable, script, saved_model],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    expected = [ANIMATED_WEBP] * len(ANIMATED) + [NOT_WHOLE] * len(OTHERS) + [""] * len(STILL)
    reasons = json.loads(done.stdout)
    assert set(reasons) == {"serving_default", "predict_scores", "embed"}
    for name, given in reasons.items():
        assert given == expected, name


def test_an_animation_is_refused_before_the_decoder() -> None:
    animated = tf.constant(ANIMATED["transparent"])  # which the decoder itself would take
    assert tf.io.decode_image(animated).shape[0] == 2

    with pytest.raises(tf.errors.InvalidArgumentError, match="is an animated WebP"):
        decode_photo(animated)
