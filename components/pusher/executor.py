"""TFX's Pusher executor with another way of pushing; the work is `push_once`'s."""

from __future__ import annotations

import logging
import shutil
import time
from typing import Any

from tfx.components.pusher import executor
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import proto_utils

from components.pusher.identity import content_fingerprint
from components.pusher.push_once import push_once
from components.storage import publish
from schemas.errors import ConfigError
from schemas.events import emit


class Executor(executor.Executor):
    """See `component.GuardedPusher`. Blessings are read as TFX reads them."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed_model = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed_model)
            _tell("not pushed: the model is not blessed")
            return
        source = self.GetModelPath(input_dict)
        pushed = push_once(
            source,
            _base_directory(exec_properties["push_destination"]),
            fingerprint=content_fingerprint,
            now_secs=int(time.time()),
        )
        # As TFX does: the artifact keeps what was pushed, whatever becomes of the destination.
        shutil.copytree(source, pushed_model.uri, dirs_exist_ok=True)
        self._MarkPushed(
            pushed_model,
            pushed_destination=str(pushed.path),
            pushed_version=pushed.path.name,
        )
        copy_to = exec_properties.get("copy_to")
        if copy_to:
            _tell(f"copied to {publish(pushed.path, copy_to)}")
        _tell(f"pushed to {pushed.path}" if pushed.is_new else f"served already: {pushed.path}")


def _base_directory(destination_json: str) -> str:
    destination = pusher_pb2.PushDestination()
    proto_utils.json_to_proto(destination_json, destination)
    base: str = destination.filesystem.base_directory
    if not base or "://" in base:
        raise ConfigError(
            "Models are pushed to a local (or mounted) directory, where a version can appear at "
            f"once. Received: {base or 'no directory'!r}. Push there, and have it copied with "
            "push_to."
        )
    return base


def _tell(text: str) -> None:
    emit("note", text=text)
    logging.info("%s", text)
