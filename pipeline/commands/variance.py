"""`fieldmark variance`: how much of the spread between trainings is sampling, and how much chance.

fieldmark variance beetles-a1 beetles-a2 beetles-b1 beetles-b2 --csv taxa.csv
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import click

from schemas.errors import ConfigError


@click.command("variance", context_settings={"show_default": True})
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option(
    "--runs",
    "runs_dir",
    default=Path("runs"),
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The directory of runs: work_dir of `fieldmark run`.",
)
@click.option(
    "--trained-on",
    multiple=True,
    metavar="RUN=NAME",
    help="Which export a run was trained on, where nothing says so; once a run.",
)
@click.option(
    "--alpha",
    default=0.05,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Of the taxa found to vary, the share that may be chance.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@click.option(
    "--csv",
    "csv_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write a row for each taxon.  [default: nowhere]",
    show_default=False,
)
def command(
    runs: tuple[str, ...],
    runs_dir: Path,
    trained_on: tuple[str, ...],
    alpha: float,
    as_json: bool,
    csv_file: Path | None,
) -> None:
    """Say what of the spread between trainings is sampling of photos, and what is chance.

    Each RUN is a name in runs/, the directory of a run or of a pushed version, or of the tables of
    an evaluation; all are models of one taxonomy. Trainings on one export with several seeds show
    chance in training; trainings on several exports, the sampling of photos. See docs/variance.md.

    \b
    Examples:
      fieldmark variance beetles-a1 beetles-a2 beetles-b1 beetles-b2
      fieldmark variance eval-a eval-b --trained-on eval-a=A --trained-on eval-b=B --csv taxa.csv
    """
    from pipeline.variance.analysis import analyse
    from pipeline.variance.find_run import find_run
    from pipeline.variance.report import content, csv_rows, report_lines

    exports = _exports(trained_on, runs)
    found = [find_run(text, runs=runs_dir, trained_on=exports) for text in runs]
    analysis = analyse(found, alpha=alpha)
    if csv_file is not None:
        with csv_file.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(csv_rows(analysis))
    if as_json:
        click.echo(json.dumps(content(analysis), ensure_ascii=False))
        return
    for line in report_lines(analysis):
        click.echo(line)


def _exports(given: tuple[str, ...], runs: tuple[str, ...]) -> dict[str, str]:
    exports = {}
    for text in given:
        run, equals, name = text.rpartition("=")
        if not equals or not name or run not in runs:
            raise ConfigError(
                f"--trained-on takes RUN=NAME, RUN being one of {', '.join(runs)}. Received: "
                f"{text!r}."
            )
        exports[run] = name
    return exports
