"""The arguments of the Beam runner, as the steps get them.

Law: a step ships code to other machines only where a runner of other machines is asked for. For
each Beam step whose arguments do not say where workers find their packages TFX packs all of itself,
and leaves the 52 MB in the temporary directory. Workers on this machine have them.

    beam_arguments(("--runner=FnApiRunner",))
    # ["--runner=FnApiRunner", "--sdk_container_image=none"]
"""

from __future__ import annotations

from collections.abc import Sequence

LOCAL_RUNNERS = ("FnApiRunner", "DirectRunner", "BundleBasedDirectRunner")
"""They start their workers on this machine, from this environment."""

NO_IMAGE = "--sdk_container_image=none"
"""No local runner starts a container; TFX takes any image as one that has the packages."""


def works_here(args: Sequence[str]) -> bool:
    """Returns whether the runner of these arguments works on the machine that starts it.

    Args:
        args: of the Beam runner, as `--name=value`. The last --runner counts, as it does for Beam.
    """
    runners = [arg.partition("=")[2] for arg in args if arg.startswith("--runner=")]
    return not runners or runners[-1] in LOCAL_RUNNERS


def beam_arguments(args: Sequence[str]) -> list[str]:
    """Returns the arguments for the steps.

    Args:
        args: as the config has them.
    """
    return [*args, NO_IMAGE] if works_here(args) else list(args)
