"""The lock without what only developers need: what goes into the image.

    python locked_packages_of_a_run.py DIRECTORY            # all of it
    python locked_packages_of_a_run.py DIRECTORY setuptools # of it, what is named

It runs while the image is built, before any package is there.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

LOCK, DEVELOPERS = "requirements.lock", "requirements-dev.in"


def packages(lock: str) -> dict[str, str]:
    """Returns the block of each package: its version, its hashes, and who asks for it (`# via`).

    Args:
        lock: as `uv pip compile --generate-hashes` writes it.
    """
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", lock.strip())
    return {block.partition("==")[0].lower(): block for block in blocks}


def of_a_run(blocks: Mapping[str, str]) -> dict[str, str]:
    """Returns the packages that something asks for beside developers and what they ask for."""
    dropped = {f"-r {DEVELOPERS}"}
    while True:
        more = {name for name, block in blocks.items() if asked_by(block) <= dropped}
        if more <= dropped:
            return {name: block for name, block in blocks.items() if name not in dropped}
        dropped |= more


def asked_by(block: str) -> set[str]:
    """Returns who asks for a package: names, and `-r FILE`."""
    lines = re.findall(r"^\s+#\s+(.+)$", block, re.MULTILINE)
    return {line.removeprefix("via").strip() for line in lines} - {""}


if __name__ == "__main__":
    directory, *names = sys.argv[1:]
    kept = of_a_run(packages((Path(directory) / LOCK).read_text()))
    print("\n".join(kept[name] for name in names or kept))
