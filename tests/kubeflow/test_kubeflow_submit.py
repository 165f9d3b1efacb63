"""`fieldmark kubeflow submit` against a server that checks what it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kfp_stub import V2, Stub, serving
from tiny_package import IMAGE, package, write

from kubeflow.commands import command
from kubeflow.server import connect
from kubeflow.submit import follow
from schemas.errors import FieldmarkError


def run(state: str, tasks: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    details = [
        {"display_name": name, "state": task_state} for name, task_state in (tasks or {}).items()
    ]
    return {"run_id": "r1", "state": state, "run_details": {"task_details": details}, **more}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kfp looks for settings of a user's there."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving(Stub(runs=[run("SUCCEEDED", {"first": "SUCCEEDED"})])) as stub:
        yield stub


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "pipeline.yaml", package())


def submit(path: Path, host: str, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["submit", str(path), "--host", host, *arguments])


def said(result: Result) -> str:
    """The error meant for people; any other would be a fault of ours."""
    assert isinstance(result.exception, FieldmarkError), result.output
    return str(result.exception)


def test_every_parameter_is_passed_and_the_link_printed(path: Path, stub: Stub) -> None:
    result = submit(path, stub.url, "--set", "export_fingerprint=2026-06")

    assert result.exit_code == 0, result.output
    body = stub.body("POST", f"{V2}/runs")
    assert body["runtime_config"] == {
        "parameters": {"export_dir": "/data", "export_fingerprint": "2026-06"},
        "pipeline_root": "minio://bucket/root",
    }
    assert body["experiment_id"] == "e1"
    spec = body["pipeline_spec"]
    assert spec["pipeline_spec"]["pipelineInfo"] == {"name": "tiny"}
    assert "kubernetes" in spec["platform_spec"]["platforms"]
    assert f"run        {stub.url}/#/runs/details/r1\n" in result.output
    assert stub.body("POST", f"{V2}/experiments")["display_name"] == "tiny"


def test_what_the_file_says_of_caching_stands_unless_told_otherwise(path: Path) -> None:
    caching = []
    for more in ([], ["--no-cache"]):
        with serving(Stub()) as stub:
            result = submit(path, stub.url, "--no-wait", "--set", "export_fingerprint=x", *more)
            assert result.exit_code == 0, result.output
            spec = stub.body("POST", f"{V2}/runs")["pipeline_spec"]["pipeline_spec"]
            caching.append(spec["root"]["dag"]["tasks"]["first"]["cachingOptions"])
    assert caching == [{"enableCache": True}, {}]


def test_run_is_followed_step_by_step(path: Path, stub: Stub) -> None:
    stub.runs = [
        run("RUNNING", {"root": "RUNNING"}),
        run("RUNNING", {"root": "RUNNING", "first": "RUNNING", "first-driver": "SUCCEEDED"}),
        run("RUNNING", {"first": "SUCCEEDED", "second": "RUNNING"}),
        run("SUCCEEDED", {"first": "SUCCEEDED", "second": "SUCCEEDED"}),
    ]
    lines: list[str] = []

    follow(connect(stub.url), stub.url, "r1", lines.append, images={IMAGE}, sleep=lambda _: None)

    assert [line.split() for line in lines] == [
        ["first", "running"],
        ["first", "succeeded"],
        ["second", "running"],
        ["second", "succeeded"],
        ["the", "run", "succeeded"],
    ]


def test_failed_run_names_the_step_and_an_image_that_cannot_be_fetched(
    path: Path, stub: Stub
) -> None:
    failed = run("FAILED", {"first": "SUCCEEDED", "second": "FAILED"})
    failed["run_details"]["task_details"][1]["error"] = {"message": "ImagePullBackOff: no such tag"}
    stub.runs = [failed]

    text = said(submit(path, stub.url, "--set", "export_fingerprint=x"))

    assert text.startswith(f"The run ended as FAILED: {stub.url}/#/runs/details/r1")
    assert "second: ImagePullBackOff: no such tag" in text
    assert f"Can the cluster fetch {IMAGE}? `kubectl get pods` tells" in text


def test_image_is_named_where_nothing_starts(stub: Stub) -> None:
    stub.runs = [run("RUNNING")] * 100 + [run("SUCCEEDED")]
    lines: list[str] = []

    follow(
        connect(stub.url),
        stub.url,
        "r1",
        lines.append,
        images={IMAGE},
        poll_secs=10,
        sleep=lambda _: None,
    )

    (hint,) = lines[:-1]
    assert hint.startswith(f"No step has started for 10 minutes. Can the cluster fetch {IMAGE}?")


def test_monthly_runs_take_the_export_for_a_new_one_each_time(path: Path, stub: Stub) -> None:
    result = submit(path, stub.url, "--every", "month", "--set", "export_dir=/exports/newest")

    assert result.exit_code == 0, result.output
    body = stub.body("POST", f"{V2}/recurringruns")
    assert body["trigger"] == {"cron_schedule": {"cron": "0 0 3 1 * *"}}
    assert body["mode"] == "ENABLE"
    assert body["max_concurrency"] == "1" or body["max_concurrency"] == 1
    assert body["no_catchup"] is True
    assert body["runtime_config"]["parameters"] == {
        "export_dir": "/exports/newest",
        "export_fingerprint": "[[ScheduledTime]]",
    }
    assert f"{stub.url}/#/recurringrun/details/s1" in result.output
    assert not [path for _, path, *_ in stub.heard if path.startswith(f"{V2}/runs")]


def test_missing_and_unknown_parameters_are_named_before_anything_is_asked(
    path: Path, stub: Stub
) -> None:
    text = said(submit(path, stub.url))
    assert text.endswith(
        "needs export_fingerprint, which has no default: --set export_fingerprint=VALUE."
    )
    text = said(submit(path, stub.url, "--set", "export_dri=/x"))
    assert "has no parameter 'export_dri'. Allowed: export_dir, export_fingerprint." in text
    assert text.endswith("Did you mean 'export_dir'?")
    assert stub.heard == []


def test_unreachable_host_is_said_in_one_line(path: Path, stub: Stub) -> None:
    host = "http://127.0.0.1:9"
    text = said(submit(path, host, "--set", "export_fingerprint=x"))
    assert text.startswith(f"{host} cannot be reached (ConnectionError). Is the cluster up")
    text = said(submit(path, "localhost:8080", "--set", "export_fingerprint=x"))
    assert text == "--host takes a URL such as http://localhost:8080. Received: 'localhost:8080'."


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            {
                ("GET", f"{V2}/healthz"): (404, {}),
                ("GET", "/apis/v1beta1/healthz"): (200, {"tag_name": "1.8.5"}),
            },
            "runs Kubeflow Pipelines 1 (1.8.5). Fieldmark's pipelines need version 2",
        ),
        (
            {("GET", f"{V2}/healthz"): (200, "<html>Central dashboard</html>")},
            "answers, but not as Kubeflow Pipelines 2 (HTTP 200 for /apis/v2beta1/healthz)",
        ),
        (
            {("GET", f"{V2}/healthz"): (403, {})},
            "wants to know who you are (HTTP 403). Give a token with --token-file FILE.",
        ),
        (
            {("POST", f"{V2}/runs"): (400, {"message": "unknown template format"})},
            "refuses (HTTP 400): ",
        ),
    ],
)
def test_server_that_will_not_do_is_said_in_one_line(
    path: Path, stub: Stub, answers: dict[tuple[str, str], tuple[int, Any]], message: str
) -> None:
    stub.answers = answers
    text = said(submit(path, stub.url, "--set", "export_fingerprint=x"))
    assert message in text


def test_token_is_sent(path: Path, stub: Stub, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    result = submit(
        path, stub.url, "--set", "export_fingerprint=x", "--token-file", str(tmp_path / "token")
    )
    assert result.exit_code == 0, result.output
    for _, _, headers, _ in stub.heard:
        assert {k.lower(): v for k, v in headers.items()}["authorization"] == "Bearer secret"
