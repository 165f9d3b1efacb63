"""Several machines with several devices each agree, as two with two GPUs each would have to."""

from __future__ import annotations

import json
import os
from pathlib import Path

import two_devices_each
from forked import Forked
from tiny_cluster import ended, free_addresses

MACHINES = 2


def test_all_hear_what_the_chief_says_and_see_the_whole_batch(tmp_path: Path) -> None:
    addresses, processes = free_addresses(MACHINES), []
    for index in range(MACHINES):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        processes.append(
            Forked(
                Path(two_devices_each.__file__),
                tmp_path / f"{index}.json",
                environment={**os.environ, "TF_CONFIG": json.dumps(task)},
                log=tmp_path / f"log-{index}.txt",
            )
        )
    assert ended(processes) == [0, 0], (tmp_path / "log-0.txt").read_text()[-4000:]
    photos = list(range(MACHINES * two_devices_each.DEVICES * two_devices_each.PHOTOS))
    for index in range(MACHINES):
        seen = json.loads((tmp_path / f"{index}.json").read_text())
        assert seen == {"said": two_devices_each.SAID_BY_CHIEF, "whole": photos}
