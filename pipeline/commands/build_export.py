"""`fieldmark build-export`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from pipeline.build_export.settings import LICENSES, SelectionSettings
from schemas.errors import ConfigError
from schemas.settings import load_settings

if TYPE_CHECKING:
    from pipeline.build_export.database import OnProgress
    from pipeline.build_export.table_source import TableSource

_SECONDS_BETWEEN_LINES = 5.0  # in a log file


@click.command("build-export", context_settings={"show_default": True})
@click.option(
    "--open-data",
    type=click.Path(path_type=Path),
    metavar="DIR|TAR.GZ",
    help="iNaturalist's Open Data dump: its directory, or the archive of all tables.",
)
@click.option(
    "--observations",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Observations CSV of the site's export page.",
)
@click.option(
    "--darwin-core",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Darwin Core archive, zipped or unpacked.",
)
@click.option(
    "--taxa",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Table of taxa (Open Data's taxa.csv.gz) for --observations or --darwin-core.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Directory of the export.",
)
@click.option("--taxon", metavar="ID|NAME", help="Root of the export.  [default: every taxon]")
@click.option(
    "--quality",
    default="research",
    metavar="LIST",
    help="Quality grades taken, of research,needs_id,casual.",
)
@click.option(
    "--licenses",
    metavar="LIST",
    help=f"Photo licences taken, of {','.join(LICENSES)}.  [default: any]",
)
@click.option(
    "--place", metavar="S,W,N,E", help="Degrees of a box; W greater than E crosses the date line."
)
@click.option("--from", "observed_from", metavar="YYYY-MM-DD", help="Earliest observation taken.")
@click.option("--to", "observed_to", metavar="YYYY-MM-DD", help="Latest observation taken.")
@click.option(
    "--train-per-leaf",
    default="50:1000",
    metavar="MIN:MAX",
    help="Training photos of a leaf; a taxon with fewer rolls up to its parent.",
)
@click.option("--val-per-leaf", default="25:100", metavar="MIN:MAX", help="Validation photos.")
@click.option("--test-per-leaf", default="25:100", metavar="MIN:MAX", help="Test photos.")
@click.option("--photos-per-observation", default=5, help="Most training photos of one.")
@click.option(
    "--split-unit",
    default="observation",
    type=click.Choice(("observation", "observer")),
    help="What never stands in two splits.",
)
@click.option(
    "--exclude-taxa",
    metavar="IDS",
    help="Taxa left out with all below them, for example extinct ones.",
)
@click.option("--include-captive", is_flag=True, help="Take captive and cultivated organisms too.")
@click.option("--seed", default=0, help="Another seed draws other photos.")
@click.option(
    "--taxonomy-from",
    type=click.Path(path_type=Path),
    metavar="EXPORT",
    help="Take the leaves of another export as they are, and draw photos anew.",
)
@click.option(
    "--photos",
    "photos_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Photo store to link to.  [default: photos/ beside the tables]",
)
@click.option(
    "--work-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where temporary files go.  [default: beside --out]",
)
@click.option(
    "--memory-limit",
    default=600,
    type=click.IntRange(min=100),
    metavar="MB",
    help="What the database may hold in memory.",
)
@click.option("--threads", type=click.IntRange(min=1), help="[default: one a core]")
def command(
    open_data: Path | None,
    observations: Path | None,
    darwin_core: Path | None,
    taxa: Path | None,
    out: Path,
    taxonomy_from: Path | None,
    photos_dir: Path | None,
    work_dir: Path | None,
    memory_limit: int,
    threads: int | None,
    **selection: Any,
) -> None:
    """Select a vision export from a table of observations.

    Chooses leaves, photos and splits as iNaturalist's own exporter does: a taxon short of photos
    rolls up to its parent, an observation stands in one split only, and every leaf has photos in
    all splits. The same options give the same bytes. Tables are streamed, within --memory-limit;
    what does not fit goes to disk. Stopped at any moment, no half export is left behind.

    \b
    Examples:
      fieldmark build-export --open-data dump --taxon Coccinellidae --out ladybirds
      fieldmark build-export --open-data dump --taxon 3 --place 35,-11,60,30 --out birds
      fieldmark build-export --open-data dump --taxonomy-from ladybirds --seed 2 --out drawn-anew
    """
    from pipeline.build_export.build import build_export

    settings = read_settings(selection)
    source = open_source(open_data, observations, darwin_core, taxa, work_dir or out.parent)
    with progress(sys.stderr) as show:
        built = build_export(
            source,
            out,
            settings,
            taxonomy_from=taxonomy_from,
            photos_dir=photos_dir,
            memory_limit_mb=memory_limit,
            threads=threads,
            work_dir=work_dir,
            on_progress=show,
        )
    click.echo(built.words())
    if not built.has_photos:
        click.echo(f"Fetch its photos with: fieldmark fetch-photos {built.directory}")


def read_settings(options: dict[str, Any]) -> SelectionSettings:
    """Returns the settings that the options say.

    Args:
        options: as click gives them.

    Raises:
        ConfigError: naming the option.
    """
    box = options["place"]
    taxa = options["exclude_taxa"]
    values = {
        "taxon": options["taxon"],
        "quality_grades": _words(options["quality"]),
        "licenses": None if options["licenses"] is None else _words(options["licenses"]),
        "bounding_box": None
        if box is None
        else _numbers("--place", box, ",", "50.7,3.3,53.6,7.3", 4),
        "observed_from": options["observed_from"],
        "observed_to": options["observed_to"],
        "photos_per_observation": options["photos_per_observation"],
        "split_unit": options["split_unit"],
        "exclude_taxa": () if taxa is None else _numbers("--exclude-taxa", taxa, ",", "46017,4738"),
        "exclude_captive": not options["include_captive"],
        "seed": options["seed"],
    }
    for split in ("train", "val", "test"):
        key = f"{split}_per_leaf"
        values[key] = _numbers(f"--{split}-per-leaf", options[key], ":", "50:1000", 2)
    return load_settings(SelectionSettings, values, source="build-export")


def open_source(
    open_data: Path | None,
    observations: Path | None,
    darwin_core: Path | None,
    taxa: Path | None,
    work_dir: Path,
) -> TableSource:
    """Returns the one source that was given.

    Raises:
        ConfigError: if none or several were, or a table of taxa for the Open Data dump.
        DataError: if files are missing.
    """
    from pipeline.build_export.open_table import open_table

    given: dict[str, tuple[Path | None, Any]] = {
        "--open-data": (open_data, "open-data"),
        "--observations": (observations, "observations-csv"),
        "--darwin-core": (darwin_core, "darwin-core"),
    }
    chosen = [(path, format) for path, format in given.values() if path is not None]
    if len(chosen) != 1:
        received = ", ".join(name for name, (path, _) in given.items() if path is not None)
        raise ConfigError(
            f"Give exactly one source: {', '.join(given)}. Received: {received or 'none'}."
        )
    path, format = chosen[0]
    return open_table(path, format, taxa=taxa, work_dir=work_dir)


@contextmanager
def progress(stream: TextIO) -> Iterator[OnProgress]:
    """Gives what shows progress: a live line on a terminal, plain lines elsewhere."""
    from pipeline.build_export.progress_lines import Pace

    pace = Pace()
    if not stream.isatty():
        last: list[float | str] = ["", 0.0]

        def plain(what: str, share: float | None) -> None:
            line, now = pace.line(what, share), pace.seconds
            if what != last[0] or now - float(last[1]) >= _SECONDS_BETWEEN_LINES:
                last[:] = [what, now]
                print(line, file=stream, flush=True)

        yield plain
        return
    from rich.console import Console

    with Console(file=stream).status("starting") as status:
        show: Callable[[str, float | None], None] = lambda what, share: status.update(  # noqa: E731
            pace.line(what, share)
        )
        yield show


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _numbers(
    option: str, text: str, between: str, example: str, count: int | None = None
) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) if "." in part else int(part) for part in text.split(between))
        if count is not None and len(numbers) != count:
            raise ValueError(len(numbers))
    except ValueError as error:
        many = f"{count} numbers" if count not in (None, 2) else "numbers"
        raise ConfigError(
            f"{option} takes {many} parted by {between!r}, such as {example}. Received: {text!r}."
        ) from error
    return numbers
