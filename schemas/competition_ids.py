"""No image id stands for one photo in train and for another in val.

Rows, places and credits are matched by image id over all splits. The same photo in both is a leak,
which the pipeline sets aside by itself; two photos under one id could not be told apart, so they
are refused.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.competition_index import AnnotationIndex
from schemas.competition_json import CompetitionJson
from schemas.errors import DataError

_IDS_SHOWN = 5


def check_image_ids(
    train: CompetitionJson,
    train_index: AnnotationIndex,
    val: CompetitionJson,
    val_index: AnnotationIndex,
) -> None:
    """Reads images only if ids do stand in both files, and keeps 8 bytes for each of those.

    Raises:
        DataError: naming the first ids under which two files have different photos.
    """
    shared = np.intersect1d(train_index.image_ids, val_index.image_ids, assume_unique=True)
    if not len(shared):
        return
    different = shared[_name_hashes(train, shared) != _name_hashes(val, shared)]
    if not len(different):
        return
    ids = ", ".join(str(number) for number in different[:_IDS_SHOWN])
    more = len(different) - _IDS_SHOWN
    raise DataError(
        val.path,
        column="images.id",
        problem=f"{ids}{f' and {more:,} more' if more > 0 else ''} stand in {train.path.name} too, "
        "for photos with another file_name.",
        remedy="Number the images anew, for example with: "
        "jq -c '.images[].id += 1000000000 | .annotations[].image_id += 1000000000'.",
    )


def _name_hashes(json: CompetitionJson, image_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Returns int64 [K]: a hash of each image's file_name, comparable within this process."""
    hashes = np.zeros(len(image_ids), np.int64)
    place_of = {int(image_id): place for place, image_id in enumerate(image_ids)}
    for image in json.items("images"):
        if isinstance(image, dict) and (place := place_of.get(_key(image.get("id")))) is not None:
            hashes[place] = hash(str(image.get("file_name")))
    return hashes


def _key(image_id: object) -> int:
    return int(image_id) if isinstance(image_id, (int, float)) else -1
