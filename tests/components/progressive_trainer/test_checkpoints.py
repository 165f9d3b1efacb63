from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from components.progressive_trainer import checkpoint, whole_directory
from components.progressive_trainer.checkpoint import KEPT, Checkpoints
from schemas.errors import FieldmarkError
from schemas.events import EVENTS_VARIABLE


def variables(value: float) -> list[keras.Variable]:
    return [
        keras.Variable(np.full((2, 3), value, np.float32), name="kernel"),
        keras.Variable(np.int64(value), dtype="int64", trainable=False, name="iterations"),
    ]


def save(checkpoints: Checkpoints, seen: int, value: float = 0.0, **partial: float) -> None:
    history: list[dict[str, Any]] = [{"examples_seen": seen}]
    checkpoints.save(
        examples_seen=seen,
        history=history,
        partial_epoch=partial,
        record={"rows_bytes": 3 * seen},
        variables=variables(value),
    )


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.is_dir())


def test_new_run_has_no_checkpoint(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "run").latest() is None


def test_latest_gives_back_variables_place_history_and_open_sums(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 900, 1.0)
    save(checkpoints, 1000, 7.0, loss=3.5, examples=12)
    restored = variables(0.0)

    latest = checkpoints.latest()

    assert latest is not None
    latest.restore(restored)
    assert latest.examples_seen == 1000
    assert latest.history == [{"examples_seen": 1000}]
    assert latest.partial_epoch == {"loss": 3.5, "examples": 12}
    assert latest.record == {"rows_bytes": 3000}
    assert (restored[0].numpy() == 7.0).all()
    assert restored[1].numpy() == 7


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for seen in (8, 90, 700, 10_000):
        save(checkpoints, seen)

    assert KEPT == 2
    assert names(tmp_path) == ["examples-000000000000700", "examples-000000000010000"]


def test_same_place_saved_again_is_replaced(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 8, 1.0)
    save(checkpoints, 8, 2.0)
    restored = variables(0.0)

    latest = checkpoints.latest()

    assert latest is not None
    latest.restore(restored)
    assert (restored[0].numpy() == 2.0).all()


@pytest.mark.parametrize("step", ["savez", "write_text", "rename"])
def test_run_killed_while_writing_goes_on_from_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 100)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.np if step == "savez" else Path, step, killed)
        with pytest.raises(KeyboardInterrupt):
            save(checkpoints, 200)
    assert names(tmp_path) == ["examples-000000000000100", f"writing-{os.getpid()}"]
    checkpoints.close()

    again = Checkpoints(tmp_path)

    assert names(tmp_path) == ["examples-000000000000100"]
    latest = again.latest()
    assert latest is not None
    assert latest.examples_seen == 100
    save(again, 200)
    assert names(tmp_path) == ["examples-000000000000100", "examples-000000000000200"]


def test_run_killed_while_it_replaces_its_newest_checkpoint_goes_on_from_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 100, 1.0)

    def killed(path: Path) -> None:
        (path / "state.json").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(whole_directory.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            save(checkpoints, 100, 2.0)
    checkpoints.close()

    again = Checkpoints(tmp_path)

    assert names(tmp_path) == ["examples-000000000000100"]
    assert value_of(again) == (100, 2.0)


def value_of(checkpoints: Checkpoints) -> tuple[int, float]:
    """Where the newest checkpoint is of, and the value that its variables have."""
    latest, restored = checkpoints.latest(), variables(0.0)
    assert latest is not None
    latest.restore(restored)
    return latest.examples_seen, float(restored[0].numpy()[0, 0])


def without_state(directory: Path) -> None:
    (directory / "state.json").unlink()


def half_a_state(directory: Path) -> None:
    path = directory / "state.json"
    path.write_text(path.read_text()[:30])


def another_state(directory: Path) -> None:
    (directory / "state.json").write_text("{}")


def without_variables(directory: Path) -> None:
    (directory / "variables.npz").unlink()


def half_the_variables(directory: Path) -> None:
    os.truncate(directory / "variables.npz", 300)


def flipped_bit(directory: Path) -> None:
    path = directory / "variables.npz"
    content = bytearray(path.read_bytes())
    content[content.index(np.float32(7.0).tobytes())] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (without_state, r"state.json: \[Errno 2\] No such file or directory: .*"),
        (half_a_state, "state.json: Unterminated string .*"),
        (another_state, "state.json: .* missing 5 required positional arguments: .*"),
        (without_variables, r"variables.npz: \[Errno 2\] No such file or directory: .*"),
        (half_the_variables, "variables.npz: File is not a zip file"),
        (flipped_bit, "variables.npz: the checksum of 0.npy is another"),
    ],
)
def test_checkpoint_that_cannot_be_read_is_put_aside_for_the_one_before(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Path], None],
    why: str,
) -> None:
    first = Checkpoints(tmp_path / "run")
    save(first, 100, 1.0)
    save(first, 200, 7.0)
    spoil(tmp_path / "run" / "examples-000000000000200")
    first.close()
    monkeypatch.setenv(EVENTS_VARIABLE, str(tmp_path / "events"))

    again = Checkpoints(tmp_path / "run")
    with caplog.at_level(logging.WARNING):
        assert value_of(again) == value_of(again) == (100, 1.0)

    (event,) = (json.loads(line) for line in (tmp_path / "events").read_text().splitlines())
    (warning,) = caplog.messages
    assert warning == f"{event['text']}."
    text = (
        f"^the checkpoint {tmp_path}/run/examples-000000000000200 cannot be read \\({why}\\): "
        "training goes on from the one before it, examples-000000000000100. What is left of it is "
        "kept as unreadable-examples-000000000000200; nothing reads that, delete it when you like$"
    )
    assert re.match(text, event["text"]), event["text"]
    save(again, 150)
    save(again, 200)
    assert names(tmp_path / "run") == [
        "examples-000000000000150",
        "examples-000000000000200",
        "unreadable-examples-000000000000200",
    ]


