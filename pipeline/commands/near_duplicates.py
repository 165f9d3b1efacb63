"""`fieldmark near-duplicates`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from schemas.errors import ConfigError, FieldmarkError
from schemas.photo_store import SIZES

if TYPE_CHECKING:
    from pipeline.photo_hashes import Hashed
    from schemas.duplicate_pairs import Pair
    from schemas.near_duplicates import Found

EXCESS_EXIT_CODE = 1

CACHE_FOLDER = Path(".fieldmark") / "photo-hashes"
"""In the export: where hashes are kept."""

PAIRS_SHOWN = 20
PLAIN_INTERVAL_SECS = 15.0
LIVE_INTERVAL_SECS = 0.2


@click.command("near-duplicates", context_settings={"show_default": True})
@click.argument("export", type=click.Path(path_type=Path))
@click.option(
    "--max-distance",
    default=4,
    type=click.IntRange(0, 8),
    metavar="BITS",
    help="Photos whose hashes differ in at most so many of 64 bits are near-duplicates.",
)
@click.option(
    "--across/--all",
    default=True,
    help="Pair photos of different splits only, or those of one split, too.",
)
@click.option(
    "--jobs",
    default=None,
    type=click.IntRange(1, 256),
    help="Processes that read photos.  [default: one a core]",
    show_default=False,
)
@click.option(
    "--size", default="medium", type=click.Choice(SIZES), help="Size to read where several lie."
)
@click.option(
    "--out",
    default=None,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write the list.  [default: EXPORT/near_duplicates.csv]",
    show_default=False,
)
@click.option(
    "--max-share",
    default=None,
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="End with 1 if a larger share of val or test has a twin in train, 0..1.",
)
@click.option(
    "--cache",
    default=None,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where hashes are kept for the next time.  [default: EXPORT/.fieldmark/photo-hashes]",
    show_default=False,
)
def command(
    export: Path,
    max_distance: int,
    across: bool,
    jobs: int | None,
    size: str,
    out: Path | None,
    max_share: float | None,
    cache: Path | None,
) -> int:
    """List photos of EXPORT that stand twice, in two splits, the same or nearly the same.

    A held-out photo that train has, too, makes accuracy come out too high. Each photo on disk is
    read once; the second time only those that have changed are. A photo counts as having a twin
    if train has the very file, or a near-duplicate of its taxon; pairs of two taxa are listed
    only. Mirrored and cut-out copies are not found. See docs/near-duplicates.md.

    \b
    Examples:
      fieldmark near-duplicates vision-export-20250216070017
      fieldmark near-duplicates my-export --all --max-distance 2 --out pairs.csv
      fieldmark near-duplicates my-export --max-share 0.05
    """
    from pipeline.photo_hashes import hash_photos
    from schemas.duplicate_pairs import PAIRS_FILE, look_up, write_pairs
    from schemas.near_duplicates import find_near_duplicates
    from schemas.open_source import open_source
    from schemas.split_hashes import SplitHashes

    source = open_source(export)
    listed_in = out or source.directory / PAIRS_FILE
    if not os.access(listed_in.parent, os.W_OK):
        raise ConfigError(
            f"The list cannot be written into {str(listed_in.parent)!r}: the directory does not "
            "exist, or must not be written to. Name another place with --out FILE."
        )
    total = sum(1 for split in source.split_paths for _ in source.rows(split))
    hashed = hash_photos(
        source,
        cache or source.directory / CACHE_FOLDER,
        size=size,
        jobs=jobs or os.cpu_count() or 1,
        on_progress=progress(sys.stderr, total),
    )
    click.echo(hashing_summary(hashed))
    if not hashed.read + hashed.cached:
        raise FieldmarkError(
            f"No photo of {str(export)!r} is on disk. `fieldmark fetch-photos {export}` fetches "
            "them."
        )
    splits = [SplitHashes.read(split, files) for split, files in hashed.files.items()]
    found = find_near_duplicates(splits, max_distance=max_distance, within=not across)
    pairs = look_up(found.listed, splits)
    write_pairs(pairs, listed_in)
    click.echo(findings(found, pairs, listed_in))
    return verdict(found, max_share)


def hashing_summary(hashed: Hashed) -> str:
    """Returns what became of the photos, for a person."""
    lines = [f"{hashed.read:,} photos hashed, {hashed.cached:,} were hashed before"]
    if hashed.missing:
        lines.append(f"{hashed.missing:,} are not on disk and were left out")
    if hashed.unreadable:
        lines.append(f"{hashed.unreadable:,} cannot be read and were left out:")
        lines += [f"  {example}" for example in hashed.examples]
        more = hashed.unreadable - len(hashed.examples)
        lines += [f"  ... and {more:,} more"] if more else []
    return "\n".join(lines)


def findings(found: Found, pairs: list[Pair], listed_in: Path) -> str:
    """Returns the counts and the first pairs, for a person."""
    lines = [f"{split}: {counts}" for split, counts in found.counts.items()]
    part = "" if len(pairs) == found.num_pairs else f", of which {len(pairs):,} are listed"
    noun = "pair" if found.num_pairs == 1 else "pairs"
    lines.append(f"{found.num_pairs:,} {noun}{part}: {listed_in}")
    lines += [f"  {pair.line()}" for pair in pairs[:PAIRS_SHOWN]]
    more = found.num_pairs - min(len(pairs), PAIRS_SHOWN)
    return "\n".join([*lines, f"  ... and {more:,} more"] if more else lines)


def verdict(found: Found, max_share: float | None) -> int:
    """Returns the exit code, having said which splits are in excess."""
    if max_share is None:
        return 0
    bad = [split for split, counts in found.counts.items() if counts.share > max_share]
    if not bad:
        return 0
    click.echo(f"More than --max-share allows ({max_share:.2%}): {', '.join(bad)}.", err=True)
    return EXCESS_EXIT_CODE


def progress(
    stream: TextIO, total: int, clock: Callable[[], float] = time.monotonic
) -> Callable[[Hashed], None]:
    """Returns a function that shows the count, its rate and the time left.

    Args:
        stream: a terminal gets one live line, anything else a line now and then.
        total: photos of the export.
        clock: seconds.
    """
    from pipeline.display import Progress

    state = Progress("photos")
    live = stream.isatty()
    interval_secs = LIVE_INTERVAL_SECS if live else PLAIN_INTERVAL_SECS
    state.update({"unit": "photos", "total": total, "done": 0, "process": 0}, clock())
    shown_secs = clock()

    def show(hashed: Hashed) -> None:
        nonlocal shown_secs
        now = clock()
        event = {"unit": "photos", "total": total, "done": hashed.done, "process": 0}
        state.update(event, now)
        last = live and hashed.done == total
        if now - shown_secs >= interval_secs or last:
            shown_secs = now
            # \x1b[K wipes what a longer line left.
            text = f"\r{state.line()}\x1b[K" if live else f"{state.line()}\n"
            stream.write(text + ("\n" if last else ""))
            stream.flush()

    return show
