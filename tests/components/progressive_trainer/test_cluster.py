from __future__ import annotations

import json
from typing import Any

import pytest

from components.progressive_trainer.cluster import Cluster, read_cluster
from schemas.errors import ConfigError

REMEDY = (
    ' Give every machine the same "cluster" of "worker" addresses (and "chief", if you like), and '
    'its own "task".'
)


def config(cluster: Any, role: str | None = None, index: Any = None) -> str:
    task = {} if role is None else {"task": {"type": role, "index": index}}
    return json.dumps({"cluster": cluster, **task})


@pytest.mark.parametrize(
    "text", [None, "", " ", "{}", '{"task": {}}', '{"cluster": {}}', '{"environment": "cloud"}']
)
def test_without_a_cluster_a_process_is_alone(text: str | None) -> None:
    assert read_cluster(text) == Cluster(0, ())
    assert read_cluster(text).workers == 1


@pytest.mark.parametrize("role", ["worker", "chief"])
def test_cluster_of_one_is_a_process_alone(role: str) -> None:
    assert read_cluster(config({role: ["a:1"]}, role, 0)).workers == 1


@pytest.mark.parametrize(
    ("role", "index", "rank"), [("worker", 0, 0), ("worker", 1, 1), ("worker", "1", 1)]
)
def test_without_a_chief_worker_0_is_it(role: str, index: Any, rank: int) -> None:
    cluster = read_cluster(config({"worker": ["a:1", "b:1"]}, role, index))

    assert cluster == Cluster(rank, ("a:1", "b:1"))


@pytest.mark.parametrize(("role", "index", "rank"), [("chief", 0, 0), ("worker", 0, 1)])
def test_workers_follow_the_chief(role: str, index: int, rank: int) -> None:
    cluster = read_cluster(config({"worker": ["b:1"], "chief": ["a:1"]}, role, index))

    assert cluster == Cluster(rank, ("a:1", "b:1"))


NO_SUCH_ROLE = (
    "TF_CONFIG: the roles are chief and worker: the replicas hold the weights themselves and "
    "validate together, so that there is nothing for a parameter server or an evaluator to do. "
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (config({"worker": ["a:1"], "ps": ["b:1"]}, "worker", 0), NO_SUCH_ROLE + "Received: 'ps'."),
        (
            config({"worker": ["a:1", "b:1"]}, "evaluator", 0),
            NO_SUCH_ROLE + "Received: 'evaluator'.",
        ),
        (
            config({"worker": ["a:1", "b:1"]}, "worker", 2),
            'TF_CONFIG: the "index" of a worker must be one of the cluster\'s: 0 to 1. '
            "Received: 2.",
        ),
        (
            config({"worker": ["a:1", "b:1"]}, "worker", -1),
            'TF_CONFIG: the "index" of a worker must be one of the cluster\'s: 0 to 1. '
            "Received: -1.",
        ),
        (
            config({"worker": ["a:1", "b:1"]}, "chief", 0),
            'TF_CONFIG: the "index" of a chief must be one of the cluster\'s: none, as the cluster '
            "has no chief. Received: 0.",
        ),
        (
            config({"worker": ["a:1", "b:1"]}),
            'TF_CONFIG: "task" must say the "type" and "index" of this process. Received: {}.',
        ),
        (
            config({"worker": ["a:1", "a:1"]}, "worker", 0),
            "TF_CONFIG: every process needs an address of its own. Received: ['a:1', 'a:1'].",
        ),
        (
            config({"chief": ["a:1", "b:1"]}, "chief", 0),
            "TF_CONFIG: there can be one chief only. Received: ['a:1', 'b:1'].",
        ),
        (
            config({"worker": "a:1"}, "worker", 0),
            'TF_CONFIG: "worker" must be a list of "host:port". Received: \'a:1\'.',
        ),
        ("[1]", "TF_CONFIG: it must be a JSON object. Received: '[1]'."),
        (
            '{"cluster": 3}',
            'TF_CONFIG: "cluster" and "task" must be JSON objects. Received: \'{"cluster": 3}\'.',
        ),
        (
            "{worker",
            "TF_CONFIG: it must be JSON (Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)). Received: '{worker'.",
        ),
    ],
)
def test_what_training_cannot_do_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_cluster(text)

    assert str(caught.value) == message + REMEDY
