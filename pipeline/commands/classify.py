"""`fieldmark classify`: what a pushed model says about photos.

fieldmark classify owl.jpg fern.png --model serving/
fieldmark classify owl.jpg --model mobile/ --variant float16 --json
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from typing import TYPE_CHECKING

import click

from schemas.errors import DataError

if TYPE_CHECKING:
    from serving.answer import Answer, ScoredTaxon
    from serving.classify import Classifier

_LINE_WIDTH = 96


@click.command("classify")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option(
    "--model",
    "model_dir",
    required=True,
    metavar="DIR",
    help="A pushed SavedModel or mobile bundle, or the directory of its versions (the newest is "
    "taken).",
)
@click.option(
    "--top", default=5, show_default=True, type=click.IntRange(min=1), help="Leaves to name."
)
@click.option("--variant", default=None, help="Of a bundle: which to use. Default: the bundle's.")
@click.option(
    "--calibrated",
    is_flag=True,
    help="Scores put right by the temperature that was fitted on val photos; the order of the "
    "leaves stays.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, a line a photo.")
def command(
    photos: tuple[str, ...],
    model_dir: str,
    top: int,
    variant: str | None,
    calibrated: bool,
    as_json: bool,
) -> None:
    """Says what is on each PHOTO, with the ranks above it.

    A photo that cannot be read is reported on the error output and the others are answered; the
    exit code is then 1.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from serving.classify import open_classifier  # TensorFlow takes seconds

    classifier = open_classifier(model_dir, variant=variant, calibrated=calibrated)
    answered = 0
    for photo in photos:
        answer = _answer(classifier, photo, top)
        if answer is None:
            continue
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(answer), ensure_ascii=False))
        else:
            click.echo(("\n" if answered else "") + format_answer(answer))
        answered += 1
    if answered < len(photos):
        sys.exit(1)


def _answer(classifier: Classifier, photo: str, top: int) -> Answer | None:
    """None if the photo cannot be read, which is said on the error output."""
    try:
        return classifier.classify_one(photo, top=top)
    except DataError as error:
        click.echo(str(error), err=True)
        return None


def format_answer(answer: Answer) -> str:
    """Returns the answer for people: the photo, the branch above, a line a leaf."""
    width = max(len(leaf.name) for leaf in answer.leaves)
    leaves = [
        f"  {leaf.score:6.1%}  {leaf.name:<{width}}  {leaf.rank}, taxon {leaf.taxon_id}"
        for leaf in answer.leaves
    ]
    return "\n".join([answer.path, *_branch_lines(answer.lineage), *leaves])


def _branch_lines(lineage: tuple[ScoredTaxon, ...]) -> list[str]:
    """The nodes above the leaf, joined by ">" and broken into lines."""
    lines, line = [], " "
    for node in lineage[:-1]:
        words = f" {node.rank} {node.name} {node.score:.0%} >"
        if len(line) + len(words) > _LINE_WIDTH:
            lines.append(line)
            line = " "
        line += words
    return [*lines, line.removesuffix(" >")] if line.strip() else lines
