"""A server on a loopback port whose answers are a function's."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JSON = "application/json"

Answer = Callable[[str, str, dict[str, str], Any], tuple[int, Any]]
"""(method, path with its query, headers, JSON value) -> (status, JSON value or text)."""


@contextmanager
def serving_answers(answer: Answer, *, text_type: str) -> Iterator[str]:
    """Serves while the block runs, and gives the address; text is sent as `text_type`."""

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, value = answer(self.command, self.path, dict(self.headers), body)
            is_text = isinstance(value, str)
            content = value.encode() if is_text else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", text_type if is_text else JSON)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _handle

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
