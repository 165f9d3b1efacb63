"""Lists that a person needs after the step that wrote them has failed."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path


def outliving(listed: Path, prefix: str) -> Path:
    """Returns a copy of a list that outlives its step: TFX deletes what a failed one wrote.

    It lies in the temporary directory under a name of its own, so runs on one machine do not
    overwrite each other's.

    Args:
        listed: the list.
        prefix: what the copy's name begins with; it goes on at random and ends as the list's.
    """
    handle, saved = tempfile.mkstemp(prefix=prefix, suffix=listed.suffix)
    os.close(handle)
    shutil.copyfile(listed, saved)
    return Path(saved)
