"""What Kubeflow's launcher does around a step's container, with directories for the object store.

1. A fresh file system: nothing of an earlier step is there but the volume.
2. Inputs are copied from the store to `/minio|s3|gcs/<bucket>/<key>`; an object store knows no
   empty directories.
3. The parents of the outputs are made, not the outputs themselves.
4. The container's command and arguments run; `{{$}}` is the ExecutorInput.
5. The metadata file is read strictly: null is refused, lists and structs are wrapped, the rest
   become numbers and texts.
6. Outputs that were written are copied back.

Source: `backend/src/v2/component/launcher_v2.go` of kubeflow/pipelines.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from kubeflow.uris import FOLDERS, ROOT_VARIABLE
from schemas.errors import FieldmarkError

Json = dict[str, Any]
Start = Callable[[Sequence[str], Mapping[str, str], Path], int]
"""(command, environment to add, log file) -> exit code."""


class StepFailed(FieldmarkError):
    """A step of a simulated run ended with an error."""


@dataclass(frozen=True)
class Launcher:
    """Launches the containers of steps.

    Attributes:
        store: directory of the pretend object store: `<scheme>/<bucket>/<key>`.
        start: starts a container's command.
    """

    store: Path
    start: Start

    def launch(self, container: Json, executor_input: Json, root: Path) -> Json:
        """Runs a step; returns its output artifacts' metadata and URIs by key.

        Args:
            container: KFP's PipelineContainerSpec.
            executor_input: as the driver made it.
            root: the container's file system; a directory that is not there yet.

        Raises:
            StepFailed: if the command fails, or its output is not what KFP takes.
        """
        root.mkdir(parents=True)
        for artifact in _artifacts(executor_input["inputs"]):
            _copy_files(self._stored(artifact["uri"]), _local(root, artifact["uri"]))
        for artifact in _artifacts(executor_input["outputs"]):
            _local(root, artifact["uri"]).parent.mkdir(parents=True, exist_ok=True)
        placed = json.dumps(executor_input)
        command = [*container.get("command", []), *container.get("args", [])]
        command = [part.replace("{{$}}", placed) for part in command]
        environment = {each["name"]: each["value"] for each in container.get("env", [])}
        log = root / "log.txt"
        code = self.start(command, {**environment, ROOT_VARIABLE: str(root)}, log)
        if code != 0:
            last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise StepFailed(f"exit code {code}; its log ({log}) ends:\n{last}")
        return self._outputs(executor_input, root)

    def _outputs(self, executor_input: Json, root: Path) -> Json:
        written = _read_output(Path(executor_input["outputs"]["outputFile"]))
        outputs = {}
        for key, content in executor_input["outputs"]["artifacts"].items():
            (artifact,) = content["artifacts"]
            said = written.get(key, {})
            uri = said.get("uri") or artifact["uri"]
            _copy_files(_local(root, uri), self._stored(uri))
            metadata = {**artifact.get("metadata", {}), **said.get("metadata", {})}
            outputs[key] = {
                "uri": uri,
                "metadata": {name: _stored_value(name, value) for name, value in metadata.items()},
            }
        return outputs

    def _stored(self, uri: str) -> Path:
        return _local(self.store, uri)


def start_process(command: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
    """Runs a container's command as a process of this machine, with this Python."""
    import os

    program = [sys.executable if command[0] == "python" else command[0], *command[1:]]
    with log.open("wb") as file:
        return subprocess.run(
            program, env={**os.environ, **environment}, stdout=file, stderr=file, check=False
        ).returncode


def _copy_files(source: Path, target: Path) -> None:
    """Copies as an object store has it: files, and no directory without one."""
    for path in source.rglob("*"):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


def _artifacts(part: Json) -> Iterator[Json]:
    for content in part["artifacts"].values():
        yield from content["artifacts"]


def _local(root: Path, uri: str) -> Path:
    for scheme, folder in FOLDERS.items():
        if uri.startswith(scheme):
            return root / folder.strip("/") / uri.removeprefix(scheme)
    raise StepFailed(f"the launcher knows no URI such as {uri!r}: {', '.join(FOLDERS)}.")


def _read_output(path: Path) -> Json:
    """Artifact by key, as the step's metadata file says."""
    from kfp.pipeline_spec import pipeline_spec_pb2

    if not path.is_file():
        return {}
    output = pipeline_spec_pb2.ExecutorOutput()
    try:
        json_format.Parse(path.read_text(encoding="utf-8"), output)
    except json_format.ParseError as error:
        raise StepFailed(f"its metadata file is not an ExecutorOutput: {error}") from error
    content: Json = json_format.MessageToDict(output)
    return {
        key: artifacts["artifacts"][0]
        for key, artifacts in content.get("artifacts", {}).items()
        if artifacts.get("artifacts")
    }


def _stored_value(name: str, value: Any) -> Any:
    """A metadata value as ML Metadata gives it back."""
    if value is None:
        raise StepFailed(f"its metadata has null as {name!r}, which the launcher refuses.")
    if isinstance(value, list):
        return {"list": value}
    if isinstance(value, dict):
        return {"struct": value}
    return float(value) if isinstance(value, (bool, int, float)) else value
