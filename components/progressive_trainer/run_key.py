"""The name of a run's checkpoints: the same command finds them again, another training does not.

The law: what changes a weight changes the name; what does not leaves it alone, so that a run that
was stopped goes on where it was when such a setting is put right.

    run_key(settings, examples_uri="…", code_version="…", named_files="", base_model_id=None)
    # "5f0c…", 16 hexadecimal digits
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

NOT_OF_THE_TRAINING = frozenset(
    {
        # How often places are saved: a run goes on from any of them, bit for bit.
        "checkpoint_secs",
        # How many steps a row of the history has. Rows written so far stay as they are.
        "history_steps",
        # How long machines wait for one another before they give up.
        "longest_wait_secs",
        # Validation counts every photo once, in batches of any size: hits are whole numbers, and
        # the loss moves by rounding. Too large a batch may be what ended the run.
        "eval_batch",
        # A global batch trains the same on any number of replicas, but for rounding; how many GPUs
        # there are is not in the name either.
        "logical_cpu_devices",
    }
)
"""Settings of TrainerSettings, by name."""


def run_key(
    settings: Mapping[str, Any],
    *,
    examples_uri: str,
    code_version: str,
    named_files: str,
    base_model_id: str | None,
) -> str:
    """Returns 16 hexadecimal digits.

    Args:
        settings: of TrainerSettings, as JSON-able values.
        examples_uri: the photos.
        code_version: hash of the code that trains.
        named_files: hash of what is in the files that settings name.
        base_model_id: of the model that training starts from, if it is an artifact.
    """
    training = {key: settings[key] for key in settings if key not in NOT_OF_THE_TRAINING}
    given = json.dumps(training, sort_keys=True)
    parts = [examples_uri, given, code_version, named_files, base_model_id]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
