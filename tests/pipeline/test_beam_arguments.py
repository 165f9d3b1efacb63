"""What the steps tell Beam."""

from __future__ import annotations

import pytest
from apache_beam.options.pipeline_options import PipelineOptions, WorkerOptions
from tfx.utils.dependency_utils import make_beam_dependency_flags

from pipeline.beam_arguments import beam_arguments, works_here


def test_workers_of_this_machine_are_sent_no_package() -> None:
    args = beam_arguments(("--runner=FnApiRunner",))
    assert make_beam_dependency_flags(args) == args
    assert PipelineOptions(args).get_all_options()["runner"] == "FnApiRunner"


def test_a_runner_elsewhere_gets_what_the_user_wrote() -> None:
    args = ["--runner=DataflowRunner", "--sdk_container_image=registry/fieldmark:1"]
    assert beam_arguments(args) == args
    image = PipelineOptions(beam_arguments(args)).view_as(WorkerOptions).sdk_container_image
    assert image == "registry/fieldmark:1"


def test_the_last_runner_named_counts() -> None:
    assert works_here(())
    assert works_here(("--runner=FlinkRunner", "--runner=DirectRunner"))
    assert not works_here(("--runner=DirectRunner", "--runner=FlinkRunner"))


@pytest.mark.parametrize(
    "args",
    [
        ("--runner", "FnApiRunner"),
        ("--runner=directrunner",),
        ("--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",),
    ],
)
def test_a_local_runner_is_known_however_beam_lets_it_be_written(args: tuple[str, ...]) -> None:
    assert works_here(args)
