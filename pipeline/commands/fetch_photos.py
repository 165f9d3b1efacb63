"""`fieldmark fetch-photos`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from schemas.errors import ConfigError, did_you_mean
from schemas.photo_store import PHOTOS_FOLDER, SIZES, Layout

if TYPE_CHECKING:
    from pipeline.fetch.fetch_export import Tally
    from schemas.vision_export import VisionExport

SOME_FAILED_EXIT_CODE = 1


@click.command("fetch-photos", context_settings={"show_default": True})
@click.argument("export", type=click.Path(path_type=Path))
@click.option("--size", default="medium", type=click.Choice(SIZES), help="Size to fetch.")
@click.option(
    "--rate",
    default=10.0,
    type=click.FloatRange(min=0, min_open=True),
    metavar="PHOTOS/S",
    help="Requests a second, of all jobs together. iNaturalist asks for at most 5 GB an hour.",
)
@click.option("--jobs", default=8, type=click.IntRange(1, 64), help="Requests in flight.")
@click.option(
    "--splits",
    default=None,
    metavar="LIST",
    help="Splits to fetch, for example train,val.  [default: all that the export has]",
    show_default=False,
)
@click.option(
    "--layout",
    default="id",
    type=click.Choice(("id", "sha256")),
    help="photos/<id>/<size>.<ext>, or the hashed folders of iNaturalist's own tools.",
)
@click.option(
    "--url-prefix",
    default=None,
    metavar="URL",
    help="Fetch from <URL>/<photo_id>/<size>.<ext>, for example a mirror.",
)
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Ask again for the photos in fetch_failures.csv.",
)
def command(
    export: Path,
    size: str,
    rate: float,
    jobs: int,
    splits: str | None,
    layout: Layout,
    url_prefix: str | None,
    retry_failed: bool,
) -> int:
    """Fetch the photos of EXPORT that are not on disk yet, into its folder `photos`.

    Keeps to one rate over all jobs, waits when the server asks for it, and tries again when it
    stumbles. Stopped at any moment, the same command goes on where it was. Photos that the
    server will never give (HTTP 403, 404, 410) are listed in EXPORT/fetch_failures.csv and not
    asked for again. Ends with 1 if some could not be fetched.

    \b
    Examples:
      fieldmark fetch-photos vision-export-20250216070017
      fieldmark fetch-photos vision-export-20250216070017 --size large --splits val,test
    """
    from pipeline.fetch.fetch_export import FetchPlan, fetch_export
    from pipeline.fetch.progress import count_rows, progress
    from schemas.vision_export import VisionExport

    opened = VisionExport.open(export)
    chosen = chosen_splits(opened, splits)
    check_urls(opened, chosen, url_prefix)
    plan = FetchPlan(opened, chosen, size, layout, url_prefix, retry_failed)
    total = count_rows(opened.split_paths[split] for split in chosen)
    with progress(sys.stderr, total=total) as show:
        tally = fetch_export(plan, requests_per_sec=rate, jobs=jobs, on_progress=show)
    click.echo(summary(tally, export))
    return SOME_FAILED_EXIT_CODE if tally.refused or tally.unreachable else 0


def chosen_splits(export: VisionExport, text: str | None) -> tuple[str, ...]:
    """Returns the splits named in "train,val"; all that the export has for None.

    Raises:
        ConfigError: if the export lacks one.
    """
    present = tuple(export.split_paths)
    if text is None:
        return present
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in present:
            raise ConfigError(
                f"--splits: the export has no such split. It has: {', '.join(present)}. "
                f"Received: {name!r}.{did_you_mean(name, present)}"
            )
    return names


def check_urls(export: VisionExport, splits: tuple[str, ...], url_prefix: str | None) -> None:
    """Raises:
    ConfigError: if nothing says where photos are published, as in exports of 2018-2021.
    """
    for split in splits:
        if url_prefix is None and "photo_url" not in export.headers[split]:
            raise ConfigError(
                f"{export.split_paths[split]} has no column photo_url, so where its photos are "
                "published is unknown. Give --url-prefix URL to fetch "
                "<URL>/<photo_id>/<size>.<ext>."
            )


def summary(tally: Tally, export: Path) -> str:
    """Returns what became of the photos, for a person."""
    from pipeline.fetch.failures import FAILURES_FILE

    lines = [
        f"{tally.fetched:,} photos fetched ({tally.fetched_bytes / 1e6:,.1f} MB), "
        f"{tally.on_disk:,} were there already: {export / PHOTOS_FOLDER}"
    ]
    if tally.refused:
        lines.append(
            f"{tally.refused:,} can never be fetched; {export / FAILURES_FILE} says why. "
            "The pipeline sets them aside."
        )
    if tally.unreachable:
        lines.append(
            f"{tally.unreachable:,} did not come in spite of several attempts. "
            "Give the same command again to ask for them."
        )
    return "\n".join([*lines, *(f"  {example}" for example in tally.examples)])
