"""`fieldmark run`: a pipeline on this machine, from the plan to the summary."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType

import click
import yaml

from pipeline.chatter import chatter_to
from pipeline.config import PipelineConfig
from pipeline.display import Display
from pipeline.fingerprint import export_fingerprint
from pipeline.layout import Layout
from pipeline.plan import describe_plan, devices_of_machine
from pipeline.prepare_export import prepare_export
from pipeline.summary import StepTime, summarise
from schemas.duration import duration
from schemas.errors import FieldmarkError, Interrupted
from schemas.events import EVENTS_VARIABLE
from schemas.open_source import open_source
from schemas.source import Source


class StepFailed(FieldmarkError):
    """A step of the pipeline ended with an error that was not foreseen."""


def run_pipeline(config: PipelineConfig) -> None:
    """Runs a pipeline and shows how it goes, on standard error.

    Started again after a failure or a kill, it goes on where it was.

    Raises:
        FieldmarkError: if the config, the export or a step has a fault.
    """
    layout = Layout.of(config)
    layout.root.mkdir(parents=True, exist_ok=True)
    with _alone(layout), _sigterm_as_interrupt():
        config = prepare_export(config, layout, lambda text: click.echo(text, err=True))
        export = open_source(str(config.export_dir), config.export.format)
        plan = describe_plan(
            config, export, devices=devices_of_machine(config.trainer.logical_cpu_devices)
        )
        log_dir = layout.logs / datetime.now().strftime("%Y%m%d-%H%M%S-%f")
        log_dir.mkdir(parents=True)
        with chatter_to(log_dir / "run.log") as terminal:
            _save_config(config, log_dir / "config.yaml")
            events = log_dir / "events.jsonl"
            os.environ[EVENTS_VARIABLE] = str(events)
            # Of TensorFlow's native messages only warnings and errors help in a log.
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
            with Display(terminal, events) as display:
                display.say(f"{plan}\nlog        {log_dir / 'run.log'}\n")
                _run_steps(config, layout, export, display, log_dir / "run.log")


def _run_steps(
    config: PipelineConfig,
    layout: Layout,
    export: Source,
    display: Display,
    log_path: Path,
) -> None:
    display.begin_step("looking at the photos, starting TFX")
    fingerprint = export_fingerprint(export, photo_size=config.export.photo_size)
    from pipeline.dag import create_pipeline
    from pipeline.dag_runner import ObservedDagRunner
    from pipeline.latest_report import keep_report
    from pipeline.store import Store, why

    pipeline = create_pipeline(config, export_fingerprint=fingerprint)
    store = Store(layout.metadata_db, config.name)
    orphans = store.close_orphans()
    display.end_step(
        f"An earlier run was stopped in {', '.join(orphans)}; going on from there."
        if orphans
        else "ready"
    )
    times: list[StepTime] = []

    @contextmanager
    def observe(step: str, number: int, count: int) -> Iterator[None]:
        title = f"{number:>2}/{count} {step:<20}"
        earlier = store.runs_of(step)
        started_secs = time.monotonic()
        display.begin_step(title)
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:
            secs = time.monotonic() - started_secs
            shown = _for_people(error, step, log_path)
            kind = "stopped" if isinstance(shown, (KeyboardInterrupt, Interrupted)) else "failed"
            display.end_step(f"{title} {kind:<7} {duration(secs):>10}")
            raise shown from error
        secs = time.monotonic() - started_secs
        run = store.runs_of(step)[-1]
        times.append(StepTime(step, secs, run.reused))
        kind = "reused" if run.reused else "ran"
        display.end_step(f"{title} {kind:<7} {duration(secs):>10}  {why(run, earlier)}")

    ObservedDagRunner(observe).run(pipeline)
    keep_report(store, layout)
    display.say(summarise(store, layout, times, log_path))


def _for_people(error: BaseException, step: str, log_path: Path) -> BaseException:
    """The error to show: our own from anywhere in the chain, else one that names the log."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, (FieldmarkError, KeyboardInterrupt)):
            return link
        link = link.__cause__ or link.__context__
    last = str(error).strip().splitlines()
    return StepFailed(
        f"{step} failed: {type(error).__name__}: {last[-1] if last else ''}\n"
        f"The whole story is in {log_path}. Give the same command again to go on from here."
    )


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    """Keeps a second run of the same pipeline out: they would write into each other."""
    with layout.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FieldmarkError(
                f"A run of this pipeline is on already in {layout.root}. Wait for it to end, or "
                "give this one another name with --set name=NAME."
            ) from error
        yield


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Ends a run on SIGTERM as on Ctrl-C: the step is marked as failed, nothing is left running."""
    terminated = False

    def interrupt(signum: int, frame: FrameType | None) -> None:
        nonlocal terminated
        terminated = True
        raise KeyboardInterrupt  # which no library takes for an error of its own

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt as error:
        if terminated:
            raise Interrupted(
                "Stopped by SIGTERM. Give the same command again to go on."
            ) from error
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _save_config(config: PipelineConfig, path: Path) -> None:
    path.write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))
