"""The config of a pipeline: YAML in, one frozen and checked object out.

    config = load_config("demo", overrides=["trainer.seed=3"], export_dir="my-export")

A config is a preset's name or the path of a YAML file. `base: NAME` in a file starts from a
preset; `--set key=value` comes last. Every group belongs to the component it configures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import Field, field_validator, model_validator

from components.anomaly_gate.config import ValidationSettings
from components.duplicate_gate.config import DuplicateSettings
from components.export_example_gen.config import ExportSettings
from components.mobile_exporter.config import MobileExportSettings
from components.mobile_validator.config import MobileValidationSettings
from components.photo_transform.config import TransformSettings
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.schedule import last_image_size_px
from components.taxon_evaluator.config import EvaluationSettings
from pipeline.build_export.settings import SelectionSettings
from pipeline.dataflow_flags import faults_of
from pipeline.kubeflow_settings import KubeflowSettings
from schemas.errors import ConfigError, did_you_mean
from schemas.settings import Settings, load_settings
from serving.variants import form_of

PRESETS_DIR = Path(__file__).parent / "presets"


class PipelineConfig(Settings):
    """Everything that a run depends on."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Name of the pipeline: lower case, digits, hyphens. Runs of one name share their cache."""

    export_dir: str | None = None
    """Export to read, in any of iNaturalist's formats; the command line's --export goes first."""

    taxa_file: str | None = None
    """Table of taxa (Open Data's taxa.csv) for a format that has none of its own."""

    work_dir: str = "runs"
    """Directory that everything is written to, in a folder named after the pipeline."""

    push_to: str | None = None
    """URI (gs://) that each pushed version is copied to as well, in saved_model/ and mobile/."""

    export: ExportSettings = ExportSettings()
    """ExportExampleGen: which photos are read, and how many may be unusable."""

    selection: SelectionSettings = SelectionSettings()
    """Which photos are selected, where the export is a table of observations without splits."""

    duplicates: DuplicateSettings = DuplicateSettings()
    """DuplicateGate: how many photos may stand in two splits, nearly the same."""

    validation: ValidationSettings = ValidationSettings()
    """What happens on anomalies."""

    transform: TransformSettings = TransformSettings()
    """Transform: how photos are stored for training."""

    trainer: TrainerSettings = TrainerSettings()
    """ProgressiveTrainer: network, schedule, optimizer."""

    evaluation: EvaluationSettings = EvaluationSettings()
    """Evaluator: the bars for blessing."""

    mobile_export: MobileExportSettings = MobileExportSettings()
    """MobileExporter: the forms of the phone model."""

    mobile_validation: MobileValidationSettings = MobileValidationSettings()
    """MobileValidator: how near the phone must be to the server."""

    kubeflow: KubeflowSettings = KubeflowSettings()
    """What the pipeline asks of a cluster, where it is compiled for one."""

    beam_args: tuple[str, ...] = ("--runner=FnApiRunner",)
    """Arguments of the Beam runner. Without a --runner Beam would try to download one (Prism)."""

    @field_validator("beam_args")
    @classmethod
    def _job_can_be_sent(cls, args: tuple[str, ...]) -> tuple[str, ...]:
        if faults := faults_of(args):
            raise ValueError("; ".join(faults))
        return args

    @model_validator(mode="after")
    def _phone_forms_fit(self) -> Self:
        """What would fail after the training is refused before it."""
        variants = self.mobile_export.variants
        lowered = [name for name in variants if form_of(name).head_rank is not None]
        if lowered and self.trainer.head_rank is not None:
            raise ValueError(
                f"mobile_export.variants: {', '.join(lowered)} would lower the rank of a head that "
                f"trainer.head_rank makes one of {self.trainer.head_rank} already; leave them out"
            )
        chosen = self.mobile_validation.default_variant
        if chosen is not None and chosen not in variants:
            raise ValueError(
                f"mobile_validation.default_variant: {chosen} is none of mobile_export.variants "
                f"({', '.join(variants)})"
            )
        asked, last = self.mobile_validation.input_px, last_image_size_px(self.trainer.schedule)
        if asked not in (None, last):
            raise ValueError(
                f"mobile_validation.input_px: the models must take {asked} px, but "
                f"trainer.schedule ends at {last} px; end it at {asked}"
            )
        return self


def presets() -> list[str]:
    """Returns the names of the presets."""
    return sorted(path.stem for path in PRESETS_DIR.glob("*.yaml"))


def load_config(
    source: str, *, overrides: Sequence[str] = (), export_dir: str | None = None
) -> PipelineConfig:
    """Returns the config of a preset or a YAML file, with overrides.

    Args:
        source: name of a preset, or path of a YAML file.
        overrides: "dotted.key=value" each, the value in YAML.
        export_dir: goes before the config's own.

    Raises:
        ConfigError: if there is no such config, or it has a fault.
    """
    values = _read(source)
    for override in overrides:
        _set(values, override)
    if export_dir is not None:
        values["export_dir"] = export_dir
    return load_settings(PipelineConfig, values, source=source)


def _read(source: str) -> dict[str, Any]:
    path = PRESETS_DIR / f"{source}.yaml" if source in presets() else Path(source)
    if not path.is_file():
        raise ConfigError(
            f"No preset and no YAML file is called {source!r}. "
            f"Presets: {', '.join(presets())}.{did_you_mean(source, presets())}"
        )
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path} must hold settings by name, such as 'name: molluscs'. Received: {values!r}."
        )
    base = values.pop("base", None)
    if base is None:
        return values
    if base not in presets():
        raise ConfigError(
            f"{path}: base: no such preset. Allowed: {', '.join(presets())}. "
            f"Received: {base!r}.{did_you_mean(str(base), presets())}"
        )
    return _merged(_read(base), values)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`, group by group; a schedule replaces the whole schedule."""
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict) and key != "schedule":
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return merged


def _set(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set takes key=value, such as trainer.seed=3. Received: {override!r}.")
    *groups, last = key.split(".")
    place = values
    for group in groups:
        inner = place.setdefault(group, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {override}: {group!r} is a value, not a group of settings.")
        place = inner
    try:
        place[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override}: the value is not YAML: {error}") from error
