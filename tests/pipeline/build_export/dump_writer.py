"""Writes small Open Data dumps for tests."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LIFE, ANIMALIA, FAMILY, ALPHA, BETA = 48460, 1, 10, 20, 30
ALPHA_ONE, ALPHA_TWO, ALPHA_ONE_MINOR = 21, 22, 23
BETA_ONE, BETA_TWO, HYBRID, INACTIVE = 31, 32, 33, 34

TAXA = (
    (LIFE, "", 100, "stateofmatter", "Life", True),
    (ANIMALIA, "48460", 70, "kingdom", "Animalia", True),
    (FAMILY, "48460/1", 30, "family", "Testidae", True),
    (ALPHA, "48460/1/10", 20, "genus", "Alpha", True),
    (ALPHA_ONE, "48460/1/10/20", 10, "species", 'Alpha "one", o\'Neil', True),
    (ALPHA_TWO, "48460/1/10/20", 10, "species", "Alpha two", True),
    (ALPHA_ONE_MINOR, "48460/1/10/20/21", 5, "subspecies", "Alpha one minor", True),
    (BETA, "48460/1/10", 20, "genus", "Beta", True),
    (BETA_ONE, "48460/1/10/30", 10, "species", "Beta una", True),
    (BETA_TWO, "48460/1/10/30", 10, "species", "Beta two", True),
    (HYBRID, "48460/1/10/30", 10, "hybrid", "Beta × una", True),
    (INACTIVE, "48460/1/10/20", 10, "species", "Alpha unus", False),
)


@dataclass(frozen=True)
class Observation:
    """A row of observations.csv and its photos."""

    taxon: int | str
    photos: tuple[int, ...]
    observer: int | str = 1
    grade: str = "research"
    place: tuple[object, object] = (50.5, 8)
    observed_on: str = "2021-06-30"
    license: str = "CC-BY"


def observations(*groups: tuple[int, int, int], observers: int = 7) -> list[Observation]:
    """Returns `count` observations of `taxon` with `photos` photos each, for each group."""
    made, photo = [], 1
    for taxon, count, photos in groups:
        for _ in range(count):
            ids = tuple(range(photo, photo + photos))
            made.append(Observation(taxon, ids, observer=1 + len(made) % observers))
            photo += photos
    return made


def uuid_of(number: int) -> str:
    """Returns the UUID of the observation of that place in the list."""
    return str(uuid.UUID(int=(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128))


def write_dump(
    directory: Path,
    rows: Iterable[Observation],
    taxa: Iterable[tuple[object, ...]] = TAXA,
    *,
    line_end: str = "\n",
    bom: bool = False,
    observers: bool = True,
) -> Path:
    """Writes the tables, and returns the directory."""
    rows = list(rows)
    tables: dict[str, list[tuple[object, ...]]] = {
        "taxa": [("taxon_id", "ancestry", "rank_level", "rank", "name", "active"), *taxa],
        "observations": [
            (
                *("observation_uuid", "observer_id", "latitude", "longitude"),
                *("positional_accuracy", "taxon_id", "quality_grade", "observed_on"),
            ),
            *(
                (uuid_of(n), o.observer, *o.place, 25, o.taxon, o.grade, o.observed_on)
                for n, o in enumerate(rows)
            ),
        ],
        "photos": [
            (
                *("photo_uuid", "photo_id", "observation_uuid", "observer_id", "extension"),
                *("license", "width", "height", "position"),
            ),
            *(
                (*("x", photo, uuid_of(n), o.observer, "jpg", o.license, 2048, 1536), position)
                for n, o in enumerate(rows)
                for position, photo in enumerate(o.photos)
            ),
        ],
    }
    if observers:
        people = sorted({str(o.observer) for o in rows if o.observer})
        tables["observers"] = [
            ("observer_id", "login", "name"),
            *((person, f"user_{person}", 'Ann "B", O\'N') for person in people),
        ]
    directory.mkdir(parents=True, exist_ok=True)
    for name, cells in tables.items():
        lines = [line_end.join("\t".join(map(_cell, row)) for row in cells), ""]
        text = ("\ufeff" if bom else "") + line_end.join(lines)
        (directory / f"{name}.csv").write_bytes(text.encode())
    return directory


def _cell(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
