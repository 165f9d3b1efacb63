"""The server as a process: it says where it is, and ends in good order."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[2] / "serving"))

from tiny_fixtures import bundle_dir, model, photo_path, saved_model, taxonomy

from pipeline.commands.serve import command
from schemas.errors import ConfigError
from serving.server import run
from serving.server.app import ServerOptions
from serving.server.limits import Limits

__all__ = ["bundle_dir", "model", "photo_path", "saved_model", "taxonomy"]


def test_sigterm_lets_a_request_under_way_be_answered(bundle_dir: Path, photo_path: Path) -> None:
    code = "import sys; from pipeline.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "serve", str(bundle_dir), "--port", "0"],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        (port,) = re.findall(r"Serving fieldmark from .* at http://127\.0\.0\.1:(\d+)/", line)
        body = photo_path.read_bytes()
        head = (
            "POST /classify HTTP/1.1\r\nHost: here\r\nContent-Type: image/jpeg\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", int(port)), timeout=60) as connection:
            connection.sendall(head.encode() + body[:100])
            _wait_until_inside(int(port))
            process.send_signal(signal.SIGTERM)
            assert process.stdout.readline().startswith("Ending: requests that came before")
            connection.sendall(body[100:])
            answer = _read_all(connection)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
    header, _, content = answer.partition("\r\n\r\n")
    assert header.startswith("HTTP/1.1 200 OK")
    assert len(json.loads(content)["photos"][0]["leaves"]) == 5


def test_options_reach_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[ServerOptions] = []
    monkeypatch.setattr(run, "run", lambda options, **_: given.append(options))
    limits = {"mb": 3.0, "pixels": 4, "photos": 5, "waiting": 6, "read-secs": 7.0}
    others = {"geo-model": "geo.tflite", "geo-thresholds": "thres.csv", "variant": "full_int8"}
    arguments = [f"--max-{name}={value}" for name, value in limits.items()]
    arguments += [f"--{name}={value}" for name, value in others.items()]

    result = CliRunner().invoke(command, ["pushed", *arguments])

    assert result.exit_code == 0, result.exception
    (options,) = given
    assert options.limits == Limits(3.0, 4, 5, 6, 7.0)
    assert options.limits.max_read_secs == 7.0
    assert (options.geo_model, options.geo_thresholds) == (Path("geo.tflite"), Path("thres.csv"))
    assert (options.directory, options.variant) == (Path("pushed"), "full_int8")


def test_an_address_that_is_taken_is_the_users_error(bundle_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        result = CliRunner().invoke(command, [str(bundle_dir), "--port", port])

    assert isinstance(result.exception, ConfigError)
    assert f"cannot listen at 127.0.0.1 port {port}" in str(result.exception)


@pytest.mark.parametrize(
    ("option", "value"), [("--max-mb", "0"), ("--max-pixels", "999999999"), ("--port", "70000")]
)
def test_settings_out_of_range(bundle_dir: Path, option: str, value: str) -> None:
    result = CliRunner().invoke(command, [str(bundle_dir), option, value])

    assert result.exit_code == 2
    assert "is not in the range" in result.stderr


def _wait_until_inside(port: int) -> None:
    """Until the server has the head of the request."""
    text = ""
    for _ in range(600):
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")
            text = _read_all(connection)
        if "fieldmark_photos_inside 1" in text:
            return
        time.sleep(0.05)
    raise AssertionError(text)


def _read_all(connection: socket.socket) -> str:
    """Until the server closes, or the body is whole."""
    received = b""
    while True:
        head, found, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head) if found else None
        if length and len(body) >= int(length[1]):
            return received.decode()
        if not (block := connection.recv(65536)):
            return received.decode()
        received += block
