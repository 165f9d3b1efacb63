"""How Fieldmark is packed: `python setup.py sdist`, as Beam does with --setup_file ./setup.py.

Metadata and the command line's entry point are in pyproject.toml. No dependency is declared, and
that is on purpose: requirements.lock holds versions that the packages' own metadata would refuse
(requirements.overrides says which, and why), so a worker that let pip resolve them would fail to
start. A worker's image brings what requirements.lock names; this package adds our code only.
"""

from setuptools import find_packages, setup

ROOMS = ("pipeline", "components", "schemas", "serving", "kubeflow")

DATA_FILES = [
    "*.pbtxt",
    "*.yaml",
    "*.html",
    "*.css",
    "*.js",
    "*.svg",
    "Dockerfile*",
    "presets/*.yaml",
]
"""Files beside the code that it reads; patterns are relative to each package."""

setup(
    packages=find_packages(include=[name for room in ROOMS for name in (room, f"{room}.*")]),
    package_data={"": DATA_FILES},
)
