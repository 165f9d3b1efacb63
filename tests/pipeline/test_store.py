from __future__ import annotations

from pathlib import Path

from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.store import StepRun, Store, why

GOOD, CACHED, FAILED = mlmd.Execution.COMPLETE, mlmd.Execution.CACHED, mlmd.Execution.FAILED


def run(
    state: int = GOOD,
    inputs: dict[str, tuple[int, ...]] | None = None,
    **parameters: object,
) -> StepRun:
    return StepRun(1, state, parameters, inputs or {}, {})


def test_reused_step_says_that_nothing_changed() -> None:
    assert why(run(CACHED), [run()]) == "same inputs, settings and code"


def test_first_run_and_run_after_a_failure_are_told_apart() -> None:
    assert why(run(), []) == "first run"
    assert why(run(), [run(FAILED)]) == "an earlier run did not end"


def test_changes_are_named() -> None:
    assert why(run(code_version="b"), [run(code_version="a")]) == "its code changed"
    assert why(run(export_fingerprint="b"), [run(export_fingerprint="a")]) == "the export changed"
    before, now = run(named_files="a"), run(named_files="b")
    assert why(now, [before]) == "a file that its settings name changed"
    before, now = run(settings='{"seed": 1, "x": 0}'), run(settings='{"seed": 2, "x": 0}')
    assert why(now, [before]) == "settings changed: seed"
    assert why(run(inputs={"examples": (4,)}), [run(inputs={"examples": (3,)})]) == "new examples"


def test_new_setting_that_is_null_is_named() -> None:
    before, now = run(settings='{"seed": 1}'), run(settings='{"seed": 1, "push_to": null}')
    assert why(now, [before]) == "settings changed: push_to"


def test_of_many_new_inputs_a_few_are_named() -> None:
    before, now = (run(inputs=dict.fromkeys("abcdefg", (number,))) for number in (1, 2))
    assert why(now, [before]) == "new a, new b, new c, new d, 3 more new inputs"


def test_the_last_run_that_ended_well_is_the_one_compared_with() -> None:
    earlier = [run(code_version="a"), run(FAILED, code_version="b")]
    assert why(run(code_version="b"), earlier) == "its code changed"


def test_orphan_is_closed_once_and_its_half_written_output_removed(tmp_path: Path) -> None:
    store = Store(tmp_path / "metadata.sqlite", "tiny")
    raw = store._store
    execution_type = raw.put_execution_type(mlmd.ExecutionType(name="components.Trainer"))
    artifact_type = raw.put_artifact_type(mlmd.ArtifactType(name="Model"))
    context_type = raw.put_context_type(mlmd.ContextType(name="node"))
    output = tmp_path / "model" / "1"
    output.mkdir(parents=True)
    execution = mlmd.Execution(type_id=execution_type, last_known_state=mlmd.Execution.RUNNING)
    artifact = mlmd.Artifact(type_id=artifact_type, uri=str(output), state=mlmd.Artifact.PENDING)
    event = mlmd.Event(type=mlmd.Event.PENDING_OUTPUT)
    event.path.steps.add().key = "model"
    context = mlmd.Context(type_id=context_type, name="tiny.Trainer")
    raw.put_execution(execution, [(artifact, event)], [context])

    assert store.close_orphans() == ["Trainer"]
    assert not output.exists()
    assert store.close_orphans() == []
    (closed,) = store.runs_of("Trainer")
    assert closed.state == mlmd.Execution.CANCELED
