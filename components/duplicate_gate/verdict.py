"""Whether too many held-out photos stand in train, too.

message = excess(found.counts, pairs, max_share=0.05, num_pairs=found.num_pairs, ...)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from schemas.duplicate_pairs import KINDS, OTHER_TAXON, Pair
from schemas.near_duplicates import TRAIN, SplitCounts

PAIRS_SHOWN = 20


def summary(counts: Mapping[str, SplitCounts]) -> str:
    """Returns the counts of all splits in a line."""
    return "near-duplicates: " + "; ".join(f"{split} {count}" for split, count in counts.items())


def splits_in_excess(counts: Mapping[str, SplitCounts], max_share: float) -> list[str]:
    """Returns the held-out splits of which a larger share than `max_share` has twins in train."""
    return [split for split, count in counts.items() if count.share > max_share]


def describe_excess(
    counts: Mapping[str, SplitCounts],
    pairs: Sequence[Pair],
    *,
    max_distance: int,
    max_share: float,
    listed_in: Path,
) -> str:
    """Returns what is wrong, what was allowed, the first pairs, and what to do.

    Args:
        counts: by held-out split; at least one is in excess.
        pairs: as listed.
        max_distance: bits that near-duplicates may differ in.
        max_share: largest share allowed, 0..1.
        listed_in: where the whole list lies.
    """
    bad = splits_in_excess(counts, max_share)
    lines = [f"{split}: {counts[split]}" for split in bad]
    # Only those that counted; the file has the others, too.
    guilty = [
        pair.line()
        for pair in pairs
        if pair.split_a in bad and pair.split_b == TRAIN and pair.kind != KINDS[OTHER_TAXON]
    ]
    shown = guilty[:PAIRS_SHOWN]
    more = len(guilty) - len(shown)
    rest = [f"... and {more:,} more."] if more else []
    return (
        "Too many held-out photos stand in train, too, the same or nearly so (at most "
        f"{max_distance} of 64 bits differ):\n  "
        + "\n  ".join(lines)
        + f"\nduplicates.max_share allows {max_share:.2%}. What a network has trained on it need "
        "not recognise, so its accuracy would come out too high. The pairs:\n  "
        + "\n  ".join([*shown, *rest])
        + f"\nThe whole list: {listed_in}. Delete the rows of its photos (photo_id_a) from the "
        "files of those splits, or set duplicates.max_share to allow more, or "
        "duplicates.on_excess to warn."
    )
