"""Run by a Python that has MediaPipe and nothing of ours: MODEL PHOTO... to JSON.

For each photo, the score that MediaPipe's ImageClassifier gives to each label.
"""

from __future__ import annotations

import json
import sys

import mediapipe
from mediapipe.tasks.python import BaseOptions, vision

model, *photos = sys.argv[1:]
options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=model))
with vision.ImageClassifier.create_from_options(options) as classifier:
    answers = [
        {
            category.category_name: category.score
            for category in classifier.classify(mediapipe.Image.create_from_file(photo))
            .classifications[0]
            .categories
        }
        for photo in photos
    ]
print(json.dumps(answers))
