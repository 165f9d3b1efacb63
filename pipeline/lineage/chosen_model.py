"""Which model a person means by a run, a pushed version, or a name.

chosen = choose_model("ladybirds", runs=Path("runs"), version=None)
chosen.model, chosen.reason    # ..., 'its newest pushed version, saved_model/1700000000'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.layout import Layout
from pipeline.lineage.runs import Run, is_run
from pipeline.lineage.trained_models import PushedVersion, TrainedModel
from schemas.errors import ConfigError, did_you_mean

_VERSIONS_SHOWN = 8


@dataclass(frozen=True)
class Chosen:
    """A model, and why this one.

    Attributes:
        model: the model.
        reason: as the rest of a sentence that starts with the model.
    """

    model: TrainedModel
    reason: str


def choose_model(text: str, *, runs: Path, version: str | None) -> Chosen:
    """Returns the model that is meant.

    Args:
        text: a run's directory, a directory below its `pushed`, or the name of a run in `runs`.
        runs: the directory of runs.
        version: number of a pushed version, or "saved_model/<number>"; None for the newest pushed
            one, or the newest trained model if none was pushed.

    Raises:
        ConfigError: if there is no such run, version or model.
        DataError: if the run's store cannot be read.
    """
    root, named = locate_run(text, runs)
    if version is not None and named is not None:
        raise ConfigError(
            f"{text!r} is a version already, so --version {version} is one too many. Give one of "
            "them."
        )
    models = Run(root).models()
    if not models:
        raise ConfigError(
            f"{str(root)!r} has no trained model yet. Give the same `fieldmark run` again and let "
            "it end."
        )
    wanted = version if version is not None else named
    return _of_version(models, wanted, root) if wanted is not None else _newest(models)


def locate_run(text: str, runs: Path) -> tuple[Path, str | None]:
    """Returns the run's directory, and "<folder>/<number>" if the text is a pushed version.

    Raises:
        ConfigError: if there is no such run, or the text is a directory of one that is no version.
    """
    path = Path(text).absolute()
    for root in (path, *path.parents):
        if path.is_dir() and is_run(root):
            return root, _pushed_name(path, root)
    if is_run(runs / text):
        return (runs / text).absolute(), None
    names = [item.name for item in sorted(runs.iterdir()) if is_run(item)] if runs.is_dir() else []
    there = f"It has: {', '.join(names)}." if names else "It has no runs."
    raise ConfigError(
        f"No run {text!r}: it is neither a directory of a run (with metadata.sqlite in it), nor a "
        f"pushed version below one, nor a name in {str(runs)!r}. {there}{did_you_mean(text, names)}"
    )


def _pushed_name(path: Path, root: Path) -> str | None:
    if path == root:
        return None
    pushed = Layout(root).pushed_saved_models.parent
    if path.parent.parent == pushed and path.name.isdecimal():
        return f"{path.parent.name}/{path.name}"
    raise ConfigError(
        f"{str(path)!r} is no pushed version. Give the run {str(root)!r}, or a version: "
        f"{pushed / 'saved_model'}/<number>."
    )


def _of_version(models: Sequence[TrainedModel], wanted: str, root: Path) -> Chosen:
    holding = [
        (model, pushed)
        for model in models
        for pushed in model.pushed
        if wanted in (pushed.name, pushed.path.name)
    ]
    if not holding:
        names = [pushed.name for _, pushed in _newest_first(models)]
        more = f" and {len(names) - _VERSIONS_SHOWN:,} more" if len(names) > _VERSIONS_SHOWN else ""
        there = f"{', '.join(names[:_VERSIONS_SHOWN])}{more}" if names else "none"
        raise ConfigError(
            f"ML Metadata of {str(root)!r} knows no pushed version {wanted!r}. Pushed were: "
            f"{there}.{did_you_mean(wanted, names)}"
        )
    # Training again to the same weights pushes nothing new: the first model is what was copied.
    model = holding[0][0]
    if any(other != model and pushed.name not in _names(model) for other, pushed in holding):
        names = sorted({pushed.name for _, pushed in holding})
        raise ConfigError(
            f"Versions of different models have the number {wanted}. Give --version "
            f"{' or '.join(names)}."
        )
    return Chosen(model, f"pushed as {' and '.join(_names(model))}")


def _newest(models: Sequence[TrainedModel]) -> Chosen:
    pushed = _newest_first(models)
    if pushed:
        model, version = pushed[0]
        return Chosen(model, f"its newest pushed version, {version.name}")
    return Chosen(models[-1], "its newest trained model; none was pushed")


def _newest_first(models: Sequence[TrainedModel]) -> list[tuple[TrainedModel, PushedVersion]]:
    """Each version with the model that was copied there: the first of those that it holds."""
    first: dict[str, tuple[TrainedModel, PushedVersion]] = {}
    for model in models:
        for version in model.pushed:
            first.setdefault(version.name, (model, version))
    return sorted(first.values(), key=lambda item: (-item[1].number, item[1].is_phone_bundle))


def _names(model: TrainedModel) -> list[str]:
    return [version.name for version in model.pushed]
