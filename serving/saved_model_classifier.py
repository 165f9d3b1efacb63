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

_SIGNATURE = "serve_pixels"


class SavedModelClassifier:
    """Runs the `serve_pixels` signature.

    Attributes:
        image_size_px: S, side of the square that it takes.
        num_leaves: N, the scores that it gives.
        gives_features: whether it gives features, too; models exported before there were do not.
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
        if _SIGNATURE not in self._model.signatures:
            raise DataError(
                directory,
                problem=f"has no signature {_SIGNATURE}. Received: "
                f"{', '.join(sorted(self._model.signatures)) or 'none'}.",
                remedy="Export the model by Fieldmark.",
            )
        self._serve_pixels = self._model.signatures[_SIGNATURE]
        self.gives_features: bool = "features" in self._serve_pixels.structured_outputs

    def scores(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Returns float32 [B, N], each row summing to 1.

        Args:
            pixels: float32 [B, S, S, 3], RGB, 0..255.
        """
        return self.outputs(pixels)[0]

    def outputs(
        self, pixels: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
        """Returns the scores, and the features float32 [B, C] if it gives them.

        Args:
            pixels: float32 [B, S, S, 3], RGB, 0..255.
        """
        answer = self._serve_pixels(pixels=tf.constant(pixels))
        features = np.asarray(answer["features"]) if self.gives_features else None
        return np.asarray(answer["scores"]), features
