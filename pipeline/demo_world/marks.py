"""Field marks: what a person with a lens would tell the species by.

A pattern lives on the unit disc of the folded wings: `u` runs along the body (+1 head, -1 tail),
`v` across it (0 the suture, +1 the right rim); the left wing is the mirror of the right one.

    spot_centers((2, 2, 1), scutellar=False)     # 5 spots on the right wing: a ten-spotted beetle
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

# sRGB 0..255, picked by eye from field guides. Genera share them on purpose: colour alone must
# not name a species.
ELYTRA_RGB: dict[str, tuple[int, int, int]] = {
    "red": (196, 34, 20),
    "orange": (228, 100, 18),
    "yellow": (238, 196, 44),
    "black": (26, 22, 22),
    "pink": (222, 116, 106),
    "tan": (192, 124, 58),
    "brick": (136, 46, 26),
}
SPOT_RGB: dict[str, tuple[int, int, int]] = {
    "black": (20, 15, 14),
    "cream": (246, 230, 190),
    "red": (206, 50, 24),
    "yellow": (240, 186, 50),
}

# Rows of spots stand between these places on the u axis; further to the front the pronotum
# would hide them, further to the back the dome turns away from the camera.
_FRONT_ROW_U, _BACK_ROW_U = 0.40, -0.64
_OUTERMOST_V = 0.70


class Shape(Enum):
    """The form of a spot."""

    ROUND = "round"
    COMMA = "comma"
    BAND = "band"
    RING = "ring"


class Pronotum(Enum):
    """The pattern on the shield between head and wings."""

    CORNERS = "corners"  # black, a pale patch in each front corner
    M_MARK = "m_mark"  # pale, a black M
    DOTS = "dots"  # pale, five black dots
    STRIPE = "stripe"  # black, pale edge and a pale line down the middle
    PLAIN = "plain"  # black all over
    DISC = "disc"  # pale, one large black field


class Suture(Enum):
    """The line where the two wings meet."""

    FINE = "fine"  # no more than the seam itself
    DARK = "dark"  # a broad line in the colour of the spots


@dataclass(frozen=True)
class FieldMarks:
    """Everything that tells one species of the demo world from another.

    Attributes:
        elytra: name of the ground colour of the wings, a key of `ELYTRA_RGB`.
        spots: name of the colour of the spots, a key of `SPOT_RGB`.
        rows: spots on one wing, row by row from the front.
        scutellar: whether one more spot sits across the suture, behind the pronotum.
        shape: form of the spots.
        pronotum: pattern of the pronotum.
        suture: line along the suture.
    """

    elytra: str
    spots: str
    rows: tuple[int, ...]
    scutellar: bool = False
    shape: Shape = Shape.ROUND
    pronotum: Pronotum = Pronotum.CORNERS
    suture: Suture = Suture.FINE

    @property
    def spot_count(self) -> int:
        """Spots on both wings together."""
        return 2 * sum(self.rows) + int(self.scutellar)


def spot_centers(rows: tuple[int, ...], scutellar: bool) -> NDArray[np.float64]:
    """Returns the right wing's spots, then the scutellar one: centres u v, float64 [S, 2]."""
    places_u = np.linspace(_FRONT_ROW_U, _BACK_ROW_U, len(rows)) if len(rows) > 1 else [-0.06]
    centers: list[tuple[float, float]] = []
    for number, (u, count) in enumerate(zip(places_u, rows, strict=True)):
        half_width = _OUTERMOST_V * float(np.sqrt(1.0 - u * u))
        # A lone spot stands left and right of the middle by turns, as on a real seven-spot.
        shift = (0.08 if number % 2 else -0.04) if count == 1 else 0.0
        for place in range(count):
            share = (place + 0.62) / (count + 0.24) + shift
            # Rows bow backwards at the rim, like the wing's own outline.
            centers.append((float(u) + 0.05 - 0.16 * share * share, half_width * share))
    if scutellar:
        centers.append((0.56, 0.0))
    return np.asarray(centers, dtype=np.float64).reshape(-1, 2)


def spot_radius(marks: FieldMarks) -> float:
    """Returns the usual radius of a spot on the unit disc: the more spots, the smaller."""
    crowd = max(0.85 * len(marks.rows), 1.3 * max(marks.rows, default=1))
    return float(np.clip(0.36 / crowd, 0.055, 0.17))
