"""`fieldmark attribution`: whom a model's photos are to be credited to.

fieldmark attribution ladybirds --out credits.html
fieldmark attribution runs/ladybirds/pushed/mobile/1700000000 > credits.csv
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from schemas.errors import DataError

if TYPE_CHECKING:
    from pipeline.lineage.chosen_model import Chosen
    from pipeline.lineage.credit import Totals
    from pipeline.lineage.credit_page import Markup
    from pipeline.lineage.credit_reader import CreditReader

FORMATS = ("csv", "md", "html")


@click.command("attribution")
@click.argument("run")
@click.option(
    "--version",
    metavar="V",
    help="A pushed version of the run.  [default: the newest; if none was pushed, the newest "
    "trained model]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write.  [default: standard output]",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="csv: a row a photo, by taxon; md, html: pages by creator.  [default: as FILE ends, or "
    "csv]",
)
@click.option(
    "--splits",
    default="train",
    show_default=True,
    metavar="LIST",
    help="Splits to list, for example train,val. Only train changes a model's weights.",
)
@click.option(
    "--runs",
    default=Path("runs"),
    show_default=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The directory of runs, where RUN is a name.",
)
def command(
    run: str, version: str | None, out: Path | None, format_: str | None, splits: str, runs: Path
) -> None:
    """List the credits of the photos that a model of RUN was trained on.

    RUN is a run's directory, a pushed version, or the name of a run. Which model was taken, the
    licences and what they forbid come on the error output.

    \b
    Examples:
      fieldmark attribution ladybirds --out credits.html
      fieldmark attribution runs/ladybirds/pushed/mobile/1700000000 > credits.csv
    """
    from pipeline.lineage.chosen_model import choose_model
    from pipeline.lineage.credit_reader import open_credits
    from pipeline.lineage.credit_summary import credit_summary

    chosen = choose_model(run, runs=runs, version=version)
    click.echo(f"{chosen.model.title}: {chosen.reason}", err=True)
    names = tuple(dict.fromkeys(name.strip() for name in splits.split(",")))
    with open_credits(chosen.model, names) as reader, _opened(out) as file:
        totals = reader.totals()
        _write(format_ or _format_of(out), chosen, totals, names, reader, file)
    click.echo(credit_summary(totals, names), err=True)


def _write(
    format_: str,
    chosen: Chosen,
    totals: Totals,
    splits: tuple[str, ...],
    reader: CreditReader,
    file: TextIO,
) -> None:
    from pipeline.lineage.credit_csv import write_csv
    from pipeline.lineage.credit_page import HTML, MARKDOWN, write_page
    from pipeline.lineage.credit_summary import NO_CREDITS, photo_count

    if format_ == "csv":
        write_csv(reader.by_taxon(), file)
        return
    paragraphs = [f"{chosen.model.title}: {chosen.reason}. {photo_count(totals, splits)}."]
    if totals.num_photos and not totals.has_credits:
        paragraphs.append(NO_CREDITS)
    markup: Markup = HTML if format_ == "html" else MARKDOWN
    title = f"Photo credits of {chosen.model.run}"
    write_page(markup, title, paragraphs, reader.by_holder(), file)


def _format_of(out: Path | None) -> str:
    ending = out.suffix.lower().removeprefix(".") if out is not None else ""
    return {"htm": "html", "markdown": "md"}.get(ending, ending if ending in FORMATS else "csv")


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    """Yields where to write; a file bears its name only when it is whole."""
    if out is None:
        # Names are UTF-8 whatever the terminal's encoding, and line ends stay as they are.
        stream = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
        try:
            yield stream
            stream.flush()
        finally:
            stream.detach()
        return
    writing = out.with_name(f".{out.name}.{os.getpid()}.unfinished")
    try:
        with writing.open("w", encoding="utf-8", newline="") as file:
            yield file
        writing.replace(out)
    except OSError as error:
        raise DataError(
            out, problem=f"cannot be written: {error.strerror}.", remedy="Give another --out."
        ) from error
    finally:
        writing.unlink(missing_ok=True)
