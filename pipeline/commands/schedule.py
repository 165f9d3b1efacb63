"""`fieldmark schedule`: what a schedule will do, and what it costs, before it runs."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import get_args

import click

from components.progressive_trainer.schedule_settings import SchedulePreset

SCHEDULE_PRESETS: tuple[str, ...] = get_args(SchedulePreset)


@click.command("schedule", context_settings={"show_default": True})
@click.argument("config")
@click.option("--photos", default=10_000, type=click.IntRange(1), help="Training photos, an epoch.")
@click.option(
    "--val-photos", type=click.IntRange(1), help="Photos of a validation, to count them as well."
)
@click.option("--leaves", default=100, type=click.IntRange(1), help="Leaves of the taxonomy.")
@click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change one setting, for example trainer.network=efficientnetv2_s.",
)
def command(
    config: str, photos: int, val_photos: int | None, leaves: int, overrides: tuple[str, ...]
) -> None:
    """Print the stages of a schedule with their cost, and draw its curves.

    CONFIG is a schedule preset (fixed, journal, short, paper-s, paper-m, transfer), a pipeline
    preset or a YAML file. Cost is counted in floating-point operations on the network itself; of
    what does not learn, only the pass forth.

    \b
    Examples:
      fieldmark schedule journal --photos 4185 --set trainer.network=mobilenet_025
      fieldmark schedule ladybirds
    """
    from pipeline.chatter import chatter_to
    from pipeline.config import load_config

    if config in SCHEDULE_PRESETS:
        overrides = (f"trainer.schedule={{preset: {{name: {config}}}}}", *overrides)
        config = "ladybirds"
    trainer = load_config(config, overrides=overrides).trainer
    with chatter_to(Path(os.devnull)):
        from components.progressive_trainer.doubtful import doubts
        from components.progressive_trainer.flops import FlopCounter
        from components.progressive_trainer.memory_estimate import Footprint
        from components.progressive_trainer.schedule import stages
        from pipeline.schedule_table import schedule_curves, schedule_notes, schedule_table

        plan = stages(trainer.schedule, num_photos=photos)
        counter = FlopCounter(trainer.network, num_leaves=leaves, head_rank=trainer.head_rank)
        cost = cache(counter.training)
        table = schedule_table(
            plan, num_photos=photos, cost_of_size=cost, val_photos=val_photos or 0
        )
        notes = schedule_notes(plan, trainer.adaptive, cost_of_size=cost)
        notes += doubts(trainer, plan, num_photos=photos)
        memory = Footprint(counter.model, trainer).of(plan, replicas=1).in_words()
        curves = schedule_curves(plan, trainer.schedule, num_photos=photos)
    click.echo(f"{trainer.network}, {photos:,} training photos, {leaves:,} leaves\n")
    click.echo("\n".join([table, *notes, "", memory, "", curves]))
