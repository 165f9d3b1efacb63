"""Photo rows from a competition's images, streamed in file order.

    for row in photo_rows(json, index, leaf_taxon_ids, licenses, problems):      # PhotoRow
        ...

Images go by in batches: looking up thousands of ids in the index costs little more than one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from schemas.competition_index import NO_SLOT, AnnotationIndex
from schemas.competition_json import CompetitionJson
from schemas.competition_tables import column
from schemas.competition_values import as_object, optional_text, text, whole_number
from schemas.csv_rows import Problems
from schemas.photo_row import PhotoRow
from schemas.row_cells import RowFault

_IMAGES_AT_ONCE = 4096

_NO_IMAGE = -1


class _Image(NamedTuple):
    """What is read of an image, its id -1 if not even that could be; `fault` says what is wrong."""

    place: int
    image_id: int
    filename: str
    license: str | None
    rights_holder: str | None
    fault: RowFault | None = None


def photo_rows(
    json: CompetitionJson,
    index: AnnotationIndex,
    leaf_taxon_ids: Sequence[int],
    licenses: Mapping[int, str],
    problems: Problems,
) -> Iterator[PhotoRow]:
    """Yields a row for each sound image with an annotation.

    Args:
        json: the file.
        index: its annotations.
        leaf_taxon_ids: taxon id of each leaf class.
        licenses: code by licence id.
        problems: where to note images that are faulty, stand twice or have no annotation, and then
            annotations of images that are not there.

    Raises:
        DataError: if the JSON is broken.
    """
    image_of_slot = np.full(len(index), _NO_IMAGE, np.int32)
    images = _images(json, licenses)
    while batch := list(islice(images, _IMAGES_AT_ONCE)):
        slots = index.slots_of(np.array([image.image_id for image in batch], np.int64))
        for image, slot in zip(batch, slots.tolist(), strict=True):
            fault = image.fault or _fault_of(image, slot, image_of_slot)
            if slot != NO_SLOT and image_of_slot[slot] == _NO_IMAGE:
                image_of_slot[slot] = image.place
            if fault is not None:
                problems.add(image.place, column("images", fault.column), fault.problem)
                continue
            leaf = int(index.leaf_class_ids[slot])
            yield PhotoRow(
                row_number=image.place,
                photo_id=image.image_id,
                photo_url=None,
                filename=image.filename,
                observation_id=None,
                leaf_class_id=leaf,
                taxon_id=leaf_taxon_ids[leaf],
                obs_taxon_id=None,
                community=None,
                license=image.license,
                rights_holder=image.rights_holder,
            )
    for slot in np.flatnonzero(image_of_slot == _NO_IMAGE):
        problems.add(
            int(index.annotations[slot]),
            "annotations.image_id",
            f"{index.image_ids[slot]} is the id of no image.",
        )


def _fault_of(image: _Image, slot: int, image_of_slot: Any) -> RowFault | None:
    if slot == NO_SLOT:
        return RowFault("id", f"{image.image_id} has no annotation with a known category.")
    first = int(image_of_slot[slot])
    if first == _NO_IMAGE:
        return None
    return RowFault("id", f"{image.image_id} is the id of image {first} already.")


def _images(json: CompetitionJson, licenses: Mapping[int, str]) -> Iterator[_Image]:
    for place, item in enumerate(json.items("images")):
        image_id = _NO_IMAGE
        try:
            image = as_object(item)
            image_id = whole_number(image, "id")
            yield _Image(
                place,
                image_id,
                text(image, "file_name"),
                _license(image, licenses),
                optional_text(image, "rights_holder"),
            )
        except RowFault as fault:
            yield _Image(place, image_id, "", None, None, fault)


def _license(image: Mapping[str, Any], licenses: Mapping[int, str]) -> str | None:
    """Returns the code; "license 7" for one that the file does not explain."""
    if image.get("license") is None:
        return None
    number = whole_number(image, "license")
    return licenses.get(number, f"license {number}") or None
