"""Which photo is asked about: by its id, by its observation, or by a file of it.

A question is a condition on the rows of a photo index. A file is the same photo if its bytes are;
if they are not, it looks like photos whose perceptual hash lies a few bits away.

    photo_id(25).condition        # 'photo_id = $photo_id'
    photo_file(Path("owl.jpg"))
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from schemas.errors import ConfigError, DataError
from schemas.photo_hash import has_detail, perceptual_hash

MAX_DISTANCE = 4
"""Bits: scaling or another JPEG quality moves a hash by a few, another photo lies about 32 away."""

_LARGEST_ID = 2**63 - 1
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SAME_BYTES, _NEAR = "sha256 = $sha256", "bit_count(xor(phash, $phash::UBIGINT))"


@dataclass(frozen=True)
class Question:
    """A photo, or the photos of an observation, as a condition.

    Attributes:
        kind: what it was given by.
        value: the id, UUID or path.
        condition: SQL over the columns of `schemas.photo_index`.
        distance: SQL for the bits between hashes; NULL for the very photo.
        parameters: of both.
    """

    kind: Literal["photo_id", "observation", "file"]
    value: str
    condition: str
    distance: str
    parameters: Mapping[str, int | str]

    @property
    def words(self) -> str:
        """The photo for people, as in "photo 25"."""
        return {"photo_id": "photo", "observation": "observation", "file": "the photo"}[
            self.kind
        ] + f" {self.value}"


def photo_id(number: int) -> Question:
    """Returns the question for a photo of iNaturalist.

    Raises:
        ConfigError: if it cannot be an id.
    """
    _check_id("--photo-id", number)
    return Question("photo_id", str(number), "photo_id = $id", "NULL", {"id": number})


def observation(text: str) -> Question:
    """Returns the question for the photos of an observation.

    Args:
        text: its number or its UUID.

    Raises:
        ConfigError: if it is neither.
    """
    uuid = text.strip().lower()
    if _UUID.fullmatch(uuid):
        return Question("observation", uuid, "observation_uuid = $uuid", "NULL", {"uuid": uuid})
    if not re.fullmatch(r"[0-9]+", uuid):
        raise ConfigError(
            "--observation-id: expected the number or the UUID that ends the observation's "
            f"address. Received: {text!r}."
        )
    number = int(uuid)
    _check_id("--observation-id", number)
    condition = f"observation_id = $id AND {KNOWS_OBSERVATION}"
    return Question("observation", str(number), condition, "NULL", {"id": number})


KNOWS_OBSERVATION = "(observation_uuid IS NOT NULL OR observation_id <> photo_id)"
"""An export without observations gives each photo its own id for one."""


def photo_file(path: Path) -> Question:
    """Returns the question for a file, as it lies on disk or re-encoded since.

    Raises:
        DataError: if it is not there, or no whole photo.
    """
    data = _read(path)
    sha256 = hashlib.sha256(data).hexdigest()
    phash = perceptual_hash(_upright(path, data))
    if not has_detail(np.array([phash], np.uint64))[0]:
        # One colour, a gradient: every such picture would look like it.
        return Question("file", str(path), _SAME_BYTES, "NULL", {"sha256": sha256})
    return Question(
        "file",
        str(path),
        f"({_SAME_BYTES} OR {_NEAR} <= {MAX_DISTANCE})",
        f"CASE WHEN {_SAME_BYTES} THEN NULL ELSE {_NEAR} END",
        {"sha256": sha256, "phash": phash},
    )


def _check_id(option: str, number: int) -> None:
    if not 1 <= number <= _LARGEST_ID:
        raise ConfigError(
            f"{option}: ids are whole numbers from 1 to {_LARGEST_ID}. Received: {number}."
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            path,
            problem=f"cannot be read: {error.strerror}.",
            remedy="Check the path and its permissions, or ask by --photo-id.",
        ) from error


def _upright(path: Path, data: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    # What Pillow's decoders raise.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            path,
            problem="is not a whole photo, so nothing can look like it.",
            remedy="Give a JPEG, PNG or GIF file, or ask by --photo-id.",
        ) from error
