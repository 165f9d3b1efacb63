"""Has an exported model answer WebP files that could end its process; prints the reasons as JSON.

python answer_webps.py saved_model/
"""

from __future__ import annotations

import json
import sys

import tensorflow as tf
from webp_files import ANIMATED, OTHERS, STILL

REPEATS = 5
"""Damaged memory is not always noticed at once."""


def main() -> None:
    exported = tf.saved_model.load(sys.argv[1])
    photos = tf.constant([*ANIMATED.values(), *OTHERS.values(), *STILL.values()])
    reasons = {}
    for name in ("serving_default", "predict_scores", "embed"):
        for _ in range(REPEATS):
            error = exported.signatures[name](image=photos)["error"]
        reasons[name] = [reason.decode() for reason in error.numpy()]
    json.dump(reasons, sys.stdout)


if __name__ == "__main__":
    main()
