"""A Kubernetes API server of one namespace: custom resources, pods of a label, their logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlparse

import kubernetes
from loopback_server import serving_answers

Json = dict[str, Any]


@dataclass
class FakeKubernetes:
    """What the server holds.

    Attributes:
        namespace: the one there is.
        objects: custom resources by (plural, name).
        log: lines of the chief's pod, each with its timestamp.
        heard: (method, path, query) in order.
        refuse: (method, kind of path) -> status; answered instead.
        on_look: called with the object at each look at it; sets its status.
        on_create: called with a new object.
    """

    namespace: str = "nature"
    objects: dict[tuple[str, str], Json] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    heard: list[tuple[str, str, dict[str, list[str]]]] = field(default_factory=list)
    refuse: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    on_look: Callable[[Json], None] = lambda resource: None
    on_create: Callable[[Json], None] = lambda resource: None
    url: str = ""

    def client(self) -> Any:
        configuration = kubernetes.client.Configuration(host=self.url)
        configuration.retries = False
        return kubernetes.client.ApiClient(configuration)

    def answer(self, method: str, path: str, query: Any, body: Any) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        what = "pods" if "pods" in parts else "objects"
        refusals = self.refuse.get((method, what), [])
        if refusals:
            return refusals.pop(0), {"message": "no"}
        if parts[0] == "apis":
            assert parts[3:5] == ["namespaces", self.namespace], path
            return self._objects(method, parts[5], parts[6] if len(parts) > 6 else None, body)
        assert parts[:4] == ["api", "v1", "namespaces", self.namespace], path
        if parts[-1] == "log":
            return 200, "".join(f"{line}\n" for line in self.log)
        pods = [{"metadata": {"name": "chief-pod"}}] if self.log else []
        return 200, {"kind": "PodList", "apiVersion": "v1", "items": pods}

    def _objects(self, method: str, plural: str, name: str | None, body: Any) -> tuple[int, Any]:
        if method == "POST":
            key = (plural, body["metadata"]["name"])
            if key in self.objects:
                return 409, {"reason": "AlreadyExists"}
            self.objects[key] = body
            self.on_create(body)
            return 201, body
        key = (plural, str(name))
        if key not in self.objects:
            return 404, {"reason": "NotFound"}
        if method == "DELETE":
            return 200, self.objects.pop(key)
        self.on_look(self.objects[key])
        return 200, self.objects[key]


@contextmanager
def running(fake: FakeKubernetes) -> Iterator[FakeKubernetes]:
    """Serves on a loopback port while the block runs."""

    def answer(method: str, path: str, _: dict[str, str], body: Any) -> tuple[int, Any]:
        url = urlparse(path)
        fake.heard.append((method, url.path, parse_qs(url.query)))
        return fake.answer(method, url.path, parse_qs(url.query), body)

    with serving_answers(answer, text_type="text/plain") as fake.url:
        yield fake


def condition(kind: str, message: str = "") -> Json:
    return {"conditions": [{"type": kind, "status": "True", "message": message}]}
