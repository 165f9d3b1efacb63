"""A photo server on this machine that stumbles on request, for the tests of the fetcher."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

JPEG = b"\xff\xd8\xff\xe0" + b"a photo " * 40 + b"\xff\xd9"

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body. A header Content-Length goes before the body's own length."""

OK: Answer = (200, {"Content-Type": "image/jpeg"}, JPEG)


class PhotoServer:
    """Answers each path from a script, and every other path with a photo.

    Attributes:
        url: where it listens.
        script: answers by path, given in turn; the last one stays.
        requests: how often each path was asked for.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.script: dict[str, list[Answer]] = {}
        self.requests: Counter[str] = Counter()
        self.user_agents: set[str] = set()
        self._lock = threading.Lock()

    def answer(self, path: str, user_agent: str) -> Answer:
        with self._lock:
            answers = self.script.get(path, [OK])
            number = min(self.requests[path], len(answers) - 1)
            self.requests[path] += 1
            self.user_agents.add(user_agent)
            return answers[number]


@contextmanager
def photo_server() -> Iterator[PhotoServer]:
    """Runs a server on a free port of 127.0.0.1 until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = server.answer(self.path, self.headers["User-Agent"])
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keeps the tests' output clean."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = PhotoServer(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
