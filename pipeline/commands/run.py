"""`fieldmark run`."""

from __future__ import annotations

import click


@click.command("run")
@click.argument("config")
@click.option(
    "--export",
    "export_dir",
    metavar="DIR",
    help="iNaturalist vision export to read; goes before the config's export_dir.",
)
@click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change one setting, for example trainer.seed=3; may be given several times.",
)
def command(config: str, export_dir: str | None, overrides: tuple[str, ...]) -> None:
    """Run a pipeline on this machine: from an export to a blessed, pushed model.

    CONFIG is a preset (demo, ladybirds, molluscs, full) or a YAML file. Steps whose inputs,
    settings and code are as before are not run again; a run that was stopped goes on where it was
    when the same command is given.

    \b
    Examples:
      fieldmark run demo --export runs/demo-export
      fieldmark run my-beetles.yaml --set trainer.network=efficientnetv2_b2
    """
    from pipeline.config import load_config
    from pipeline.local_run import run_pipeline

    run_pipeline(load_config(config, overrides=overrides, export_dir=export_dir))
