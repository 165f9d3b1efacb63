"""A SavedModel of ours answering for pixels, as the server's network does.

classifier = SavedModelClassifier("serving/1700000000")
scores = classifier.scores(pixels)  # float32 [B, S, S, 3] -> float32 [B, N]
"""

from __future__ import annotations

from os import PathLike

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.errors import DataError
from serving.saved_model import load_manifest


class SavedModelClassifier:
    """Runs the `serve_pixels` signature.

    Attributes:
        image_size_px: S, side of the square that it takes.
        num_leaves: N, the scores that it gives.
    """

    def __init__(self, directory: str | PathLike[str]) -> None:
        """Loads an export of `serving.saved_model`.

        Raises:
            DataError: if it is not one, or cannot be loaded.
        """
        manifest = load_manifest(directory)
        self.image_size_px: int = manifest["image_size_px"]
        self.num_leaves: int = manifest["num_leaves"]
        try:
            # Kept whole: the signatures alone do not keep the variables alive.
            self._model = tf.saved_model.load(str(directory))
        except (OSError, tf.errors.OpError) as error:
            raise DataError(
                directory,
                problem=f"cannot be loaded as a SavedModel: {error}.",
                remedy="Export or push the model again.",
            ) from error

    def scores(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Returns float32 [B, N], each row summing to 1.

        Args:
            pixels: float32 [B, S, S, 3], RGB, 0..255.
        """
        answer = self._model.signatures["serve_pixels"](pixels=tf.constant(pixels))
        return np.asarray(answer["scores"])
