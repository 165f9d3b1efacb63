"""The pipeline: an export walks in at the front, a blessed model leaves at the back."""

from __future__ import annotations

from tfx.components.example_validator.component import ExampleValidator
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.orchestration import metadata
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline

from components.anomaly_gate.component import AnomalyGate
from components.duplicate_gate.component import DuplicateGate
from components.export_example_gen.component import ExportExampleGen
from components.last_blessed.component import LastBlessedModel
from components.mobile_exporter.component import MobileExporter
from components.mobile_validator.component import MobileValidator
from components.named_files import contents
from components.photo_transform.component import PhotoTransform
from components.progressive_trainer.component import ProgressiveTrainer
from components.progressive_trainer.config import LAST_BLESSED
from components.progressive_trainer.schedule import largest_image_size_px, smallest_image_size_px
from components.pusher.component import GuardedPusher
from components.report.component import Report
from components.taxon_evaluator.component import TaxonEvaluator
from pipeline.beam_arguments import beam_arguments
from pipeline.config import PipelineConfig
from pipeline.layout import Layout
from pipeline.recipe import recipe_of
from schemas.errors import ConfigError
from schemas.record import SCHEMA_FILE


def create_pipeline(
    config: PipelineConfig,
    *,
    export_fingerprint: str | RuntimeParameter,
    export_dir: RuntimeParameter | None = None,
    schema_file: str = str(SCHEMA_FILE),
    pipeline_root: str | None = None,
    sees_named_files: bool = True,
) -> Pipeline:
    """Returns the TFX pipeline of a config. It looks at no file but those that the trainer's and
    the exporter's settings name: what depends on the export or on earlier runs is found by the
    steps.

    Args:
        config: with its `export_dir`.
        export_fingerprint: of the export's files (pipeline.fingerprint).
        export_dir: goes before the config's, where it is known only when the pipeline runs.
        schema_file: of the records, where the steps run.
        pipeline_root: that artifacts are written under; by default in the config's work_dir.
        sees_named_files: whether those files are on this machine, and their content goes into the
            cache keys; otherwise the cache knows them by path alone.

    Raises:
        ConfigError: if no export is given, or a named file is not there.
    """
    export = export_dir or config.export_dir
    if export is None:
        raise ConfigError("No export to read. Give --export DIR, or export_dir in the config.")
    layout = Layout.of(config)
    trainer_files, exporter_files = (
        contents(group.named_files) if sees_named_files else ""
        for group in (config.trainer, config.mobile_export)
    )
    recipe = recipe_of(config, named_files=trainer_files)
    largest_px = largest_image_size_px(config.trainer.schedule)
    read = ExportExampleGen(export, config.export, export_fingerprint=export_fingerprint)
    examples, taxonomy = read.outputs["examples"], read.outputs["taxonomy"]
    # The schema comes before the statistics: its image_domain keeps photos out of the counts.
    schema = ImportSchemaGen(schema_file=schema_file)
    statistics = StatisticsGen(examples=examples, schema=schema.outputs["schema"])
    validate = ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    gate = AnomalyGate(validate.outputs["anomalies"], config.validation)
    duplicates = DuplicateGate(read.outputs["photo_index"], config.duplicates)
    transform = PhotoTransform(
        examples,
        schema.outputs["schema"],
        taxonomy,
        config.transform,
        stored_size_px=config.transform.stored_size_px or largest_px,
        smallest_stage_px=smallest_image_size_px(config.trainer.schedule),
    ).with_id("Transform")
    transform.add_upstream_nodes([gate, duplicates])
    photos = transform.outputs["transformed_examples"]
    pushed = {
        "pushed_dir": str(layout.pushed_saved_models),
        "recipe": recipe,
        "export_fingerprint": export_fingerprint,
    }
    baseline = LastBlessedModel(**pushed, taxonomy=taxonomy)
    start = None
    if config.trainer.base_weights == LAST_BLESSED:
        start = LastBlessedModel(**pushed, network=config.trainer.network).with_id("StartingModel")
    train = ProgressiveTrainer(
        photos,
        taxonomy,
        config.trainer,
        checkpoint_root=str(layout.checkpoints),
        manifest={"recipe": recipe, "pipeline": config.name, "network": config.trainer.network},
        export_fingerprint=export_fingerprint,
        named_files=trainer_files,
        base_model=start.outputs["model"] if start else None,
    )
    model = train.outputs["model"]
    evaluate = TaxonEvaluator(
        photos,
        model,
        taxonomy,
        read.outputs["photo_index"],
        config.evaluation,
        baseline_model=baseline.outputs["model"],
    ).with_id("Evaluator")
    export_mobile = MobileExporter(
        model,
        taxonomy,
        photos,
        read.outputs["photo_index"],
        config.mobile_export,
        named_files=exporter_files,
    )
    validate_mobile = MobileValidator(
        export_mobile.outputs["bundle"], model, photos, examples, config.mobile_validation
    )
    bundle = validate_mobile.outputs["finished_bundle"]
    blessing = evaluate.outputs["blessing"]
    push_model = GuardedPusher(
        model,
        directory=str(layout.pushed_saved_models),
        copy_to=f"{config.push_to}/saved_model" if config.push_to else None,
        model_blessing=blessing,
    ).with_id("PushSavedModel")
    push_bundle = GuardedPusher(
        bundle,
        directory=str(layout.pushed_bundles),
        copy_to=f"{config.push_to}/mobile" if config.push_to else None,
        model_blessing=blessing,
        infra_blessing=validate_mobile.outputs["blessing"],
    ).with_id("PushMobile")
    report = Report(
        pipeline=config.name,
        recipe=recipe,
        export_fingerprint=export_fingerprint,
        settings=config.model_dump(mode="json"),
        metadata_db=str(layout.metadata_db),
        taxonomy=taxonomy,
        photo_index=read.outputs["photo_index"],
        examples=examples,
        set_aside=read.outputs["set_aside"],
        near_duplicates=duplicates.outputs["near_duplicates"],
        gate=gate.outputs["gate"],
        history=train.outputs["history"],
        model=model,
        evaluation=evaluate.outputs["evaluation"],
        model_blessing=blessing,
        bundle=validate_mobile.outputs["finished_bundle"],
        mobile_report=validate_mobile.outputs["report"],
        pushed_model=push_model.outputs["pushed_model"],
        pushed_bundle=push_bundle.outputs["pushed_model"],
    )

    steps = [read, schema, statistics, validate, gate, duplicates, transform, baseline, start]
    steps += [train, evaluate, export_mobile, validate_mobile, push_model, push_bundle, report]
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=pipeline_root or str(layout.artifacts),
        components=[step for step in steps if step is not None],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            str(layout.metadata_db)
        ),
        beam_pipeline_args=beam_arguments(config.beam_args),
    )
