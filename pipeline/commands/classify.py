"""`fieldmark classify`: what a pushed model says about photos.

fieldmark classify owl.jpg fern.png --model serving/
fieldmark classify owl.jpg --model mobile/ --variant float16 --json
fieldmark classify holiday/ --model mobile/ --out answers.csv
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from serving.answer import Answer, ScoredTaxon, Unread
    from serving.answer_file import AnswerFile

_LINE_WIDTH = 96

_REASONS = {"people": "There may be a person in this photo: no other taxon is suggested."}


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
@click.option(
    "--out",
    default=None,
    metavar="FILE",
    help="Write a row a photo to FILE, .csv or .jsonl, with a progress bar.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="With --out: go on with what FILE holds already. A photo that has a row is left alone, "
    "also if it could not be read.",
)
@click.option(
    "--batch",
    "batch_size",
    default=32,
    show_default=True,
    type=click.IntRange(1, 4096),
    metavar="N",
    help="Photos that the network takes at once.",
)
@click.option(
    "--jobs",
    default=None,
    type=click.IntRange(1, 256),
    help="Threads that decode photos.  [default: one a core]",
)
def command(
    photos: tuple[str, ...],
    model_dir: str,
    top: int,
    variant: str | None,
    calibrated: bool,
    as_json: bool,
    out: str | None,
    resume: bool,
    batch_size: int,
    jobs: int | None,
) -> None:
    """Says what is on each PHOTO, with the ranks above it. A PHOTO may be a folder of photos.

    A photo that cannot be read is reported on the error output (in its row, with --out) and the
    others are answered; the exit code is then 1.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from serving.answer_file import AnswerFile
    from serving.classify import open_classifier  # TensorFlow takes seconds
    from serving.classify_many import classify_many
    from serving.find_photos import find_photos

    _check_output(out, resume=resume, as_json=as_json)
    paths = find_photos(photos)
    cores = os.cpu_count() or 1
    classifier = open_classifier(
        model_dir, variant=variant, num_threads=cores, calibrated=calibrated
    )

    def answer(wanted: list[str]) -> Iterator[Answer | Unread]:
        return classify_many(
            classifier, wanted, top=top, batch_size=batch_size, decode_threads=jobs or cores
        )

    if out is None:
        unread = _print(answer(paths), as_json=as_json)
    else:
        with AnswerFile(out, top=top, resume=resume) as file:
            left = [path for path in paths if path not in file.done]
            unread = _write(file, answer(left), len(left))
        click.echo(_summary(out, len(left) - unread, len(paths) - len(left), unread))
    if unread:
        sys.exit(1)


def _check_output(out: str | None, *, resume: bool, as_json: bool) -> None:
    if resume and out is None:
        raise ConfigError(
            "--resume goes on with a file of answers, and none is named. Add --out FILE, or leave "
            "--resume out."
        )
    if as_json and out is not None:
        raise ConfigError(
            f"--json prints, and --out writes to {out}. Leave --json out; name a file that ends in "
            ".jsonl for a line of JSON a photo."
        )


def _print(results: Iterable[Answer | Unread], *, as_json: bool) -> int:
    """Returns how many photos could not be read."""
    from serving.answer import Unread
    from serving.answer_file import json_line
    from serving.any_name import to_text

    unread = answered = 0
    for result in results:
        if isinstance(result, Unread):
            click.echo(to_text(result.error), err=True)
            unread += 1
        elif as_json:
            click.echo(json_line(result))
        else:
            click.echo(to_text(("\n" if answered else "") + format_answer(result)))
            answered += 1
    return unread


def _write(file: AnswerFile, results: Iterable[Answer | Unread], total: int) -> int:
    """Returns how many photos could not be read."""
    from serving.answer import Unread

    unread = 0
    with _bar(results, total) as shown:
        for result in shown:
            file.write(result)
            unread += isinstance(result, Unread)
    return unread


@contextmanager
def _bar(results: Iterable[Answer | Unread], total: int) -> Iterator[Iterable[Answer | Unread]]:
    """A bar with the rate and the time left on a terminal; nothing elsewhere."""
    with click.progressbar(
        results, length=total, label="photos", show_pos=True, file=sys.stderr, update_min_steps=8
    ) as bar:
        yield bar


def _summary(out: str, classified: int, before: int, unread: int) -> str:
    text = f"{classified:,} photos classified: {out}"
    if before:
        text += f" ({before:,} stood there already)"
    return f"{text}; {unread:,} could not be read" if unread else text


def format_answer(answer: Answer) -> str:
    """Returns the answer for people: the photo, the branch above, a line a leaf."""
    width = max((len(leaf.name) for leaf in answer.leaves), default=0)
    leaves = [
        f"  {leaf.score:6.1%}  {leaf.name:<{width}}  {leaf.rank}, taxon {leaf.taxon_id}"
        for leaf in answer.leaves
    ]
    reason = [f"  {_REASONS[answer.reason]}"] if answer.reason else []
    return "\n".join([answer.path, *reason, *_branch_lines(answer.lineage), *leaves])


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
