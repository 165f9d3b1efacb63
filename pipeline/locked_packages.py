"""The installed packages against requirements.lock.

disagreements(locked_versions(Path("requirements.lock")))
# [Disagreement(package='numpy', locked='2.4.6', installed='1.26.4')]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from schemas.errors import DataError


@dataclass(frozen=True)
class Disagreement:
    """A package whose installed version is not the locked one.

    Attributes:
        package: its name.
        locked: version in requirements.lock.
        installed: version that is there; None if the package is missing.
    """

    package: str
    locked: str
    installed: str | None

    def __str__(self) -> str:
        found = "missing" if self.installed is None else f"is {self.installed}"
        return f"{self.package} {found} (locked: {self.locked})"


def locked_versions(path: Path) -> dict[str, str]:
    """Returns the version of each package that the lock names for this machine.

    Raises:
        DataError: if the file cannot be read or has a line that is no `name==version`.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(
            path,
            problem=f"cannot be read: {error.strerror}.",
            remedy="Check the path and its permissions.",
        ) from error
    versions = {}
    for number, line in enumerate(lines, start=1):
        # Hashes and comments are indented; what is not is a package.
        if not line[:1].isalnum():
            continue
        text = line.removesuffix("\\").strip()
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            requirement = None
        pins = list(requirement.specifier) if requirement else []
        if requirement is None or len(pins) != 1 or pins[0].operator != "==":
            raise DataError(
                path,
                row=number,
                problem=f"is not name==version. Received: {text!r}.",
                remedy="Make the file again with: make lock.",
            )
        if requirement.marker is None or requirement.marker.evaluate():
            versions[requirement.name] = pins[0].version
    return versions


def disagreements(locked: Mapping[str, str]) -> list[Disagreement]:
    """Returns the locked packages that are missing or have another version, by name."""
    found = []
    for package, version in sorted(locked.items()):
        installed = installed_version(package)
        if installed != version:
            found.append(Disagreement(package, version, installed))
    return found


def installed_version(package: str) -> str | None:
    """Returns a package's version without importing it; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
