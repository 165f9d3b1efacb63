"""A TFJob or TrainJob in a Kubernetes namespace: created, waited for, its log followed, removed.

resource = TrainResource(kubernetes.client.ApiClient(), "TFJob", "nature", "fieldmark-0123")
resource.ensure(manifest)
resource.wait(print).good
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kubeflow.train_manifest import KINDS
from schemas.errors import FieldmarkError

GOOD, BAD = ("Succeeded", "Complete"), ("Failed",)
NOT_FOUND, CONFLICT = 404, 409
OVERLAP_SECS = 10
"""Of the log that is asked for again, in case clocks differ; lines are shown once."""

PATIENCE_SECS = 300.0
"""How long an API server that does not answer is waited for: it is restarted now and then."""


@dataclass(frozen=True)
class Ended:
    """How a training ended.

    Attributes:
        good: whether the model is there.
        words: the condition, and its message.
    """

    good: bool
    words: str


class TrainResource:
    """One resource, which need not be there yet.

    Args:
        api: kubernetes.client.ApiClient.
        kind: TFJob or TrainJob.
        namespace: it lives in.
        name: its name.
    """

    def __init__(self, api: Any, kind: str, namespace: str, name: str) -> None:
        from kubernetes import client

        self.name = name
        self._kind, self._namespace, self._title = KINDS[kind], namespace, f"{kind} {name}"
        self._objects, self._core = client.CustomObjectsApi(api), client.CoreV1Api(api)
        self._looked_secs: float | None = None
        self._last_stamp = ""

    def ensure(self, manifest: dict[str, Any]) -> None:
        """Creates the resource; one that is on already is kept, one that has failed is replaced."""
        there = self._get()
        if there is not None:
            ended = _ended(there)
            if ended is None or ended.good:
                return
            self.delete()
        with self._said_for_people():
            self._objects.create_namespaced_custom_object(*self._place, manifest)

    def wait(
        self,
        show: Callable[[str], None],
        *,
        poll_secs: float = 5.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Ended:
        """Returns how the training ended, when it has.

        Args:
            show: takes the chief's log, line by line.
            poll_secs: time between two looks, in seconds.
            sleep: waits so many seconds.

        Raises:
            FieldmarkError: if the resource is removed by others, or the API server is lost.
        """
        lost_secs = 0.0
        while True:
            try:
                resource = self._get()
                self._show_log(show)
                lost_secs = 0.0
            except _ServerLost as error:
                if lost_secs >= PATIENCE_SECS:
                    raise FieldmarkError(
                        f"Kubernetes has not answered for {PATIENCE_SECS:.0f} s ({error}). "
                        f"{self._title} goes on; start the step again to wait for it."
                    ) from error
                lost_secs += poll_secs
            else:
                if resource is None:
                    raise FieldmarkError(
                        f"{self._title} was removed by somebody while it was training. "
                        "Start the step again to go on from the last checkpoint."
                    )
                ended = _ended(resource)
                if ended is not None:
                    return ended
            sleep(poll_secs)

    def delete(self) -> None:
        """Removes the resource with its pods, and waits until it is gone."""
        with self._said_for_people(allowed=(NOT_FOUND,)):
            self._objects.delete_namespaced_custom_object(
                *self._place, self.name, propagation_policy="Foreground"
            )
        for _ in range(60):
            if self._get() is None:
                return
            time.sleep(1.0)
        raise FieldmarkError(
            f"{self._title} is not gone a minute after it was deleted: `kubectl get` tells why."
        )

    @property
    def _place(self) -> tuple[str, str, str, str]:
        return self._kind.group, self._kind.version, self._namespace, self._kind.plural

    def _get(self) -> dict[str, Any] | None:
        with self._said_for_people(allowed=(NOT_FOUND,)):
            resource: dict[str, Any] = self._objects.get_namespaced_custom_object(
                *self._place, self.name
            )
            return resource
        return None

    def _show_log(self, show: Callable[[str], None]) -> None:
        """Shows what was added. A pod that is not there yet, or not any more, has nothing."""
        with self._said_for_people(allowed=(400, NOT_FOUND)):
            selector = self._kind.chief_labels.format(name=self.name)
            pods = self._core.list_namespaced_pod(self._namespace, label_selector=selector).items
            if not pods:
                return
            name = pods[-1].metadata.name
            since = None
            if self._looked_secs is not None:
                since = int(time.monotonic() - self._looked_secs) + OVERLAP_SECS
            self._looked_secs = time.monotonic()
            text = self._core.read_namespaced_pod_log(
                name, self._namespace, timestamps=True, since_seconds=since
            )
            for line in text.splitlines():
                stamp, _, said = line.partition(" ")
                if stamp > self._last_stamp:
                    self._last_stamp = stamp
                    show(f"{said}\n")

    @contextmanager
    def _said_for_people(self, allowed: tuple[int, ...] = ()) -> Iterator[None]:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ApiException as error:
            if error.status in allowed:
                return
            if error.status >= 500:
                raise _ServerLost(f"HTTP {error.status}") from error
            raise FieldmarkError(_refusal(error, self._title, self._kind.plural)) from error
        except HTTPError as error:
            raise _ServerLost(type(error).__name__) from error


class _ServerLost(FieldmarkError):
    """The API server does not answer."""


def _ended(resource: dict[str, Any]) -> Ended | None:
    for condition in resource.get("status", {}).get("conditions", []):
        if condition.get("status") == "True" and condition["type"] in (*GOOD, *BAD):
            words = f"{condition['type']}: {condition.get('message', '')}".rstrip(": ")
            return Ended(condition["type"] in GOOD, words)
    return None


def _refusal(error: Any, title: str, plural: str) -> str:
    if error.status == 403:
        return (
            f"The pod's account may not work with {plural} (HTTP 403). Apply what "
            "`fieldmark kubeflow manifests` prints, or ask whoever runs the cluster."
        )
    if error.status == NOT_FOUND:
        return (
            f"The cluster has no {plural}: Kubeflow's training operator is not installed, or is "
            "of another version (kubeflow.train_job.kind: TFJob for v1, TrainJob for v2)."
        )
    return f"Kubernetes refuses {title} (HTTP {error.status}): {str(error.body)[:2000]}"
