"""The runs below a directory, and the models in them.

for run in find_runs(Path("runs")):
    run.name, run.models()
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.layout import Layout
from pipeline.lineage.graph import read_graph
from pipeline.lineage.trained_models import TrainedModel, trained_models
from schemas.errors import ConfigError


@dataclass(frozen=True)
class Run:
    """A directory with a store of ML Metadata.

    Attributes:
        root: absolute.
    """

    root: Path

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        return self.root.name

    def models(self) -> list[TrainedModel]:
        """Returns its models, oldest first.

        Raises:
            DataError: if the store cannot be read.
        """
        return trained_models(read_graph(Layout(self.root).metadata_db), self.root)


def find_runs(directory: Path) -> list[Run]:
    """Returns the runs in a directory of runs, by name.

    Raises:
        ConfigError: if there is no such directory, or no run in it.
    """
    if not directory.is_dir():
        state = "is a file" if directory.exists() else "does not exist"
        raise ConfigError(
            f"The directory of runs {str(directory)!r} {state}. Give --runs the work_dir that "
            "`fieldmark run` works in, by default runs."
        )
    if is_run(directory):
        raise ConfigError(
            f"{str(directory)!r} is one run, not the directory of runs. "
            f"Did you mean --runs {str(directory.absolute().parent)!r}?"
        )
    runs = [Run(path.absolute()) for path in sorted(directory.iterdir()) if is_run(path)]
    if not runs:
        raise ConfigError(
            f"{str(directory)!r} holds no run: no <name>/metadata.sqlite. Give --runs the "
            "work_dir that `fieldmark run` works in, by default runs."
        )
    return runs


def is_run(directory: Path) -> bool:
    """Returns whether a directory has a store of ML Metadata."""
    return Layout(directory).metadata_db.is_file()
