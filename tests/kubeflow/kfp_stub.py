"""A server that answers as Kubeflow Pipelines' API does, and writes down what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JSON = "application/json"
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

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path = self.path.partition("?")[0]
            stub.heard.append((self.command, path, dict(self.headers), body))
            status, value = stub.answer(self.command, path)
            is_text = isinstance(value, str)
            content = value.encode() if is_text else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if is_text else JSON)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _handle

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
