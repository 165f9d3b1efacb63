"""A JSON file that is written whole or not at all: who reads it, or is killed, finds no half.

write_json(path, {"photos": 1700})
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON-able value in place of what was there; makes the directory.

    Of two processes that write at a time, the file is the one's or the other's.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(value, indent=1))
    beside.replace(path)
