"""The photos of a split, as the loop takes them.

train = Photos(["data-00000.gz", "data-00001.gz"], count=51200)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.progressive_trainer.photo_files import PhotoFiles


@dataclass(frozen=True)
class Photos:
    """The files of a split and how many photos are in them.

    Attributes:
        files: TFRecord files (gzip) of transformed records.
        count: photos.
        of_leaves: int64 [N], photos of each leaf; needed of training photos for class weighting.
        located: where each training photo lies; None where they are held, or read in the order of
            the files.
    """

    files: Sequence[str]
    count: int
    of_leaves: np.ndarray | None = None
    located: PhotoFiles | None = None
