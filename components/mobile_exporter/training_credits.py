"""What a model's photos come to, for its model card: how many, by whom, under which licences.

Counted from the photo index, a file in memory at a time.

    training_of(index_dir, credits="https://example.org/credits.csv", creators=None)
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from schemas.photo_index import read_index
from schemas.record import SPLITS
from serving.bundle_manifest import CREDITS_FILE, Training

TRAIN = SPLITS[0]
NO_LICENCE = "none"


def training_of(index_dir: Path, *, credits: str | None, creators: int | None) -> Training:
    """Returns what the train split of a photo index holds.

    Args:
        index_dir: of a PhotoIndex artifact.
        credits: where the credits of the photos are published, if they are.
        creators: how many the bundle's credits file names; None if it has none.
    """
    photos, observers, licences = 0, set[str](), Counter[str]()
    for table in read_index(index_dir, TRAIN, ["license", "observer"]):
        photos += len(table)
        observers.update(table["observer"].unique().drop_null().to_pylist())
        for pair in table["license"].value_counts().to_pylist():
            licences[pair["values"] or NO_LICENCE] += pair["counts"]
    known = any(code != NO_LICENCE for code in licences)
    return Training(
        photos=photos,
        observers=len(observers) or None,
        licences=dict(sorted(licences.items())) if known else None,
        credits=credits,
        creators=creators,
        creators_file=None if creators is None else CREDITS_FILE,
    )
