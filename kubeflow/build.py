"""`fieldmark kubeflow build`: the image of the steps, built with Docker from this checkout.

build("registry/fieldmark:1", gpu=False, push=False)
"""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from schemas.errors import FieldmarkError

REPOSITORY = Path(__file__).parents[1]
ROOMS = ("pipeline", "components", "schemas", "serving", "kubeflow")
FILES = ("requirements.lock", "requirements-gpu.lock")
BASE = "python:3.11-slim-bookworm"


class BuildError(FieldmarkError):
    """The image could not be built or pushed."""


def build(
    tag: str,
    *,
    gpu: bool,
    push: bool,
    base: str = BASE,
    docker: Sequence[str] = ("docker",),
    more_arguments: Mapping[str, str] | None = None,
) -> None:
    """Builds the image, and says how large it is.

    Args:
        tag: its name.
        gpu: with NVIDIA's libraries.
        push: to its registry, when it is built.
        base: image that it is built on.
        docker: Docker's command, with options.
        more_arguments: of the Dockerfile, by name.

    Raises:
        BuildError: if there is no Docker, no checkout, or the build fails.
    """
    _check(docker)
    with tempfile.TemporaryDirectory(prefix="fieldmark-image-") as folder:
        context = Path(folder)
        fill(context)
        arguments = {"BASE": base, "GPU": str(int(gpu)), "VERSION": _version()}
        arguments |= more_arguments or {}
        options = [f"--build-arg={key}={value}" for key, value in arguments.items()]
        _run(docker, "build", "--network=host", f"--tag={tag}", *options, str(context))
    size = subprocess.run(
        [*docker, "image", "inspect", "--format={{.Size}}", tag],
        capture_output=True,
        text=True,
        check=True,
    )
    click.echo(f"{tag}: {int(size.stdout) / 1e9:.2f} GB")
    if push:
        _run(docker, "push", tag)


def fill(context: Path) -> None:
    """Copies what the Dockerfile needs into a directory.

    Raises:
        BuildError: if this is not a checkout.
    """
    missing = [name for name in FILES if not (REPOSITORY / name).is_file()]
    if missing:
        raise BuildError(
            f"{REPOSITORY} has no {missing[0]}: the image is built from a checkout of Fieldmark."
        )
    for name in FILES:
        shutil.copy(REPOSITORY / name, context)
    for room in ROOMS:
        shutil.copytree(
            REPOSITORY / room,
            context / "code" / room,
            ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
        )
    shutil.copy(REPOSITORY / "setup.py", context / "code")
    shutil.copy(REPOSITORY / "pyproject.toml", context / "code")
    for name in ("Dockerfile", "locked_packages_of_a_run.py"):
        shutil.copy(REPOSITORY / "kubeflow" / name, context)


def _check(docker: Sequence[str]) -> None:
    if shutil.which(docker[0]) is None:
        raise BuildError(
            f"There is no {docker[0]} here. Install Docker, or build the image where it is: "
            "kubeflow/Dockerfile says how."
        )
    answer = subprocess.run([*docker, "info"], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        last = (answer.stderr.strip().splitlines() or ["no answer"])[-1]
        raise BuildError(f"Docker's daemon does not answer: {last}. Start it, then try again.")


def _version() -> str:
    try:
        return importlib.metadata.version("fieldmark")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _run(docker: Sequence[str], *arguments: str) -> None:
    if subprocess.run([*docker, *arguments], check=False).returncode != 0:
        raise BuildError(f"`docker {arguments[0]}` failed; what it said is above.")
