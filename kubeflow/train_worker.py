"""What each pod of a training on several pods runs.

    python -m kubeflow.train_worker JOB.json

Where Training Operator has set TF_CONFIG, it stands. In a TrainJob it is made of the pod's number
(JOB_COMPLETION_INDEX, from Kubernetes), FIELDMARK_WORKERS and FIELDMARK_WORKER_HOST, in which
`{index}` is a pod's number.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping

from components.progressive_trainer.cluster import ENVIRONMENT_VARIABLE
from schemas.errors import ConfigError

INDEX, WORKERS, HOST = "JOB_COMPLETION_INDEX", "FIELDMARK_WORKERS", "FIELDMARK_WORKER_HOST"


def tf_config(environment: Mapping[str, str]) -> str | None:
    """Returns TF_CONFIG for this pod; None if it trains alone.

    Args:
        environment: of the pod.

    Raises:
        ConfigError: if the pod is one of several and is not told which.
    """
    if environment.get(ENVIRONMENT_VARIABLE) or WORKERS not in environment:
        return environment.get(ENVIRONMENT_VARIABLE)
    index, workers = environment.get(INDEX, ""), int(environment[WORKERS])
    if not index.isdecimal() or int(index) >= workers:
        raise ConfigError(
            f"{INDEX} must be the number of this pod, 0 to {workers - 1}. Received: {index!r}. "
            "Kubernetes sets it in the pods of an Indexed Job, as a TrainJob's are."
        )
    hosts = [environment[HOST].replace("{index}", str(number)) for number in range(workers)]
    task = {"type": "worker", "index": int(index)}
    return json.dumps({"cluster": {"worker": hosts}, "task": task})


def main() -> None:
    """Becomes the training process."""
    made = tf_config(os.environ)
    if made:
        os.environ[ENVIRONMENT_VARIABLE] = made
    module = "components.progressive_trainer.worker"
    os.execv(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]])


if __name__ == "__main__":
    main()
