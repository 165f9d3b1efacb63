"""Where everything of a pipeline lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.config import PipelineConfig


@dataclass(frozen=True)
class Layout:
    """The directories of one pipeline, `work_dir/name`.

    Attributes:
        root: absolute.
    """

    root: Path

    @classmethod
    def of(cls, config: PipelineConfig) -> Layout:
        """Returns the layout that a config asks for."""
        return cls(Path(config.work_dir).absolute() / config.name)

    @property
    def metadata_db(self) -> Path:
        """ML Metadata: every run, step and artifact."""
        return self.root / "metadata.sqlite"

    @property
    def artifacts(self) -> Path:
        """What the steps wrote, by step and execution."""
        return self.root / "artifacts"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints of trainings."""
        return self.root / "checkpoints"

    @property
    def pushed_saved_models(self) -> Path:
        """Blessed SavedModels, in numbered versions: point TF Serving here."""
        return self.root / "pushed" / "saved_model"

    @property
    def pushed_bundles(self) -> Path:
        """Blessed mobile bundles, in numbered versions."""
        return self.root / "pushed" / "mobile"

    @property
    def report(self) -> Path:
        """The page of the last run that ended well."""
        return self.root / "report.html"

    @property
    def built_exports(self) -> Path:
        """Exports selected from tables of observations, one for each table and selection."""
        return self.root / "exports"

    @property
    def logs(self) -> Path:
        """Log file and resolved config of each run."""
        return self.root / "logs"

    @property
    def lock(self) -> Path:
        """Held while a run is on."""
        return self.root / "lock"
