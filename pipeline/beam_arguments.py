"""The arguments of the Beam runner, as the steps get them.

Law: a step ships code to other machines only where a runner of other machines is asked for. For
each Beam step whose arguments do not say where workers find their packages TFX packs all of itself,
and leaves the 52 MB in the temporary directory. Workers on this machine have them.

    beam_arguments(("--runner=FnApiRunner",))
    # ["--runner=FnApiRunner", "--sdk_container_image=none"]
"""

from __future__ import annotations

from collections.abc import Sequence

LOCAL_RUNNERS = ("fnapi", "direct", "bundlebaseddirect")
"""As `runner_of` names them: they start their workers on this machine, from this environment."""

NO_IMAGE = "--sdk_container_image=none"
"""No local runner starts a container; TFX takes any image as one that has the packages."""


def flags_of(args: Sequence[str]) -> dict[str, str]:
    """Returns the values of flags by name, "" for a switch; the last of a name counts.

    Args:
        args: as Beam takes them: --name=value, or --name and value.
    """
    flags: dict[str, str] = {}
    waiting = ""
    for arg in args:
        if arg.startswith("--"):
            waiting, equals, value = arg.removeprefix("--").partition("=")
            flags[waiting] = value
            waiting = "" if equals else waiting
        elif waiting:
            flags[waiting], waiting = arg, ""
    return flags


def runner_of(args: Sequence[str]) -> str:
    """Returns the runner's name in short and lower case, such as "flink"; "" without one.

    Args:
        args: as Beam takes them.
    """
    name = flags_of(args).get("runner", "")
    return name.rpartition(".")[2].lower().removesuffix("runner")


def works_here(args: Sequence[str]) -> bool:
    """Returns whether the runner of these arguments works on the machine that starts it.

    Args:
        args: as Beam takes them.
    """
    return runner_of(args) in ("", *LOCAL_RUNNERS)


def beam_arguments(args: Sequence[str]) -> list[str]:
    """Returns the arguments for the steps.

    Args:
        args: as the config has them.
    """
    return [*args, NO_IMAGE] if works_here(args) else list(args)
