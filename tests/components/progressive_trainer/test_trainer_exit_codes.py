from __future__ import annotations

import signal
from pathlib import Path

import pytest

from components.progressive_trainer.executor import check_exit_code
from components.progressive_trainer.job import RESUME_EXIT_CODE, USER_ERROR_EXIT_CODE
from schemas.errors import FieldmarkError, Interrupted

AGAIN = "Give the same command again to go on from the last checkpoint."


def test_training_that_ended_well_is_no_error(tmp_path: Path) -> None:
    check_exit_code(0, tmp_path / "error.txt")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (RESUME_EXIT_CODE, "Training was interrupted by a signal and has written a checkpoint. "),
        (128 + signal.SIGTERM, "Training was interrupted by a signal and ended at once. "),
        (128 + signal.SIGINT, "Training was interrupted by a signal and ended at once. "),
        (-signal.SIGTERM, "Training was interrupted by a signal and ended at once. "),
        (-signal.SIGINT, "Training was interrupted by a signal and ended at once. "),
    ],
)
def test_interrupted_training_is_told_from_a_failed_one(
    tmp_path: Path, code: int, message: str
) -> None:
    with pytest.raises(Interrupted) as caught:
        check_exit_code(code, tmp_path / "error.txt")

    assert str(caught.value) == message + AGAIN


def test_error_for_a_person_is_handed_on(tmp_path: Path) -> None:
    (tmp_path / "error.txt").write_text("trainer: no.")

    with pytest.raises(FieldmarkError, match=r"^trainer: no\.$"):
        check_exit_code(USER_ERROR_EXIT_CODE, tmp_path / "error.txt")


@pytest.mark.parametrize(
    ("code", "reason"),
    [(1, "exit code 1"), (-9, "signal 9"), (USER_ERROR_EXIT_CODE, "exit code 2")],
)
def test_any_other_end_points_to_the_log(tmp_path: Path, code: int, reason: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        check_exit_code(code, tmp_path / "error.txt")

    assert str(caught.value) == (
        f"The training process ended with {reason}; its last words are in the log. {AGAIN}"
    )
