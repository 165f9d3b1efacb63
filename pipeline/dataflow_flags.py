"""What the flags of a job for Dataflow must say, checked before anything is sent.

A job for Dataflow is refused here, and not minutes later by Google, when it lacks what every such
job needs. Of other runners nothing is asked: their flags depend on how the cluster was set up.

    faults_of(["--runner=DataflowRunner", "--project=museum"])
    # ("--region is missing: the data centre, such as europe-west1", ...)
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.beam_arguments import flags_of, runner_of

DATAFLOW = "dataflow"

NEEDED = {
    "project": "the Google Cloud project that pays",
    "region": "the data centre, such as europe-west1",
    "temp_location": "a directory for what workers write for a while, gs://BUCKET/tmp",
    "staging_location": "a directory for what the job brings along, gs://BUCKET/staging",
}
"""Flags of every job for Dataflow, and what they take."""

IN_A_BUCKET = ("temp_location", "staging_location")
BRINGS_CODE = ("sdk_container_image", "setup_file")
"""Either gives the workers our code; the image has the locked packages as well."""


def faults_of(args: Sequence[str]) -> tuple[str, ...]:
    """Returns what keeps a job from being sent, a line each.

    Args:
        args: as Beam takes them.
    """
    if runner_of(args) != DATAFLOW:
        return ()
    flags = flags_of(args)
    faults = [
        f"--{name} is missing: {what}" for name, what in NEEDED.items() if not flags.get(name)
    ]
    faults += [
        f"--{name} must be in a bucket, gs://BUCKET/..., which the workers see"
        for name in IN_A_BUCKET
        if flags.get(name) and not flags[name].startswith("gs://")
    ]
    if not any(flags.get(name) for name in BRINGS_CODE):
        faults.append(
            "--sdk_container_image is missing: our image with Beam's boot program, which has the "
            "locked packages and our code (or --setup_file=./setup.py, which brings the code to "
            "an image that has the packages)"
        )
    return tuple(faults)
