"""One photo of the demo world, from its plan to the bytes of its file.

1. draw the lot: the meeting (seed, observation), the shot (seed, photo),
2. paint the ground, then the beetle over it, then what stands before both,
3. blur and expose at the working size,
4. enlarge or shrink to the photo's size, add the grain there, encode.

The working size is bounded: larger photos are enlarged from it, as soft as most large photos are.

    data = paint_photo(seed=0, subject=subject, photo_id=810000001, size_px=(300, 2000))
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.demo_world.background import paint_background
from pipeline.demo_world.beetle import Layer, paint_beetle
from pipeline.demo_world.camera import develop, lens
from pipeline.demo_world.geometry import view_of
from pipeline.demo_world.jpeg import encode
from pipeline.demo_world.light import light_of
from pipeline.demo_world.marks import FieldMarks
from pipeline.demo_world.occluders import add_occluders
from pipeline.demo_world.pixels import scaled
from pipeline.demo_world.scene import Meeting, Shot, draw_meeting, draw_shot

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
# Long edge while painting: enough for a beetle of 300 px; small photos are painted larger so
# that fine marks survive the way down as they do in a camera.
_WORKING_LONG_PX = (256, 720)


@dataclass(frozen=True)
class Subject:
    """Who is in the photo.

    Attributes:
        observation_id: the observation, which seeds individual and place.
        marks: field marks of the species.
        breadth: of the body, against the usual.
    """

    observation_id: int
    marks: FieldMarks
    breadth: float


def _lay_over(picture: F32, layer: Layer, dapple: F32 | None) -> None:
    """Lays the beetle over the picture, in place."""
    height, width = layer.alpha.shape
    box = (slice(layer.top, layer.top + height), slice(layer.left, layer.left + width))
    hidden = (255 - layer.alpha) * np.float32(1 / 255)
    over = layer.rgb if dapple is None else scaled(layer.rgb, dapple[box])
    picture[box] = cv2.add(scaled(picture[box], hidden), over, dtype=cv2.CV_32F)


def _working_size(shot: Shot) -> tuple[int, int]:
    long_px = max(shot.width_px, shot.height_px)
    factor = min(max(long_px, _WORKING_LONG_PX[0]), _WORKING_LONG_PX[1]) / long_px
    return max(16, round(shot.width_px * factor)), max(16, round(shot.height_px * factor))


def paint_upright(subject: Subject, meeting: Meeting, shot: Shot) -> U8:
    """Returns the photo as a viewer shows it: uint8 [h, w, 3] RGB."""
    rng = np.random.Generator(np.random.PCG64(shot.seed))
    width, height = _working_size(shot)
    view = view_of(meeting, shot, width, height)
    light = light_of(meeting, view)
    picture, dapple = paint_background(meeting, shot, view, light, (height, width), subject.breadth)
    if dapple is not None:
        picture = scaled(picture, dapple)
    step = float(rng.uniform(0, 6.3))
    beetle = paint_beetle(
        subject.marks, subject.breadth, meeting, view, light, (width, height), step
    )
    if beetle is not None:
        _lay_over(picture, beetle, dapple)
    add_occluders(picture, shot, rng, light.ambient + light.direct)
    seen = lens(picture, shot)
    if (width, height) != (shot.width_px, shot.height_px):
        smaller = shot.width_px < width
        how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        seen = cv2.resize(seen, (shot.width_px, shot.height_px), interpolation=how)
    return develop(np.asarray(seen, dtype=np.uint8), shot, rng)


def paint_photo(*, seed: int, subject: Subject, photo_id: int, size_px: tuple[int, int]) -> bytes:
    """Returns the JPEG file of a photo; the same arguments give the same bytes.

    Args:
        seed: of the world.
        size_px: least and greatest long edge.
    """
    meeting = draw_meeting(seed, subject.observation_id)
    shot = draw_shot(seed, photo_id, size_px, meeting)
    return encode(paint_upright(subject, meeting, shot), shot.jpeg_quality, shot.orientation)
