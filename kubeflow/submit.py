"""A compiled pipeline submitted as a run, and followed; or set to run again and again.

    submit(compiled, client, host, {"export_fingerprint": "2026-06"}, say=print)

Every parameter is passed: Kubeflow fills in none. What the file says of caching stays.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubeflow.compile import EXPORT_FINGERPRINT
from kubeflow.compiled import Compiled
from kubeflow.server import quiet, said_for_people
from schemas.errors import FieldmarkError

SCHEDULES = {
    "day": "0 0 3 * * *",
    "week": "0 0 3 * * 1",
    "month": "0 0 3 1 * *",
}
"""Cron of Kubeflow, seconds first, UTC: at three o'clock, on Mondays, on the first."""

SCHEDULED_TIME = "[[ScheduledTime]]"
"""Kubeflow puts the time of the run in its place: each run reads the export anew."""

NOTHING_STARTED_SECS = 600
GOOD, BAD = ("SUCCEEDED", "SKIPPED"), ("FAILED", "CANCELED")


class RunFailed(FieldmarkError):
    """A run on the cluster did not end well."""


@dataclass(frozen=True)
class Submission:
    """What is said of a run beside its parameters.

    Attributes:
        experiment: that the run is filed under; made if it is not there.
        namespace: of the user, where the installation has several.
        service_account: that the pods run as; Kubeflow's own by default.
        cache: None for what the file says of each step; False to run every step.
    """

    experiment: str
    namespace: str | None = None
    service_account: str | None = None
    cache: bool | None = None


def submit(
    compiled: Compiled,
    client: Any,
    host: str,
    given: Mapping[str, str],
    submission: Submission,
    say: Callable[[str], None],
) -> str:
    """Starts a run; returns its id.

    Args:
        compiled: the pipeline.
        client: kfp.Client.
        host: its URL, for the link.
        given: values of parameters; the rest have their defaults.
        submission: what else there is to say.
        say: takes lines for people.

    Raises:
        ConfigError: if a parameter is unknown or missing.
        ServerError: if the server refuses.
    """
    arguments = compiled.arguments(given)
    with quiet(), said_for_people(host):
        run = client.run_pipeline(
            experiment_id=_experiment(client, submission),
            job_name=f"{compiled.name} {datetime.now():%Y-%m-%d %H:%M:%S}",
            **_common(compiled, arguments, submission),
        )
    say(f"run        {host}/#/runs/details/{run.run_id}")
    return str(run.run_id)


def schedule(
    compiled: Compiled,
    client: Any,
    host: str,
    given: Mapping[str, str],
    submission: Submission,
    every: str,
    say: Callable[[str], None],
) -> str:
    """Sets a pipeline to run every day, week or month; returns the schedule's id.

    A parameter that is not given has its default, but for the export's fingerprint: each run takes
    the export for a new one.

    Args:
        compiled: the pipeline.
        client: kfp.Client.
        host: its URL, for the link.
        given: values of parameters.
        submission: what else there is to say.
        every: key of SCHEDULES.
        say: takes lines for people.

    Raises:
        ConfigError: if a parameter is unknown or missing.
        ServerError: if the server refuses.
    """
    fresh = (
        {EXPORT_FINGERPRINT: SCHEDULED_TIME} if EXPORT_FINGERPRINT in compiled.parameters else {}
    )
    arguments = compiled.arguments({**fresh, **given})
    with quiet(), said_for_people(host):
        made = client.create_recurring_run(
            experiment_id=_experiment(client, submission),
            job_name=f"{compiled.name} every {every}",
            cron_expression=SCHEDULES[every],
            max_concurrency=1,
            no_catchup=True,
            **_common(compiled, arguments, submission),
        )
    say(f"schedule   {host}/#/recurringrun/details/{made.recurring_run_id}")
    say(f"           every {every} (cron {SCHEDULES[every]}, UTC), one run at a time")
    return str(made.recurring_run_id)


def follow(
    client: Any,
    host: str,
    run_id: str,
    say: Callable[[str], None],
    *,
    images: set[str],
    poll_secs: float = 10,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Waits for a run to end, and says how its steps go.

    Args:
        client: kfp.Client.
        host: its URL.
        run_id: of the run.
        say: takes lines for people.
        images: of the pipeline, to name where nothing starts.
        poll_secs: time between two looks, in seconds.
        sleep: waits so many seconds.

    Raises:
        RunFailed: if the run fails or is canceled.
        ServerError: if the server is lost.
    """
    known: dict[str, str] = {}
    waited_secs = 0.0
    while True:
        with said_for_people(host):
            run = client.get_run(run_id)
        for step, state in _states(run).items():
            if known.get(step) != state:
                known[step] = state
                say(f"{step:<20} {state.lower()}")
        if run.state in GOOD:
            say("the run succeeded")
            return
        if run.state in BAD:
            raise RunFailed(_failure(run, host, images))
        if not known and waited_secs >= NOTHING_STARTED_SECS > waited_secs - poll_secs:
            say(_nothing_started(images))
        sleep(poll_secs)
        waited_secs += poll_secs


def _common(compiled: Compiled, arguments: Mapping[str, Any], submission: Submission) -> Any:
    return {
        "pipeline_package_path": str(compiled.path),
        "params": dict(arguments),
        "pipeline_root": compiled.pipeline_root,
        "enable_caching": submission.cache,
        "service_account": submission.service_account,
    }


def _experiment(client: Any, submission: Submission) -> str:
    made = client.create_experiment(submission.experiment, namespace=submission.namespace)
    return str(made.experiment_id)


def _states(run: Any) -> dict[str, str]:
    """State of each step that has one. Kubeflow's drivers and the root are tasks, too."""
    tasks = (run.run_details.task_details if run.run_details else None) or []
    return {
        task.display_name: task.state
        for task in tasks
        if task.state and task.display_name and not _is_kubeflows(task.display_name)
    }


def _is_kubeflows(name: str) -> bool:
    return name == "root" or name.endswith("-driver") or name in ("executor", "driver")


def _failure(run: Any, host: str, images: set[str]) -> str:
    tasks = (run.run_details.task_details if run.run_details else None) or []
    failed = [
        t for t in tasks if t.state in BAD and t.display_name and not _is_kubeflows(t.display_name)
    ]
    lines = [f"The run ended as {run.state}: {host}/#/runs/details/{run.run_id}"]
    errors = [(run.error.message if run.error else None)]
    for task in failed:
        message = task.error.message if task.error else None
        errors.append(message)
        lines.append(f"{task.display_name}: {message or 'its log is on that page'}")
    if errors[0]:
        lines.append(errors[0])
    if any(error and "ImagePull" in error for error in errors):
        lines.append(_image_hint(images))
    return "\n".join(lines)


def _nothing_started(images: set[str]) -> str:
    return f"No step has started for {NOTHING_STARTED_SECS // 60} minutes. {_image_hint(images)}"


def _image_hint(images: set[str]) -> str:
    return (
        f"Can the cluster fetch {', '.join(sorted(images))}? `kubectl get pods` tells; push the "
        "image to a registry that it reaches, or name a secret in kubeflow.image_pull_secrets."
    )
