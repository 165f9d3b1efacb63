"""The answers to "was this photo in training?", as a table for people and as JSON.

print(answer_table(question, answers, runs_without_model=["molluscs"]))
print(answer_json(question, answers))
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from pipeline.lineage.answers import Answer
from pipeline.lineage.find_photos import FoundPhoto
from pipeline.lineage.one_line import one_line
from pipeline.lineage.photo_question import MAX_DISTANCE, Question

PHOTOS_SHOWN = 10

_HEADER = ("run", "execution", "trained (UTC)", "blessed", "pushed as", "the photo")
_BLESSED = {True: "yes", False: "no", None: "not judged"}
_GAP = "  "


def answer_table(
    question: Question, answers: Sequence[Answer], *, runs_without_model: Sequence[str] = ()
) -> str:
    """Returns the table, a model a row or several, and what it comes to."""
    rows = [_HEADER, *(row for answer in answers for row in _rows(answer))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER) - 1)]
    lines = [
        _GAP.join(
            [*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]
        ).rstrip()
        for row in rows
    ]
    title = f"Was {one_line(question.words)} in training?"
    if not answers:
        lines = ["There is no trained model yet, so it was in no training."]
        return "\n".join([title, "", *lines, *_without_model(runs_without_model)])
    return "\n".join([title, "", *lines, "", *_conclusion(question, answers, runs_without_model)])


def answer_json(
    question: Question, answers: Sequence[Answer], *, runs_without_model: Sequence[str] = ()
) -> str:
    """Returns one JSON object; `models` has an object a model.

    `in_training` is null where it is not known, `unknown` then says why.
    """
    report = {
        "question": {question.kind: question.value},
        "models": [_model_json(answer) for answer in answers],
        "runs_without_model": list(runs_without_model),
    }
    return json.dumps(report, indent=2, ensure_ascii=False)


def _rows(answer: Answer) -> list[tuple[str, ...]]:
    model = answer.model
    pushed = [version.name for version in model.pushed] or ["not pushed"]
    places = [one_line(line) for line in _places(answer)]
    first = (model.run, str(model.execution_id), model.trained_at_text, _BLESSED[model.blessed])
    height = max(len(pushed), len(places))
    return [
        (
            *(first if line == 0 else ("",) * len(first)),
            pushed[line] if line < len(pushed) else "",
            places[line] if line < len(places) else "",
        )
        for line in range(height)
    ]


def _places(answer: Answer) -> list[str]:
    names = dict(answer.taxon_names)
    lines = [_photo_words(photo, names) for photo in answer.photos[:PHOTOS_SHOWN]]
    if len(answer.photos) > PHOTOS_SHOWN:
        lines.append(f"and {len(answer.photos) - PHOTOS_SHOWN:,} more; --json lists all")
    lines += [
        f"set aside: {row.file} row {row.row}, {row.kind}: {row.reason}" for row in answer.set_aside
    ]
    if answer.unknown:
        lines.append(f"unknown: {answer.unknown}")
    return lines or ["not in the export"]


def _photo_words(photo: FoundPhoto, names: dict[int, str]) -> str:
    name = names.get(photo.taxon_id)
    taxon = f"taxon {photo.taxon_id}" + (f" {name}" if name else "")
    if photo.distance is None:
        return f"{photo.split}: photo {photo.photo_id}, {taxon}, {photo.path}"
    alike = f"looks like photo {photo.photo_id} (distance {photo.distance})"
    return f"{alike}, in {photo.split}: {taxon}, {photo.path}"


def _conclusion(
    question: Question, answers: Sequence[Answer], runs_without_model: Sequence[str]
) -> list[str]:
    trained = sum(answer.in_training is True for answer in answers)
    alike = sum(answer.looks_alike for answer in answers)
    unknown = sum(answer.place == "unknown" for answer in answers)
    lines = [
        f"In training of {trained} of {_models(len(answers))}. Only photos of train change a "
        "model's weights; those of val and test judge it."
    ]
    if alike:
        lines.append(
            f"{_models(alike)}: no such file, but photos that look like it (at most "
            f"{MAX_DISTANCE} of 64 bits of their hashes differ). Compare them by eye."
        )
    if unknown:
        lines.append(
            f"{_models(unknown)}: unknown, which is not a no. What is trained from now on keeps an "
            "index of its photos."
        )
    if question.kind == "observation":
        lines.append("Photos set aside are listed by photo id alone; ask for them by --photo-id.")
    if question.kind == "file":
        lines.append("Photos set aside have no hash; ask for them by --photo-id.")
    return [*lines, *_without_model(runs_without_model)]


def _without_model(runs: Sequence[str]) -> list[str]:
    return [f"Without a trained model: {', '.join(runs)}."] if runs else []


def _models(count: int) -> str:
    return "1 model" if count == 1 else f"{count:,} models"


def _model_json(answer: Answer) -> dict[str, Any]:
    model, names = answer.model, dict(answer.taxon_names)
    return {
        "run": model.run,
        "execution_id": model.execution_id,
        "trained_at": model.trained_at.isoformat(timespec="seconds"),
        "blessed": model.blessed,
        "pushed": [{"version": v.name, "path": str(v.path)} for v in model.pushed],
        "place": answer.place,
        "in_training": answer.in_training,
        "photos": [
            {**dataclasses.asdict(photo), "taxon_name": names.get(photo.taxon_id)}
            for photo in answer.photos
        ],
        "set_aside": [dataclasses.asdict(row) for row in answer.set_aside],
        "unknown": answer.unknown,
    }
