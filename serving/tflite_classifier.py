"""A `.tflite` model answering, as it does on a phone, without TensorFlow.

classifier = TFLiteClassifier("bundle/model_float16.tflite", num_threads=2)
scores = classifier.scores(pixels)  # float32 [B, S, S, 3] -> float32 [B, N]
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from schemas.errors import DataError

_REMEDY = "Export the mobile bundle again."


class TFLiteClassifier:
    """Runs one model, a photo at a time; not to be shared between threads.

    Attributes:
        image_size_px: S, side of the square that it takes.
        num_leaves: N, the scores that it gives.
    """

    def __init__(
        self, model: bytes | str | PathLike[str], *, num_threads: int = 1, name: str = "model"
    ) -> None:
        """Loads a model.

        Args:
            model: the content of a `.tflite` file, or the path to one.
            num_threads: threads that one photo may use.
            name: what messages call a model given as bytes.

        Raises:
            DataError: if it cannot be loaded, or does not take float32 [1, S, S, 3] and give
                float32 [1, N].
        """
        if not isinstance(model, bytes):
            name, model = str(model), _read(model)
        try:
            self._interpreter = Interpreter(model_content=model, num_threads=num_threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise DataError(
                name, problem=f"is not a TFLite model that runs here: {error}.", remedy=_REMEDY
            ) from error
        self.image_size_px, self.num_leaves = self._check_shapes(name)

    def scores(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Returns float32 [B, N], each row summing to 1.

        Args:
            pixels: float32 [B, S, S, 3], RGB, 0..255.
        """
        scores = np.empty((len(pixels), self.num_leaves), np.float32)
        for row, photo in enumerate(pixels):
            self._interpreter.set_tensor(self._input_index, photo[None])
            self._interpreter.invoke()
            scores[row] = self._interpreter.get_tensor(self._output_index)[0]
        return scores

    def outputs(
        self, pixels: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
        """Returns the scores, and None for the features, which the phone's model does not give."""
        return self.scores(pixels), None

    def _check_shapes(self, name: str) -> tuple[int, int]:
        """Keeps the tensor indices; returns (S, N)."""
        takes, gives = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        if len(takes) != 1 or len(gives) != 1:
            raise DataError(
                name,
                problem=f"has {len(takes)} inputs and {len(gives)} outputs; one of each is wanted.",
                remedy=_REMEDY,
            )
        self._input_index, self._output_index = takes[0]["index"], gives[0]["index"]
        image, scores = takes[0]["shape"].tolist(), gives[0]["shape"].tolist()
        fits = (
            takes[0]["dtype"] == gives[0]["dtype"] == np.float32
            and len(image) == 4
            and image == [1, image[1], image[1], 3]
            and len(scores) == 2
            and scores[0] == 1
        )
        if not fits:
            raise DataError(
                name,
                problem="must take float32 [1, S, S, 3] and give float32 [1, N]. Received: "
                f"{takes[0]['dtype'].__name__} {image} -> {gives[0]['dtype'].__name__} {scores}.",
                remedy=_REMEDY,
            )
        return image[1], scores[1]


def _read(path: str | PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(
            path, problem=f"cannot be read: {error.strerror}.", remedy=_REMEDY
        ) from error
