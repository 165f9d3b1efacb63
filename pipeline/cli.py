"""The `fieldmark` command. Each subcommand is loaded only when it is asked for."""

from __future__ import annotations

import gc
import importlib
import sys
from types import MappingProxyType

import click

from schemas.errors import FieldmarkError, Interrupted

USER_ERROR_EXIT_CODE = 2
INTERRUPTED_EXIT_CODE = 130
"""After Ctrl-C."""
RESUME_EXIT_CODE = 75
"""After SIGTERM, as of the training process: "start me again". EX_TEMPFAIL of sysexits.h."""

COMMANDS = MappingProxyType(
    {
        "run": ("run", "Run a pipeline: an export becomes a blessed, pushed model."),
        "demo-export": ("demo_export", "Draw a small vision export of painted ladybirds."),
        "inspect": ("inspect", "Say what an export is and what is in it."),
        "build-export": ("build_export", "Select an export from a table of observations."),
        "fetch-photos": ("fetch_photos", "Fetch the photos of an export that are not on disk."),
        "near-duplicates": (
            "near_duplicates",
            "List photos that stand, nearly the same, in two splits.",
        ),
        "schedule": ("schedule", "Print the stages of a schedule and what they cost."),
        "classify": ("classify", "Name the species in photos with a pushed model."),
        "evaluate": ("evaluate", "Say how good any model is on an export, taxon by taxon."),
        "serve": ("serve", "Answer over HTTP with a pushed model, and show a page."),
        "export-legacy": (
            "export_legacy",
            "Write a pushed model as iNaturalist's own server loads it.",
        ),
        "variance": ("variance", "Say what of the spread between trainings is sampling."),
        "lineage": ("lineage", "Say which models a photo was in the training of."),
        "attribution": ("attribution", "Write the credits of what a model was trained on."),
        "kubeflow": ("kubeflow.commands", "Compile for Kubeflow Pipelines, build, submit."),
        "doctor": ("doctor", "Look whether this machine has what Fieldmark needs."),
    }
)
"""Name of each subcommand: its module in pipeline.commands (one with a dot is a module's whole
name), and a line of help."""


class _LazyGroup(click.Group):
    """Lists subcommands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = COMMANDS[cmd_name][0]
        module = importlib.import_module(name if "." in name else f"pipeline.commands.{name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def fieldmark() -> None:
    """Turn an iNaturalist export into a species classifier that runs on a phone.

    Start with: fieldmark demo-export DIR, then fieldmark run demo --export DIR
    """


def main() -> None:
    """Entry point: errors meant for people are printed without a traceback."""
    try:
        _main()
    finally:
        # At its end the interpreter looks for garbage once more, through all that TFX, Beam and
        # TensorFlow have made; that took from 6 seconds to over a minute, and frees what the
        # kernel frees at once.
        gc.freeze()


def _main() -> None:
    try:
        code = fieldmark.main(standalone_mode=False)
    except Interrupted as stopped:
        click.echo(str(stopped), err=True)
        sys.exit(RESUME_EXIT_CODE)
    except FieldmarkError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(USER_ERROR_EXIT_CODE)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.exceptions.Abort):
        click.echo("Stopped. Give the same command again to go on.", err=True)
        sys.exit(INTERRUPTED_EXIT_CODE)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
