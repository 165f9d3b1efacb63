"""A pool of Beam workers for a runner that runs elsewhere: Flink, Spark, Beam's own job service.

The pool stands where the code and the packages are, beside each worker node of the engine; whoever
runs the job asks it for workers. Each is a process with the pool's own Python, packages and path.

    python -m pipeline.beam_worker_pool --port 50000
    fieldmark run ... --set 'beam_args=[--runner=PortableRunner, --job_endpoint=HOST:8099,
        --environment_type=EXTERNAL, --environment_config=localhost:50000,
        --sdk_container_image=unused]'

Beam's own pool (apache_beam.runners.worker.worker_pool_main) does not do here: its workers are
whichever `python` comes first on the PATH, they import TFDV before TFX, which fails with the locked
versions, and a worker that prints 64 kB waits for ever for somebody to read it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

SIDE_INPUT_CACHE_BYTES = 100 * 2**20
"""As Beam's containers have it; Beam's pool has none, and fetches side inputs for each element."""

WORKER = "worker"


def main(arguments: Sequence[str]) -> None:
    """Serves until SIGTERM or Ctrl-C; with `worker` first, is one of the workers.

    Args:
        arguments: of the command line.
    """
    if arguments[:1] == [WORKER]:
        _work(arguments[1:])
        return
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--port", type=int, required=True, help="to listen on")
    _serve(parser.parse_args(arguments).port)


def write_launcher(directory: Path) -> Path:
    """Writes and returns the program that the pool starts for each worker.

    Args:
        directory: for the program.
    """
    launcher = directory / "worker"
    command = shlex.join([sys.executable, "-m", "pipeline.beam_worker_pool", WORKER])
    launcher.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    launcher.chmod(0o755)
    return launcher


def _serve(port: int) -> None:
    from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer

    # Beam stops the workers when Python ends as usual, which it does not on SIGTERM.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="fieldmark-beam-") as folder:
        address, server = BeamFnExternalWorkerPoolServicer.start(
            use_process=True, port=port, container_executable=str(write_launcher(Path(folder)))
        )
        print(f"Beam workers are to be had at {address}.", file=sys.stderr, flush=True)
        try:
            server.wait_for_termination()
        except KeyboardInterrupt:
            server.stop(0)


def _work(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--id", required=True)
    parser.add_argument("--control_endpoint", required=True)
    asked, _ = parser.parse_known_args(arguments)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    import tfx  # noqa: F401 - it supplies what TFDV misses in tfx-bsl, so it comes first
    from apache_beam.runners.worker.sdk_worker import SdkHarness

    SdkHarness(
        asked.control_endpoint, worker_id=asked.id, state_cache_size=SIDE_INPUT_CACHE_BYTES
    ).run()


if __name__ == "__main__":
    main(sys.argv[1:])
