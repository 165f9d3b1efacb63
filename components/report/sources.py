"""What a report is made from: directories of artifacts, and what is known beside them.

The law: a part that is not there is None and leaves its section short; nothing is made up for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Push:
    """What became of one thing that was to be pushed.

    Attributes:
        what: in words.
        place: where it went, as seen from the run; None if it was not pushed.
    """

    what: str
    place: str | None


@dataclass(frozen=True)
class StepTime:
    """How long a step took when it ran; a run may have reused it since.

    Attributes:
        step: its name.
        secs: from its beginning to its end.
        ended: date and time, in words.
    """

    step: str
    secs: float
    ended: str


@dataclass(frozen=True)
class Provenance:
    """Where the page comes from.

    Attributes:
        pipeline: name of the pipeline.
        written: date and time, in words.
        recipe: hash of all that the model is made from.
        export_fingerprint: hash of the export's files.
        settings: the resolved config, JSON-able.
        versions: of packages, by name.
        machine: that wrote the page, in words.
        steps: how long each took, as far as known.
        artifacts: where each lies as seen from the run, by what it is.
    """

    pipeline: str
    written: str
    recipe: str = ""
    export_fingerprint: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    steps: tuple[StepTime, ...] = ()
    artifacts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sources:
    """Directories of artifacts; None for what the run has not.

    Attributes:
        taxonomy: with `taxonomy.csv`.
        photo_index: see schemas.photo_index.
        examples: directory of the raw records of each split, in files that match the index.
        set_aside: with `set_aside.csv`.
        near_duplicates: with `verdict.json`.
        gate: of anomalies, with `verdict.json`.
        history: with `history.json` and `history.parquet`.
        evaluation: with the tables.
        model: the SavedModel.
        model_blessed: whether the Evaluator blessed it; None if nobody said.
        bundle: for the phone.
        mobile_report: with `mobile_report.json`.
        pushes: what was to be pushed.
    """

    taxonomy: Path
    photo_index: Path
    examples: Mapping[str, Path] = field(default_factory=dict)
    set_aside: Path | None = None
    near_duplicates: Path | None = None
    gate: Path | None = None
    history: Path | None = None
    evaluation: Path | None = None
    model: Path | None = None
    model_blessed: bool | None = None
    bundle: Path | None = None
    mobile_report: Path | None = None
    pushes: tuple[Push, ...] = ()


def read_json(directory: Path | None, name: str) -> dict[str, Any] | None:
    """Returns the content of a JSON file; None without the directory or the file."""
    if directory is None or not (directory / name).is_file():
        return None
    content: dict[str, Any] = json.loads((directory / name).read_text(encoding="utf-8"))
    return content
