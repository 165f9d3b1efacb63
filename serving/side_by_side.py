"""Several copies of a phone's network, which answer the photos of a batch side by side.

Many photos are answered sooner by a thread each than one after the other by all threads: a layer of
a phone's network has too little to do for its threads to be worth their waiting for each other, and
where photos are decoded at the same time they wait long.

Law: the scores of a photo are those that one copy gives it, in the photos' order.

    network = SideBySide([TFLiteClassifier("model.tflite") for _ in range(4)])
    scores = network.scores(pixels)  # float32 [B, S, S, 3] -> float32 [B, N]
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from serving.network import Network

Floats = npt.NDArray[np.float32]


class SideBySide:
    """Answers as one copy does; not to be shared between threads.

    Args:
        copies: of one network, each used by one thread at a time.

    Attributes:
        image_size_px: S, side of the square that the network takes.
    """

    def __init__(self, copies: Sequence[Network]) -> None:
        self._copies = tuple(copies)
        self._pool = ThreadPoolExecutor(len(copies), thread_name_prefix="copy")
        self.image_size_px = copies[0].image_size_px

    def scores(self, pixels: Floats) -> Floats:
        """Returns float32 [B, N].

        Args:
            pixels: float32 [B, S, S, 3], RGB, 0..255; B is at least 1.
        """
        shares = np.array_split(pixels, min(len(pixels), len(self._copies)))
        answers = [
            self._pool.submit(copy.scores, share)
            for copy, share in zip(self._copies, shares, strict=False)
        ]
        return np.concatenate([answer.result() for answer in answers])
