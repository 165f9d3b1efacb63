"""What a run is going to do, said before it starts."""

from __future__ import annotations

from components.progressive_trainer.schedule import Stage, stages
from pipeline.config import PipelineConfig
from pipeline.layout import Layout
from pipeline.machine import cpu_cores, gpu_count
from schemas.errors import ConfigError
from schemas.export_summary import summary
from schemas.source import Source


def describe_plan(config: PipelineConfig, export: Source, *, devices: str) -> str:
    """Returns the plan: photos, taxa, stages, devices, places.

    Raises:
        DataError: if the export has faulty rows or a faulty taxonomy.
        ConfigError: if the schedule does not fit the photos.
    """
    taxonomy = export.taxonomy()
    counts = summary(export)
    missing = [split for split in config.evaluation.splits if split not in counts]
    if missing:
        raise ConfigError(
            f"evaluation.splits: the export has no split {missing[0]!r}. "
            f"It has: {', '.join(counts)}."
        )
    photos = ", ".join(f"{split} {count.photos:,}" for split, count in counts.items())
    iconic = {taxonomy.iconic_name(int(i)) for i in taxonomy.iconic_taxon_ids[taxonomy.leaf_nodes]}
    total = sum(count.photos for count in counts.values())
    plan = stages(config.trainer.schedule, num_photos=counts["train"].photos)
    trainer = config.trainer
    lines = [
        f"pipeline   {config.name}, in {Layout.of(config).root}",
        f"export     {export.directory} ({export.description})",
        f"photos     {total:,} ({photos})",
        f"taxa       {len(taxonomy):,}, of which {taxonomy.num_leaves:,} leaves "
        f"({', '.join(sorted(filter(None, iconic))) or 'no iconic taxon'})",
        f"network    {trainer.network}, base weights {trainer.base_weights}, "
        f"{trainer.optimizer}, {trainer.precision}",
        f"devices    {devices}",
        "stages     "
        + "\n           ".join(
            f"{stage.index + 1}. {stage.image_size_px} px, batch {_batch(stage)}, "
            f"{stage.steps:,} steps, rate {stage.peak_learning_rate:.2g}, "
            f"dropout {stage.dropout:.2f}, augment {stage.augment:.2f}"
            for stage in plan
        ),
    ]
    return "\n".join(lines)


def _batch(stage: Stage) -> str:
    return f"auto (here: {stage.global_batch})" if stage.auto_batch else str(stage.global_batch)


def devices_of_machine(logical_cpu_devices: int) -> str:
    """Returns the devices that training will use, in words, without holding them.

    Asked of the NVIDIA driver's device files: TensorFlow would take the GPUs' memory in this
    process, and training runs in another.
    """
    gpus = gpu_count()
    if gpus:
        return f"{gpus} GPU{'s' if gpus > 1 else ''}"
    text = f"no GPU, {cpu_cores()} CPU cores"
    return text + (f" as {logical_cpu_devices} replicas" if logical_cpu_devices > 1 else "")
