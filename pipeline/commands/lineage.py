"""`fieldmark lineage`: was this photo in training?

fieldmark lineage --photo-id 25
fieldmark lineage --photo owl.jpg --runs runs --json
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.lineage.photo_question import Question


@click.command("lineage")
@click.option("--photo-id", type=int, metavar="N", help="iNaturalist's id of the photo.")
@click.option(
    "--photo",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The photo itself: the same bytes, or else what looks like it.",
)
@click.option("--observation-id", metavar="N", help="Its observation, by number or UUID.")
@click.option(
    "--runs",
    default=Path("runs"),
    show_default=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The directory of runs: work_dir of `fieldmark run`.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def command(
    photo_id: int | None,
    photo: Path | None,
    observation_id: str | None,
    runs: Path,
    as_json: bool,
) -> None:
    """Says of every model whether a photo was in its training.

    Looks through every model of every run, whether it was pushed or not, and says where the photo
    stood: in train, which alone changes weights, in val or test, set aside, or not in the export.
    Read from ML Metadata and the photo index of the export, so it needs no network and no photos.

    \b
    Examples:
      fieldmark lineage --photo-id 25
      fieldmark lineage --photo owl.jpg
      fieldmark lineage --observation-id 13 --json
    """
    from pipeline.lineage.answer_report import answer_json, answer_table
    from pipeline.lineage.answers import answers
    from pipeline.lineage.runs import find_runs

    question = _question(photo_id, photo, observation_id)
    models = {run.name: run.models() for run in find_runs(runs)}
    answered = answers([model for of_run in models.values() for model in of_run], question)
    report = answer_json if as_json else answer_table
    without = [name for name, of_run in models.items() if not of_run]
    click.echo(report(question, answered, runs_without_model=without))


def _question(photo_id: int | None, photo: Path | None, observation_id: str | None) -> Question:
    from pipeline.lineage import photo_question

    if sum(given is not None for given in (photo_id, photo, observation_id)) != 1:
        raise ConfigError(
            "Say which photo: exactly one of --photo-id N, --photo FILE and --observation-id N."
        )
    if photo_id is not None:
        return photo_question.photo_id(photo_id)
    if photo is not None:
        return photo_question.photo_file(photo)
    return photo_question.observation(observation_id or "")
