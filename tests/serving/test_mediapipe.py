"""MediaPipe's ImageClassifier takes a `.tflite` of ours alone: its labels and its normalisation.

MediaPipe does not go into this environment. FIELDMARK_MEDIAPIPE_PYTHON names the Python of another
that has it (`pip install mediapipe==0.10.21`); without it these tests are left out.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from skipped_promises import MEDIAPIPE
from tiny_world import SIZE_PX, paint

from serving.checked_bundle import load_bundle
from serving.tflite_classifier import TFLiteClassifier
from serving.variants import VARIANTS

PYTHON = os.environ.get("FIELDMARK_MEDIAPIPE_PYTHON", "")


@pytest.mark.skipif(not PYTHON, reason=MEDIAPIPE.reason)
@pytest.mark.parametrize("variant", VARIANTS)
def test_its_labels_and_scores_are_ours(bundle_dir: Path, tmp_path: Path, variant: str) -> None:
    bundle = load_bundle(bundle_dir)
    photos = [tmp_path / f"{seed}.png" for seed in range(4)]
    for seed, path in enumerate(photos):
        paint(SIZE_PX, SIZE_PX, seed=seed).save(path)
    pixels = [np.asarray(paint(SIZE_PX, SIZE_PX, seed=seed), np.float32) for seed in range(4)]
    ours = TFLiteClassifier(bundle.model_path(variant)).scores(np.stack(pixels))

    script = Path(__file__).with_name("mediapipe_answers.py")
    command = [PYTHON, str(script), str(bundle.model_path(variant)), *map(str, photos)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    names = bundle.taxonomy.leaf_names
    theirs = [[answer[name] for name in names] for answer in json.loads(done.stdout)]
    np.testing.assert_allclose(theirs, ours, atol=1e-5)
    assert np.ptp(ours, axis=0).max() > 0.01  # the photos have different answers
