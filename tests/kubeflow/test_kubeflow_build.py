"""The image's context and lock, and the command around Docker, with a stand-in for Docker."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from kubeflow.build import REPOSITORY, BuildError, build, fill
from kubeflow.locked_packages_of_a_run import asked_by, of_a_run, packages

LOCK = """\
click==8 \\
    --hash=sha256:aa
    # via
    #   -r requirements.in
    #   import-linter
grimp==3 \\
    --hash=sha256:bb
    # via import-linter
import-linter==2 \\
    --hash=sha256:cc
    # via -r requirements-dev.in
rich==13 \\
    --hash=sha256:dd \\
    --hash=sha256:ee
    # via
    #   import-linter
    #   typer
typer==1 \\
    --hash=sha256:ff
    # via -r requirements.in
"""

FAKE = """\
#!{python}
import pathlib, sys
arguments = sys.argv[1:]
heard = pathlib.Path({heard!r})
with heard.open("a") as file:
    file.write(" ".join(arguments) + "\\n")
if arguments[0] == "info" and {down}:
    sys.exit("Cannot connect to the Docker daemon")
if arguments[0] == "build":
    context = pathlib.Path(arguments[-1])
    names = sorted(str(path.relative_to(context)) for path in context.rglob("*"))
    pathlib.Path({files!r}).write_text("\\n".join(names))
    sys.exit({code})
if arguments[:2] == ["image", "inspect"]:
    print(3210000000)
"""


def fake_docker(tmp_path: Path, *, code: int = 0, down: bool = False) -> list[str]:
    path = tmp_path / "docker"
    path.write_text(
        FAKE.format(
            python=sys.executable,
            heard=str(tmp_path / "heard"),
            files=str(tmp_path / "files"),
            code=code,
            down=down,
        )
    )
    path.chmod(0o755)
    return [str(path)]


def test_developers_packages_and_what_they_alone_ask_for_are_left_out() -> None:
    kept = of_a_run(packages(LOCK))
    assert set(kept) == {"click", "rich", "typer"}
    assert kept["rich"].count("--hash") == 2
    assert asked_by(kept["rich"]) == {"import-linter", "typer"}


def test_lock_of_the_image_keeps_every_package_that_our_code_imports() -> None:
    kept = of_a_run(packages((REPOSITORY / "requirements.lock").read_text()))
    assert {"tfx", "tensorflow", "apache-beam", "keras", "kfp", "kubernetes", "duckdb"} <= set(kept)
    assert not {"pytest", "ruff", "mypy", "hypothesis", "import-linter"} & set(kept)
    assert all("--hash=sha256:" in block for block in kept.values())


def test_image_is_built_from_code_and_locks_and_its_size_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build("registry/fieldmark:1", gpu=True, push=True, docker=fake_docker(tmp_path))

    _, built, _, pushed = (tmp_path / "heard").read_text().splitlines()
    assert "--tag=registry/fieldmark:1" in built
    assert "--build-arg=BASE=python:3.11-slim-bookworm" in built
    assert "--build-arg=GPU=1" in built
    assert pushed == "push registry/fieldmark:1"
    assert capsys.readouterr().out == "registry/fieldmark:1: 3.21 GB\n"
    files = (tmp_path / "files").read_text().splitlines()
    assert {"Dockerfile", "requirements.lock", "code/schemas/example.pbtxt"} <= set(files)
    assert "code/kubeflow/entrypoint.py" in files
    assert not [name for name in files if "__pycache__" in name or name.startswith("code/tests")]


def test_dockerfile_copies_only_what_the_context_has(tmp_path: Path) -> None:
    fill(tmp_path)
    dockerfile = (tmp_path / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (tmp_path / name).exists(), name
    assert re.search(r"^USER \d+:\d+$", dockerfile, re.MULTILINE)
    assert "--require-hashes" in dockerfile


@pytest.mark.parametrize(
    ("docker", "message"),
    [
        ("missing", r"There is no /nowhere/docker here\. Install Docker, or build the image where"),
        ("down", r"daemon does not answer: Cannot connect to the Docker daemon\. Start it"),
        ("fails", r"docker build` failed; what it said is above\."),
    ],
)
def test_docker_that_cannot_is_said_in_one_line(tmp_path: Path, docker: str, message: str) -> None:
    commands = {
        "missing": ["/nowhere/docker"],
        "down": fake_docker(tmp_path, down=docker == "down"),
        "fails": fake_docker(tmp_path, code=1, down=docker == "down"),
    }
    with pytest.raises(BuildError, match=message):
        build("x:1", gpu=False, push=False, docker=commands[docker])
