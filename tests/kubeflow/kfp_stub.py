"""A server that answers as Kubeflow Pipelines' API does, and writes down what it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from loopback_server import serving_answers

V2 = "/apis/v2beta1"


@dataclass
class Stub:
    """What the server says, and what it heard.

    Attributes:
        answers: (method, path) -> (status, JSON value); the path is without the query.
        runs: what successive looks at the run give; the last one stays.
        heard: (method, path, headers, JSON value) in order.
    """

    answers: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    heard: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    url: str = ""

    def body(self, method: str, path: str) -> Any:
        """The JSON value of the one request of this kind."""
        (found,) = [body for m, p, _, body in self.heard if (m, p) == (method, path)]
        return found

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        if (method, path) in self.answers:
            return self.answers[method, path]
        if path == f"{V2}/healthz":
            return 200, {"multi_user": False}
        if path == f"{V2}/experiments" and method == "GET":
            return 200, {}
        if path == f"{V2}/experiments":
            return 200, {"experiment_id": "e1", "display_name": "tiny"}
        if path == f"{V2}/runs" and method == "POST":
            return 200, {"run_id": "r1"}
        if path == f"{V2}/recurringruns":
            return 200, {"recurring_run_id": "s1"}
        if path == f"{V2}/runs/r1":
            return 200, self.runs.pop(0) if len(self.runs) > 1 else self.runs[0]
        return 404, {"error": "Not Found"}


@contextmanager
def serving(stub: Stub) -> Iterator[Stub]:
    """Serves on a loopback port while the block runs."""

    def answer(method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, Any]:
        bare = path.partition("?")[0]
        stub.heard.append((method, bare, headers, body))
        return stub.answer(method, bare)

    with serving_answers(answer, text_type="text/html") as stub.url:
        yield stub
