"""Processes that tests start, forked from one that has imported TensorFlow, TFX and what is ours.

To import them takes longer than most of what such a process is started for. What is started here
has its own arguments, environment, directory, output and exit code, as one from a shell has:

    done = run(SCRIPT, "photos", "target")          # as subprocess.run
    worker = Forked(SCRIPT, "job.json", environment=..., log=path)
    worker.wait(60)
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing import forkserver
from pathlib import Path
from types import ModuleType
from unittest import mock

PRELOADED = [
    "keras",
    "tensorflow_model_analysis",
    "tensorflow_transform",
    "tfx.v1",
    "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor",
    "pipeline.local_run",
    "components.progressive_trainer.worker",
]
"""None of them starts a thread when it is imported: threads do not live on in a fork."""

_context = multiprocessing.get_context("forkserver")


class Forked:
    """A process that runs Python code; the part of subprocess.Popen that tests use.

    Args:
        code: a script, or Python source as after `python -c`.
        arguments: of the command line.
        log: where standard output goes, at the end of what is there.
        errors: where standard error goes; None: to `log`.
        environment: all of it; None: ours.
        directory: to start in; None: ours.
    """

    def __init__(
        self,
        code: Path | str,
        *arguments: str | Path,
        log: Path,
        errors: Path | None = None,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        _context.set_forkserver_preload(PRELOADED)
        with mock.patch.dict(os.environ, TF_CPP_MIN_LOG_LEVEL="2"):  # read when it is imported
            forkserver.ensure_running()
        outputs = (log, errors or log)
        for path in outputs:
            path.touch()  # so that it is there to be read at once
        self._process = _context.Process(
            target=_run,
            args=(
                code,
                [str(each) for each in arguments],
                dict(os.environ if environment is None else environment),
                outputs,
                directory or Path.cwd(),
            ),
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout_secs: float | None = None) -> int:
        """The exit code once it has ended.

        Raises:
            subprocess.TimeoutExpired: if it has not by then.
        """
        self._process.join(timeout_secs)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout_secs or 0.0)
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()


def run(
    code: Path | str,
    *arguments: str | Path,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    timeout_secs: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs code to its end, and returns its exit code and what it wrote.

    Args:
        code, arguments, environment, directory: see Forked.
        timeout_secs: it is killed then, and subprocess.TimeoutExpired raised.
    """
    with tempfile.TemporaryDirectory() as folder:
        log, errors = Path(folder, "stdout"), Path(folder, "stderr")
        process = Forked(
            code,
            *arguments,
            log=log,
            errors=errors,
            environment=environment,
            directory=directory,
        )
        try:
            exit_code = process.wait(timeout_secs)
        finally:
            process.kill()
        return subprocess.CompletedProcess(
            [str(code), *map(str, arguments)], exit_code, log.read_text(), errors.read_text()
        )


def _run(
    code: Path | str,
    arguments: list[str],
    environment: dict[str, str],
    outputs: tuple[Path, Path],
    directory: Path,
) -> None:
    """What the new process does."""
    gc.freeze()  # what was imported is never garbage, and to look through it would copy it
    for stream, path in zip((1, 2), outputs, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    is_script = isinstance(code, Path)
    sys.argv = [str(code) if is_script else "-c", *arguments]
    main = ModuleType("__main__")
    sys.modules["__main__"] = main
    if is_script:
        main.__file__ = str(code)
        sys.path.insert(0, str(code.parent))
        code = code.read_text()
    exec(compile(code, sys.argv[0], "exec"), main.__dict__)
