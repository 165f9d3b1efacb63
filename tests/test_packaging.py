"""Fieldmark as Beam ships it to a worker: an sdist, installed where nothing else is."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

ROOMS = ("pipeline", "components", "schemas", "serving", "kubeflow")
SETUP_FILES = ("setup.py", "pyproject.toml", "MANIFEST.in")
DATA_ENDINGS = {".pbtxt", ".yaml", ".html", ".css", ".js", ".svg"}

LEFT_BEHIND = {"__pycache__"}


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive that Beam makes of --setup_file ./setup.py."""
    source = tmp_path_factory.mktemp("source")
    for name in SETUP_FILES:
        shutil.copy(REPOSITORY / name, source)
    for room in ROOMS:
        shutil.copytree(
            REPOSITORY / room, source / room, ignore=shutil.ignore_patterns("__pycache__")
        )
    run(sys.executable, "setup.py", "-q", "sdist", "--dist-dir", "dist", cwd=source)
    (archive,) = (source / "dist").iterdir()
    return archive


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the archive alone, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    build = "import setuptools.build_meta as b; print(b.build_wheel('..'))"
    name = run(sys.executable, "-c", build, cwd=source).splitlines()[-1]
    return folder / name


@pytest.fixture(scope="module")
def worker(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment that has Fieldmark and nothing else."""
    folder = tmp_path_factory.mktemp("worker")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "env", cwd=folder)
    python = folder / "env/bin/python"
    where = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    packages = Path(run(python, "-c", where, cwd=folder).strip())
    # A pure wheel is installed by unpacking it, which is all that pip --no-deps would do.
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    return python


def expected_files() -> set[str]:
    """Sources and data files of all rooms, as paths below the repository."""
    return {
        path.relative_to(REPOSITORY).as_posix()
        for room in ROOMS
        for path in (REPOSITORY / room).rglob("*")
        if path.is_file()
        and not LEFT_BEHIND & set(path.parts)
        and (path.suffix in DATA_ENDINGS | {".py"} or path.name.startswith("Dockerfile"))
    }


def test_the_archive_is_named_as_beam_expects(sdist: Path) -> None:
    assert sdist.name == "fieldmark-0.1.0.tar.gz"


def test_the_archive_has_every_source_and_data_file(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert expected_files() - names == set()
    assert not [name for name in names if name.startswith("tests")]


def test_the_wheel_has_every_source_and_data_file_and_no_other_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read("fieldmark-0.1.0.dist-info/METADATA").decode()
        entry_points = archive.read("fieldmark-0.1.0.dist-info/entry_points.txt").decode()
    assert expected_files() - names == set()
    assert {name.split("/")[0] for name in names} == {*ROOMS, "fieldmark-0.1.0.dist-info"}
    assert "Requires-Python: ==3.11.*" in metadata
    # requirements.lock is the only list of dependencies; setup.py says why.
    assert "Requires-Dist" not in metadata
    assert "fieldmark = pipeline.cli:main" in entry_points


def test_it_imports_where_nothing_else_is(worker: Path, tmp_path: Path) -> None:
    code = (
        "import schemas.errors, schemas.ranks, schemas.csv_rows, serving, components, kubeflow, "
        "pipeline, importlib.util as u; "
        "print(schemas.ranks.level_of('genus'), u.find_spec('numpy'), schemas.__file__)"
    )
    level, numpy, place = run(worker, "-c", code, cwd=tmp_path).split()
    assert (level, numpy) == ("20.0", "None")
    assert Path(place).is_relative_to(worker.parent.parent)


def test_data_files_are_found_where_it_is_installed(worker: Path, tmp_path: Path) -> None:
    code = "from schemas.record import SCHEMA_FILE; print(SCHEMA_FILE.read_text()[:40])"
    assert "Raw records" in run(worker, "-c", code, cwd=tmp_path)


def test_the_command_is_registered(worker: Path, tmp_path: Path) -> None:
    code = (
        "from importlib.metadata import distribution as d; "
        "(e,) = d('fieldmark').entry_points; print(e.group, e.name, e.value)"
    )
    assert run(worker, "-c", code, cwd=tmp_path).split() == [
        "console_scripts",
        "fieldmark",
        "pipeline.cli:main",
    ]
