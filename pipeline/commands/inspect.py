"""`fieldmark inspect`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO, get_args

import click

from schemas.source import Format

if TYPE_CHECKING:
    from pipeline.inspect.inspection import Inspection

FAULTS_EXIT_CODE = 1

_STYLES = {"title": "bold", "heading": "bold", "plain": "", "note": "yellow", "fault": "red"}
_MAX_WIDTH = 120


@click.command("inspect", context_settings={"show_default": True})
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option(
    "--format",
    default="auto",
    type=click.Choice(("auto", *get_args(Format))),
    help="What PATH is, where looking does not tell.",
)
@click.option(
    "--all-photos",
    is_flag=True,
    help="Look for every photo on disk, and not for a sample of 2,000.",
)
@click.option(
    "--work-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where tables of observations are unpacked and sorted.  [default: a temporary directory]",
)
def command(
    path: Path,
    as_json: bool,
    format: Format | Literal["auto"],
    all_photos: bool,
    work_dir: Path | None,
) -> int:
    """Say what PATH is, what is in it, and what is wrong with it.

    PATH is a vision export, a competition set, iNaturalist's Open Data dump, an observations CSV
    or a Darwin Core archive. Nothing is changed. Faults do not end the reading: they are shown
    together, and the command ends with 1 if there are any, since a run would refuse them. Notes
    and leaks leave it at 0.

    \b
    Examples:
      fieldmark inspect vision-export-20250216070017
      fieldmark inspect inaturalist-open-data --json > figures.json
    """
    from pipeline.inspect.inspect import inspect
    from pipeline.inspect.inspection import to_json
    from pipeline.inspect.live_progress import live_progress
    from pipeline.inspect.photo_sample import SAMPLE_SIZE

    with live_progress(sys.stderr) as live:
        found = inspect(
            path,
            format=format,
            sample_size=None if all_photos else SAMPLE_SIZE,
            work_dir=work_dir,
            progress=live,
        )
    if as_json:
        click.echo(to_json(found))
    else:
        show(found, sys.stdout)
    return FAULTS_EXIT_CODE if found.faults else 0


def show(inspection: Inspection, stream: TextIO) -> None:
    """Prints the report: coloured and as wide as the terminal, or plain and 80 wide."""
    from rich.console import Console
    from rich.text import Text

    from pipeline.inspect.text import MIN_WIDTH, lines

    encoding = stream.encoding or "ascii"
    blocks = encoding.lower().replace("-", "") == "utf8"
    if not stream.isatty():
        for line in lines(inspection, MIN_WIDTH, blocks=blocks):
            click.echo(line.text.encode(encoding, "replace").decode(encoding), file=stream)
        return
    console = Console(file=stream, highlight=False, soft_wrap=True)
    for line in lines(inspection, min(console.width, _MAX_WIDTH), blocks=blocks):
        console.print(Text(line.text, style=_STYLES[line.style]))
