"""A small vision export, written by hand, and inspections without progress."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.inspect.inspect import inspect
from pipeline.inspect.inspection import Inspection
from pipeline.inspect.live_progress import LiveProgress

TAXONOMY = """\
parent_taxon_id,taxon_id,rank_level,leaf_class_id,iconic_class_id,spatial_class_id,name,\
iconic_taxon_id,rank
,1,70,,0,,Animalia,1,kingdom
1,2,20,,0,,Aus,1,genus
2,11,10,0,0,,Aus bus,1,species
2,12,10,1,0,,Aus cus,1,species
1,13,20,2,0,,Dus,1,genus
"""

HEADER = "photo_id,photo_url,observation_id,leaf_class_id,iconic_class_id,taxon_id,license,observer"

SPATIAL = """\
observation_id,latitude,longitude,observed_on
501,47.5,8.5,2021-05-01
502,47.5,8.5,2023-06-01
503,47.5,8.5,
509,47.5,8.5,1999-01-01
"""

# photo, observation, leaf, taxon, licence, observer
TRAIN = (
    (101, 501, 0, 11, "CC-BY", "ana"),
    (102, 501, 0, 11, "CC-BY", "ana"),
    (103, 502, 0, 11, "CC0", "ben"),
    (104, 503, 1, 12, "", "ben"),
)
VAL = ((105, 504, 0, 11, "CC-BY", "cora"),)
# Photo 103 of observation 502 is in train under another leaf.
TEST = ((103, 502, 1, 12, "CC0", "ben"), (106, 505, 1, 12, "CC-BY", "ana"))


def split_csv(rows: tuple[tuple[Any, ...], ...]) -> str:
    """Returns the text of a split file."""
    lines = [HEADER]
    for photo, observation, leaf, taxon, license, observer in rows:
        url = f"https://x/photos/{photo}/medium.jpg"
        lines.append(f"{photo},{url},{observation},{leaf},0,{taxon},{license},{observer}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The export, relative to the working directory, with three of its six photos on disk."""
    monkeypatch.chdir(tmp_path)
    directory = Path("export")
    directory.mkdir()
    (directory / "taxonomy.csv").write_text(TAXONOMY)
    for name, rows in (("train", TRAIN), ("val", VAL), ("test", TEST)):
        (directory / f"{name}_data.csv").write_text(split_csv(rows))
    (directory / "spatial_data.csv").write_text(SPATIAL)
    for photo in (101, 102, 104):
        (directory / "photos" / str(photo)).mkdir(parents=True)
        (directory / "photos" / str(photo) / "medium.jpg").write_bytes(b"a photo")
    return directory


@pytest.fixture
def inspected() -> Callable[..., Inspection]:
    """Inspects a path."""

    def call(path: Path, **options: Any) -> Inspection:
        return inspect(path, progress=LiveProgress(io.StringIO()), **options)

    return call
