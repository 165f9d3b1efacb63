"""Which leaf each image of a competition's file trains, held in arrays.

Annotations may stand before or after the images and in any order, so they are read first and kept,
16 bytes an image: sorted image ids, the leaf, and the annotation's place. While they are being
sorted it is 44 bytes an annotation: 120 MB for the 2.7 million images of 2021.

    index = AnnotationIndex.read(json, {7: 0, 9: 1})       # leaf class by category id
    index.slots_of(np.array([25, 26]))                     # int64 [2]: places in the index, or -1
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.competition_json import CompetitionJson
from schemas.competition_tables import column
from schemas.competition_values import as_object, shown, whole_number
from schemas.csv_rows import Problems
from schemas.errors import DataError
from schemas.row_cells import RowFault

NO_SLOT = -1

_NO_IMAGE = -1


@dataclass(frozen=True, eq=False)
class AnnotationIndex:
    """The images that annotations speak of, K of them.

    Attributes:
        image_ids: int64 [K], ascending, unique.
        leaf_class_ids: int32 [K].
        annotations: int32 [K], place in the array of the annotation that says so, from 0.
        problems: faults of the annotations.
    """

    image_ids: npt.NDArray[np.int64]
    leaf_class_ids: npt.NDArray[np.int32]
    annotations: npt.NDArray[np.int32]
    problems: Problems

    @classmethod
    def read(cls, json: CompetitionJson, leaf_of_category: Mapping[int, int]) -> AnnotationIndex:
        """Reads all annotations of a file. Several of one image are one, if their categories agree.

        Args:
            json: the file.
            leaf_of_category: leaf class by category id.

        Raises:
            DataError: if it has no annotations, or its JSON is broken. Faulty annotations are
                noted in `problems` and left out.
        """
        if "annotations" not in json.starts:
            raise DataError(
                json.path,
                problem="has no annotations, as the competition's test files.",
                remedy="Give a train JSON, with its val JSON beside it.",
            )
        problems = Problems(json.path)
        images, leaves = array("q"), array("i")
        for place, item in enumerate(json.items("annotations")):
            try:
                image_id, leaf = _annotation(item, leaf_of_category)
            except RowFault as fault:
                problems.add(place, column("annotations", fault.column), fault.problem)
                image_id = leaf = _NO_IMAGE
            images.append(image_id)
            leaves.append(leaf)
        return _sorted(images, leaves, problems)

    def __len__(self) -> int:
        return len(self.image_ids)

    def slots_of(self, image_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Returns int64 of the same shape: each image's place in the index, -1 if it has none."""
        if not len(self):
            return np.full(image_ids.shape, NO_SLOT, np.int64)
        slots = np.minimum(np.searchsorted(self.image_ids, image_ids), len(self) - 1)
        return np.where(self.image_ids[slots] == image_ids, slots, NO_SLOT)


def _annotation(item: object, leaf_of_category: Mapping[int, int]) -> tuple[int, int]:
    annotation = as_object(item)
    image_id = whole_number(annotation, "image_id")
    category_id = whole_number(annotation, "category_id")
    leaf = leaf_of_category.get(category_id)
    if leaf is None:
        raise RowFault("category_id", f"is none of the categories. Received: {shown(category_id)}.")
    return image_id, leaf


def _sorted(images: array[int], leaves: array[int], problems: Problems) -> AnnotationIndex:
    unsorted_ids, unsorted_leaves = np.frombuffer(images, np.int64), np.frombuffer(leaves, np.int32)
    order = np.argsort(unsorted_ids, kind="stable").astype(np.int32)
    order = order[int((unsorted_ids == _NO_IMAGE).sum()) :]
    ids, classes = unsorted_ids[order], unsorted_leaves[order]
    is_first = np.ones(len(ids), bool)
    is_first[1:] = ids[1:] != ids[:-1]
    first = np.maximum.accumulate(np.where(is_first, np.arange(len(ids)), 0))
    for place in np.flatnonzero(classes != classes[first]):
        problems.add(
            int(order[place]),
            "annotations.category_id",
            f"is another than annotation {order[first[place]]} has for the same image, "
            f"{ids[place]}.",
        )
    return AnnotationIndex(ids[is_first], classes[is_first], order[is_first], problems)
