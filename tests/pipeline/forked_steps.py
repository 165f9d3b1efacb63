"""Steps of a compiled pipeline, each in a fork of one process that has imported TFX: as separate as
processes are, without ten seconds of imports for each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

REPOSITORY = Path(__file__).resolve().parents[2]
ENTRYPOINT = ["python", "-m", "kubeflow.entrypoint"]


class ForkedSteps:
    """Starts containers' commands; made for `kubeflow.simulate.Simulation`."""

    def __enter__(self) -> ForkedSteps:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def __call__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
        assert list(command[:3]) == ENTRYPOINT
        asked = {"argv": list(command[3:]), "env": dict(environment), "log": str(log)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def serve() -> None:
    """Answers each line of standard input with the exit code of the step that it asks for."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import tensorflow_transform  # noqa: F401
    import tfx.components  # noqa: F401
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor  # noqa: F401

    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = _step(asked)
            finally:  # whatever happens, the fork does not go on with its parent's work
                traceback.print_exc()
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def _step(asked: dict) -> int:
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(asked["env"])
    sys.argv = ["entrypoint", *asked["argv"]]
    from kubeflow.entrypoint import main

    try:
        main()
    except SystemExit as error:
        return int(error.code or 0)
    return 0


if __name__ == "__main__":
    serve()
