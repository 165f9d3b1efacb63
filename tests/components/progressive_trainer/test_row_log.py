from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.progressive_trainer.row_log import RowLog
from schemas.errors import FieldmarkError

FLOATS = st.floats(allow_nan=False)


@given(st.lists(FLOATS), st.lists(FLOATS), st.lists(FLOATS))
def test_rows_after_a_checkpoint_are_forgotten_and_those_before_it_are_exact(
    before: list[float], lost: list[float], after: list[float]
) -> None:
    log = RowLog()
    for loss in before:
        log.append({"loss": loss})
    length = log.length()
    for loss in lost:
        log.append({"loss": loss})

    log.cut(length)
    for loss in after:
        log.append({"loss": loss})

    assert [row["loss"] for row in log.rows()] == before + after
    assert [row["loss"] for row in log.rows()] == before + after  # reading moves nothing


def test_next_process_goes_on_even_after_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "run" / "rows.jsonl"
    first = RowLog(path)
    first.append({"step": 1})
    length = first.length()
    first.append({"step": 2})
    path.write_bytes(path.read_bytes()[:-4])  # killed while it wrote

    second = RowLog(path)
    second.cut(length)
    second.append({"step": 2})

    assert [row["step"] for row in second.rows()] == [1, 2]
    assert path.read_text() == '{"step": 1}\n{"step": 2}\n'


def test_rows_that_are_gone_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with pytest.raises(FieldmarkError) as caught:
        RowLog(path).cut(1_200)
    assert str(caught.value) == (
        f"{path} holds 0 bytes where its checkpoint was written after 1,200: the rows of the "
        "history are lost. Put the file back, or delete its directory to train from the start."
    )