def test_process_that_only_reads_falls_back_and_leaves_the_files_alone(tmp_path: Path) -> None:
    chief = Checkpoints(tmp_path)
    save(chief, 100, 1.0)
    save(chief, 200, 7.0)
    without_state(tmp_path / "examples-000000000000200")

    assert value_of(Checkpoints(tmp_path, writes=False)) == (100, 1.0)
    assert names(tmp_path) == ["examples-000000000000100", "examples-000000000000200"]
    with pytest.raises(FieldmarkError) as caught:
        Checkpoints(tmp_path, writes=False).at(200)
    assert str(caught.value).startswith(
        f"{tmp_path}/examples-000000000000200, from which the chief goes on, cannot be read on "
        "this machine: state.json: "
    )


def test_checkpoints_none_of_which_can_be_read_are_an_error_and_stay(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 100)
    save(checkpoints, 200)
    checkpoints.close()
    half_the_variables(tmp_path / "examples-000000000000100")
    half_the_variables(tmp_path / "examples-000000000000200")

    with pytest.raises(FieldmarkError) as caught:
        Checkpoints(tmp_path).latest()

    assert str(caught.value) == (
        f"No checkpoint in {tmp_path} can be read (examples-000000000000200: variables.npz: File "
        "is not a zip file; examples-000000000000100: variables.npz: File is not a zip file). Put "
        "the files back, or delete the directory to train from the start."
    )
    assert names(tmp_path) == ["examples-000000000000100", "examples-000000000000200"]


def test_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 100)
    latest = checkpoints.latest()
    assert latest is not None

    with pytest.raises(FieldmarkError) as caught:
        latest.restore(variables(0.0)[:1])

    assert str(caught.value) == (
        f"{tmp_path}/examples-000000000000100 holds 2 variables where the model has 1. "
        "Delete the directory to train from the start."
    )


def test_second_opener_is_refused_until_the_first_closes(tmp_path: Path) -> None:
    first = Checkpoints(tmp_path)

    with pytest.raises(FieldmarkError) as caught:
        Checkpoints(tmp_path)

    assert str(caught.value) == (
        f"{tmp_path} is in use: this very training is running already. "
        "Wait for it to end, or stop it and give the command again."
    )
    first.close()
    Checkpoints(tmp_path).close()


def test_refused_opener_leaves_what_the_first_is_writing(tmp_path: Path) -> None:
    first = Checkpoints(tmp_path)
    (tmp_path / "writing-1").mkdir()

    with pytest.raises(FieldmarkError):
        Checkpoints(tmp_path)

    assert (tmp_path / "writing-1").is_dir()
    first.close()


def test_reader_takes_no_lock_and_reads_the_place_it_is_told(tmp_path: Path) -> None:
    chief = Checkpoints(tmp_path)
    save(chief, 100, 1.0)
    save(chief, 200, 2.0)
    (tmp_path / "writing-1").mkdir()

    reader = Checkpoints(tmp_path, writes=False)

    assert reader.at(100).examples_seen == 100
    assert (tmp_path / "writing-1").is_dir()
    reader.close()
    with pytest.raises(FieldmarkError):
        Checkpoints(tmp_path)


def test_reader_that_cannot_see_the_chiefs_checkpoint_says_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(FieldmarkError) as caught:
        Checkpoints(tmp_path, writes=False).at(51_200)

    assert str(caught.value) == (
        f"{tmp_path}/examples-000000000051200, from which the chief goes on, is not on this "
        "machine. The directory of the checkpoints must be on a file system that all machines "
        "share."
    )


def test_lock_of_a_process_that_died_is_free(tmp_path: Path) -> None:
    code = (
        "import fcntl, os, sys\n"
        "file = open(sys.argv[1], 'w')\n"
        "fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "os._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "lock")], check=False)

    assert done.returncode == 9
    Checkpoints(tmp_path).close()


def test_state_is_plain_json(tmp_path: Path) -> None:
    save(Checkpoints(tmp_path), 100)

    state = json.loads((tmp_path / "examples-000000000000100" / "state.json").read_text())
    assert state == {
        "examples_seen": 100,
        "history": [{"examples_seen": 100}],
        "partial_epoch": {},
        "record": {"rows_bytes": 300},
        "decisions": [],
    }
