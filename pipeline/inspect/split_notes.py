"""What an export with splits lacks, and the way out, in sentences.

Law: a note never makes a run fail by itself; what does is a fault.

    split_notes(export, tally, photos, known, places, on_disk, leaks)      # tuple of str
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.inspect.inspection import Leak, PhotosOnDisk, Places
from pipeline.inspect.known_taxa import KnownTaxa
from schemas.source import Format

MIN_TRAIN_PHOTOS = 50
"""iNaturalist's exporter makes no leaf of a taxon with fewer."""

NAMES_SHOWN = 3


@dataclass(frozen=True, eq=False)
class SplitFacts:
    """What notes are made from.

    Attributes:
        path: what the user gave.
        format: vision or competition.
        splits: their names.
        photos: int64 [N, S], of each leaf in each split.
        known: the tree; None if there is none.
        places: None if there are none.
        on_disk: None if there are no rows.
        has_licenses: whether any row has a licence.
        has_urls: whether any row says where its photo is published.
        leaks: those found.
    """

    path: str
    format: Format
    splits: Sequence[str]
    photos: npt.NDArray[np.int64]
    known: KnownTaxa | None
    places: Places | None
    on_disk: PhotosOnDisk | None
    has_licenses: bool
    has_urls: bool
    leaks: Sequence[Leak]


def split_notes(facts: SplitFacts) -> tuple[str, ...]:
    """Returns the notes, the weightiest first."""
    return (
        *_on_disk_notes(facts),
        *_leaf_notes(facts),
        *_leak_notes(facts),
        *_split_notes(facts),
        *_column_notes(facts),
    )


def _on_disk_notes(facts: SplitFacts) -> Iterator[str]:
    disk = facts.on_disk
    if disk is None or disk.found == disk.looked_at:
        return
    share = 1 - disk.found / disk.looked_at
    of = f"a sample of {disk.looked_at:,}" if disk.is_sample else f"{disk.photos:,}"
    yield (
        f"{disk.looked_at - disk.found:,} of {of} photos are not on disk ({share:.1%}). "
        f"{_way_to_photos(facts)}"
    )


def _way_to_photos(facts: SplitFacts) -> str:
    if facts.format == "competition":
        return "Unpack the competition's archives of photos beside its JSON files."
    if facts.has_urls:
        return f"Fetch them with `fieldmark fetch-photos {facts.path}`."
    return (
        "The split files do not say where they are published. Put them into "
        f"{facts.path}/photos, or fetch them with "
        f"`fieldmark fetch-photos {facts.path} --url-prefix URL`."
    )


def _leaf_notes(facts: SplitFacts) -> Iterator[str]:
    if facts.known is None or not facts.photos.sum():
        return
    leaves = np.array(sorted(facts.known.leaves), np.int64)
    leaves = leaves[leaves < len(facts.photos)]
    photos = dict(zip(facts.splits, facts.photos[leaves].T, strict=True))
    total = facts.photos[leaves].sum(axis=1)
    if count := int((total == 0).sum()):
        yield (
            f"{_leaves(count)} no photo in any split: {_names(facts, leaves[total == 0])}. "
            "A model has a class for each all the same; export it again without them."
        )
    if "train" in photos:
        few = (photos["train"] < MIN_TRAIN_PHOTOS) & (total > 0)
        if count := int(few.sum()):
            order = np.argsort(photos["train"][few], kind="stable")
            yield (
                f"{_leaves(count)} fewer than {MIN_TRAIN_PHOTOS} train photos: "
                f"{_names(facts, leaves[few][order], photos['train'][few][order])}. That is less "
                "than iNaturalist's exporter takes; let them roll up to their parent, or add "
                "photos."
            )
    for split in ("val", "test"):
        if split in photos and photos[split].any():
            absent = (photos[split] == 0) & (total > 0)
            if count := int(absent.sum()):
                yield (
                    f"{_leaves(count)} no {split} photo: {_names(facts, leaves[absent])}. Nothing "
                    f"tells how good the model is on them; export again with more {split} photos."
                )


def _leak_notes(facts: SplitFacts) -> Iterator[str]:
    if facts.leaks:
        yield (
            "Leaks do not stop a run: it keeps one copy, the farthest from training (test over val "
            "over train), and lists the others in set_aside.csv."
        )


def _split_notes(facts: SplitFacts) -> Iterator[str]:
    if "test" not in facts.splits and facts.format == "vision":
        yield (
            "There is no test split: only val tells how good a model is. Export again with "
            "test_data.csv to judge the final model on photos that no choice was made by."
        )
    empty = [split for place, split in enumerate(facts.splits) if not facts.photos[:, place].any()]
    if empty:
        yield f"No sound row in {', '.join(empty)}. Export again with photos in each split."


def _column_notes(facts: SplitFacts) -> Iterator[str]:
    if facts.places is None or not facts.places.known:
        yield (
            "No place is known. Training needs none; to see where and when the photos were taken, "
            "export with spatial_data.csv."
            if facts.format == "vision"
            else "No place is known. Training needs none; the sets of 2021 have them."
        )
    if not facts.has_licenses:
        yield (
            "No licence is known, so nobody can be credited. `fieldmark build-export` writes "
            "licence, rights holder and observer of each photo."
            if facts.format == "vision"
            else "No licence is known, so nobody can be credited."
        )


def _leaves(count: int) -> str:
    return "1 leaf has" if count == 1 else f"{count:,} leaves have"


def _names(
    facts: SplitFacts, leaves: npt.NDArray[np.int64], counts: npt.NDArray[np.int64] | None = None
) -> str:
    assert facts.known is not None
    words = [facts.known.leaf(int(leaf))[1] for leaf in leaves[:NAMES_SHOWN]]
    if counts is not None:
        words = [f"{word} {count:,}" for word, count in zip(words, counts, strict=False)]
    more = len(leaves) - len(words)
    return ", ".join(words) + (f" and {more:,} more" if more else "")
