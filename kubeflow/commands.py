"""`fieldmark kubeflow`: compile, build, submit, simulate."""

from __future__ import annotations

import os
from pathlib import Path

import click

from schemas.errors import ConfigError

PACKAGE = click.Path(path_type=Path, dir_okay=False)


@click.group("kubeflow")
def command() -> None:
    """Compile a pipeline for Kubeflow Pipelines 2, build its image, and run it there.

    \b
    Start with:
      fieldmark kubeflow build --tag registry/fieldmark:1
      fieldmark kubeflow compile ladybirds --image registry/fieldmark:1 \\
        --pipeline-root minio://mlpipeline/fieldmark -o pipeline.yaml
      fieldmark kubeflow submit pipeline.yaml --host http://localhost:8080
    """


@command.command("compile")
@click.argument("config")
@click.option("--image", required=True, help="Image that every step runs in.")
@click.option(
    "--pipeline-root",
    required=True,
    metavar="URI",
    help="Where artifacts go: minio://, s3://, gs://.",
)
@click.option("-o", "--output", type=PACKAGE, required=True, help="File to write.")
@click.option(
    "--export", "export_dir", metavar="DIR", help="Default of export_dir, as pods see it."
)
@click.option(
    "--fingerprint-of",
    metavar="DIR",
    help="The same export as it is seen here: its fingerprint becomes the default.",
)
@click.option("--target", type=click.Choice(["kubeflow", "vertex"]), default="kubeflow")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Change one setting.")
def compile_command(
    config: str,
    image: str,
    pipeline_root: str,
    output: Path,
    export_dir: str | None,
    fingerprint_of: str | None,
    target: str,
    overrides: tuple[str, ...],
) -> None:
    """Compile CONFIG, a preset or a YAML file, into one file that Kubeflow takes as it is."""
    from pipeline.chatter import chatter_to
    from pipeline.config import load_config
    from pipeline.fingerprint import export_fingerprint
    from schemas.open_source import open_source

    loaded = load_config(config, overrides=overrides, export_dir=export_dir)
    fingerprint = None
    if fingerprint_of:
        export = open_source(fingerprint_of, loaded.export.format)
        fingerprint = export_fingerprint(export, photo_size=loaded.export.photo_size)
    with chatter_to(Path(os.devnull)):
        from kubeflow.compile import compile_pipeline

        package = compile_pipeline(
            loaded,
            image=image,
            pipeline_root=pipeline_root,
            export_fingerprint=fingerprint,
            target="vertex" if target == "vertex" else "kubeflow",
        )
    package.write(output)
    click.echo(f"{output}: {loaded.name}, {package.num_steps} steps, image {image}")
    for name, default in package.parameters.items():
        click.echo(f"  {name:<20} {default if default is not None else '(each run must give it)'}")
    named = [*loaded.trainer.named_files, *loaded.mobile_export.named_files]
    if named:
        click.echo(
            f"Kubeflow's cache knows {', '.join(named)} by path alone: give a file that has "
            "changed another name, or the run another export_fingerprint."
        )


@command.command("submit")
@click.argument("package", type=PACKAGE)
@click.option("--host", required=True, metavar="URL", envvar="KF_PIPELINES_ENDPOINT")
@click.option("--set", "given", metavar="NAME=VALUE", multiple=True, help="Value of a parameter.")
@click.option("--experiment", help="What the run is filed under. Default: the pipeline's name.")
@click.option("--namespace", help="Your namespace, where the installation has several users.")
@click.option("--service-account", help="Account that the pods run as.")
@click.option("--token-file", type=PACKAGE, help="File with a bearer token.")
@click.option("--every", type=click.Choice(["day", "week", "month"]), help="Run again and again.")
@click.option("--no-cache", is_flag=True, help="Run every step, also those that have been run.")
@click.option("--no-wait", is_flag=True, help="Do not follow the run.")
def submit_command(
    package: Path,
    host: str,
    given: tuple[str, ...],
    experiment: str | None,
    namespace: str | None,
    service_account: str | None,
    token_file: Path | None,
    every: str | None,
    no_cache: bool,
    no_wait: bool,
) -> None:
    """Run PACKAGE, a compiled pipeline, and follow it; or set it to run every month."""
    from kubeflow.compiled import read_compiled
    from kubeflow.server import connect
    from kubeflow.submit import Submission, follow, schedule, submit

    compiled, values = read_compiled(package), parsed(given)
    if not every:
        compiled.arguments(values)  # what is wrong with them is said before anything is asked
    token = token_file.read_text().strip() if token_file else None
    client = connect(host, namespace=namespace, token=token)
    host = host.rstrip("/")
    submission = Submission(
        experiment or compiled.name, namespace, service_account, False if no_cache else None
    )
    if every:
        schedule(compiled, client, host, values, submission, every, click.echo)
        return
    run_id = submit(compiled, client, host, values, submission, click.echo)
    if no_wait:
        return
    try:
        follow(client, host, run_id, click.echo, images=compiled.images)
    except KeyboardInterrupt:
        click.echo("No longer following; the run goes on in the cluster.", err=True)


@command.command("simulate")
@click.argument("package", type=PACKAGE)
@click.option("--set", "given", metavar="NAME=VALUE", multiple=True, help="Value of a parameter.")
@click.option(
    "--in",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Directory for what stands for the object store; new or empty.",
)
def simulate_command(package: Path, given: tuple[str, ...], directory: Path) -> None:
    """Run PACKAGE on this machine, step by step as Kubeflow would start them.

    The volume must be there: compile with --set kubeflow.volume.mount_path=DIR.
    """
    from kubeflow.compiled import read_compiled
    from kubeflow.simulate import Simulation

    if directory.is_dir() and any(directory.iterdir()):
        raise ConfigError(f"--in takes a new or an empty directory. Received: {directory}.")
    simulation = Simulation(directory.absolute(), say=click.echo)
    simulation.run(read_compiled(package), parsed(given))


@command.command("manifests")
@click.argument("config")
@click.option("--namespace", default="kubeflow", help="That the pipeline runs in.")
@click.option("--service-account", default="pipeline-runner", help="That its pods run as.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Change one setting.")
def manifests_command(
    config: str, namespace: str, service_account: str, overrides: tuple[str, ...]
) -> None:
    """Print what CONFIG needs in its namespace, for `kubectl apply -f -`."""
    import yaml

    from kubeflow.manifests import documents
    from pipeline.config import load_config

    settings = load_config(config, overrides=overrides).kubeflow
    made = documents(settings, namespace=namespace, service_account=service_account)
    click.echo(yaml.safe_dump_all(made, sort_keys=False), nl=False)


@command.command("build")
@click.option("--tag", required=True, help="Name of the image, such as registry/fieldmark:1.")
@click.option("--gpu", is_flag=True, help="With NVIDIA's libraries.")
@click.option("--push", is_flag=True, help="Push it to its registry when it is built.")
def build_command(tag: str, gpu: bool, push: bool) -> None:
    """Build the image that every step runs in, with Docker."""
    from kubeflow.build import build

    build(tag, gpu=gpu, push=push)


def parsed(given: tuple[str, ...]) -> dict[str, str]:
    """Returns the values of NAME=VALUE by name.

    Raises:
        ConfigError: if one is not of that form.
    """
    values = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ConfigError(f"--set takes NAME=VALUE. Received: {text!r}.")
        values[name] = value
    return values
