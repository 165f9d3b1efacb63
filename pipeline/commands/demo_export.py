"""`fieldmark demo-export`: draws an iNaturalist vision export of painted ladybirds.

fieldmark demo-export demo --species 24 --photos 2400 --seed 0
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.demo_world.export import DemoExport

_SECONDS_BETWEEN_LINES = 5.0  # in a log file


def parse_size(text: str) -> tuple[int, int]:
    """Returns (least, greatest) long edge in px of "300-2000", or of "500" for both.

    Raises:
        ConfigError: if the text is neither.
    """
    match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", text)
    if match is None:
        raise ConfigError(
            f"size must be two numbers of px like 300-2000, or one like 500. Received: {text!r}."
        )
    return int(match[1]), int(match[2] or match[1])


def progress_line(done: int, total: int, begun_with: int, seconds: float) -> str:
    """Returns a line of the log: photos, share, photos a second and seconds left."""
    drawn = done - begun_with
    line = f"{done}/{total} photos ({done / total:.0%})"
    if drawn <= 0 or seconds <= 0:
        return line
    rate = drawn / seconds
    return f"{line}, {rate:.1f} photos/s, {(total - done) / rate:.0f} s left"


class _Lines:
    """Progress as plain lines, for a log."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = self._last = clock()
        self._begun_with: int | None = None

    def __call__(self, done: int, total: int) -> None:
        now = self._clock()
        if self._begun_with is None:
            self._begun_with, self._begun = done, now
        elif done < total and now - self._last < _SECONDS_BETWEEN_LINES:
            return
        self._last = now
        click.echo(progress_line(done, total, self._begun_with, now - self._begun), err=True)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Gives a bar on a terminal, plain lines elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("painting"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("painting", total=None, rate="")
        begun: list[float] = []

        def show(done: int, total: int) -> None:
            if not begun:
                begun.extend((time.monotonic(), done))
            seconds, drawn = time.monotonic() - begun[0], done - begun[1]
            rate = f"{drawn / seconds:.1f} photos/s" if drawn and seconds else ""
            bar.update(task, total=total, completed=done, rate=rate)

        yield show


def _size_on_disk(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def summary(export: DemoExport, seconds: float, size_bytes: int) -> str:
    """Returns what was drawn, for a person."""
    what = (
        f"{export.species} species, {export.photos} photos of {export.observations} observations "
        f"(train {export.train_photos}, val {export.val_photos}, test {export.test_photos}), "
        f"{size_bytes / 1e6:.1f} MB"
    )
    if export.already_complete:
        return f"Already drawn with these settings, nothing to do: {export.directory}\n{what}"
    rate = export.drawn_photos / seconds if seconds > 0 else 0.0
    kept = export.photos - export.drawn_photos
    kept_text = f" ({kept} were there already)" if kept else ""
    return (
        f"{what}\nDrew {export.drawn_photos} photos{kept_text} in {seconds:.1f} s, "
        f"{rate:.1f} photos/s: {export.directory}"
    )


@click.command("demo-export", context_settings={"show_default": True})
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--species", default=24, help="Species (leaves of the taxonomy), 6 to 145.")
@click.option("--photos", default=2400, help="Photos in all splits, at least 7 a species.")
@click.option("--seed", default=0, help="Another seed is another world.")
@click.option(
    "--size",
    "size_text",
    default="300-2000",
    metavar="PX-PX",
    help="Least and greatest long edge of a photo; most have 450 to 800 px if that allows.",
)
@click.option(
    "--jobs", type=int, default=None, help="Processes.  [default: one a core]", show_default=False
)
def command(
    directory: Path, species: int, photos: int, seed: int, size_text: str, jobs: int | None
) -> None:
    """Draw an iNaturalist vision export of painted ladybirds into DIRECTORY.

    A world to try Fieldmark in, without a download: species of ladybirds that differ by the
    number, order and form of their spots, painted as field photos (light, blur, grass in front,
    EXIF rotation) and laid out exactly as iNaturalist lays out its vision export, taxonomy and
    splits included.

    The same options give the same bytes, whatever --jobs is. If the command is interrupted,
    repeat it and it goes on; if the export is complete, it says so and does nothing. A
    directory that holds anything else is left alone.

    \b
    Examples:
      fieldmark demo-export demo
      fieldmark demo-export tiny --species 6 --photos 120 --size 96-160
      fieldmark demo-export large --species 120 --photos 20000 --seed 7
    """
    from pipeline.demo_world.export import draw_export

    begun = time.monotonic()
    with _progress() as on_progress:
        export = draw_export(
            directory,
            species=species,
            photos=photos,
            seed=seed,
            size_px=parse_size(size_text),
            jobs=jobs,
            on_progress=on_progress,
        )
    seconds = time.monotonic() - begun
    click.echo(summary(export, seconds, _size_on_disk(directory)))
