"""TF_CONFIG: which machines train together, and which of them this process is.

The chief is the machine under `chief`, or worker 0 where there is none; it has rank 0, and the
workers follow in order. All that TF_CONFIG can say and this training cannot do is refused.

    read_cluster('{"cluster": {"worker": ["a:2222", "b:2222"]}, '
                 '"task": {"type": "worker", "index": 1}}')
    # Cluster(rank=1, addresses=("a:2222", "b:2222"))

Source: the format of tf.distribute.cluster_resolver.TFConfigClusterResolver.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from schemas.errors import ConfigError

ENVIRONMENT_VARIABLE = "TF_CONFIG"
_ROLES = ("chief", "worker")
_REMEDY = (
    'Give every machine the same "cluster" of "worker" addresses (and "chief", if you like), and '
    'its own "task".'
)


@dataclass(frozen=True)
class Cluster:
    """The machines of a training.

    Attributes:
        rank: place of this process; 0 is the chief.
        addresses: host:port of all, by rank; empty where TF_CONFIG names none.
    """

    rank: int = 0
    addresses: tuple[str, ...] = ()

    @property
    def workers(self) -> int:
        """Number of processes, at least 1."""
        return max(1, len(self.addresses))


def read_cluster(tf_config: str | None) -> Cluster:
    """Reads the value of TF_CONFIG.

    Raises:
        ConfigError: if it is no such value, or asks for a role that this training has not.
    """
    if not tf_config or not tf_config.strip():
        return Cluster()
    value = _parsed(tf_config)
    cluster, task = value.get("cluster") or {}, value.get("task") or {}
    if not isinstance(cluster, dict) or not isinstance(task, dict):
        raise _wrong('"cluster" and "task" must be JSON objects', tf_config)
    role = task.get("type")
    for given in (*cluster, *([role] if role is not None else [])):
        if given not in _ROLES:
            raise _wrong(
                "the roles are chief and worker: the replicas hold the weights themselves and "
                "validate together, so that there is nothing for a parameter server or an "
                "evaluator to do",
                given,
            )
    addresses = [_addresses(cluster, known) for known in _ROLES]
    if len(addresses[0]) > 1:
        raise _wrong("there can be one chief only", list(addresses[0]))
    everyone = addresses[0] + addresses[1]
    if len(set(everyone)) < len(everyone):
        raise _wrong("every process needs an address of its own", list(everyone))
    if len(everyone) < 2:
        return Cluster(addresses=everyone)
    if role is None:
        raise _wrong('"task" must say the "type" and "index" of this process', task)
    here = addresses[_ROLES.index(role)]
    index = _index(task.get("index"), role, len(here))
    return Cluster(index if role == "chief" else len(addresses[0]) + index, everyone)


def _parsed(tf_config: str) -> dict[str, Any]:
    try:
        value = json.loads(tf_config)
    except json.JSONDecodeError as error:
        raise _wrong(f"it must be JSON ({error})", tf_config) from error
    if not isinstance(value, dict):
        raise _wrong("it must be a JSON object", tf_config)
    return value


def _addresses(cluster: dict[str, Any], role: str) -> tuple[str, ...]:
    given = cluster.get(role, [])
    if not isinstance(given, list) or not all(isinstance(each, str) and each for each in given):
        raise _wrong(f'"{role}" must be a list of "host:port"', given)
    return tuple(given)


def _index(given: Any, role: str, count: int) -> int:
    """The task's index; launchers write it as a number or as its digits."""
    text = str(given) if isinstance(given, (int, str)) and not isinstance(given, bool) else ""
    if not text.isdecimal() or int(text) >= count:
        allowed = f"0 to {count - 1}" if count else f"none, as the cluster has no {role}"
        raise _wrong(f'the "index" of a {role} must be one of the cluster\'s: {allowed}', given)
    return int(text)


def _wrong(law: str, received: object) -> ConfigError:
    return ConfigError(f"{ENVIRONMENT_VARIABLE}: {law}. Received: {received!r}. {_REMEDY}")
