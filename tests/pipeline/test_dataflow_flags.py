"""Flags for Beam elsewhere: what is refused, and what Beam makes of what is not."""

from __future__ import annotations

import pytest

from pipeline.beam_arguments import flags_of, runner_of
from pipeline.config import load_config
from pipeline.dataflow_flags import faults_of
from schemas.errors import ConfigError

DATAFLOW = (
    "--runner=DataflowRunner",
    "--project=museum",
    "--region=europe-west1",
    "--temp_location=gs://museum/tmp",
    "--staging_location=gs://museum/staging",
    "--sdk_container_image=registry.example/fieldmark-beam:1",
    "--sdk_location=container",
)


def without(name: str) -> list[str]:
    return [arg for arg in DATAFLOW if not arg.startswith(f"--{name}=")]


@pytest.mark.parametrize(
    "name", ["project", "region", "temp_location", "staging_location", "sdk_container_image"]
)
def test_a_job_for_dataflow_that_lacks_something_is_refused_by_name(name: str) -> None:
    assert faults_of(DATAFLOW) == ()
    (fault,) = faults_of(without(name))
    assert fault.startswith(f"--{name} is missing: ")


def test_code_may_come_by_setup_py() -> None:
    assert faults_of([*without("sdk_container_image"), "--setup_file=./setup.py"]) == ()


def test_a_local_directory_for_dataflow_is_refused_in_the_config() -> None:
    args = [*without("temp_location"), "--temp_location=/tmp/x"]
    with pytest.raises(ConfigError) as error:
        load_config("demo", overrides=[f"beam_args={args}"])
    assert str(error.value) == (
        "demo: beam_args: --temp_location must be in a bucket, gs://BUCKET/..., which the workers "
        f"see. Received: {args!r}."
    )


def test_values_may_stand_apart_and_the_last_one_counts() -> None:
    flags = flags_of(["--project", "a", "--streaming", "--project=b", "stray"])
    assert flags == {"project": "b", "streaming": ""}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("DataflowRunner", "dataflow"),
        ("dataflow", "dataflow"),
        ("apache_beam.runners.dataflow.DataflowRunner", "dataflow"),
        ("FnApiRunner", "fnapi"),
    ],
)
def test_a_runner_has_several_spellings(given: str, name: str) -> None:
    assert runner_of([f"--runner={given}"]) == name
    assert bool(faults_of([f"--runner={given}"])) is (name == "dataflow")


def test_other_runners_are_not_asked_for_anything() -> None:
    assert faults_of(["--runner=FlinkRunner"]) == ()
    assert faults_of([]) == ()


def test_beam_makes_a_job_for_dataflow_of_our_flags_up_to_sending_it() -> None:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.dataflow.internal import apiclient

    from components.export_example_gen.results import to_line

    args = [*DATAFLOW, "--job_name=transform", "--dry_run=true", "--no_auth"]
    options = PipelineOptions(args)
    pipeline = beam.Pipeline(options=options)
    _ = pipeline | beam.Create([("train", 1)]) | beam.Map(to_line, "kept")
    job = pipeline.run().job
    assert (job.proto.name, job.proto.type.name) == ("transform", "JOB_TYPE_BATCH")
    environment = apiclient.Environment(
        [], options, "2", "gs://museum/staging/pipeline.pb", job.proto_pipeline
    ).proto
    (pool,) = environment.worker_pools
    assert {image.container_image for image in pool.sdk_harness_container_images} == {
        "registry.example/fieldmark-beam:1"
    }
    assert environment.temp_storage_prefix == "storage.googleapis.com/museum/tmp"
