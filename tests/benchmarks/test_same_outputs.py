"""What counts as the same output of two Beam runners."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.beam_services import NotToBeHad, flink_jars
from benchmarks.same_outputs import same


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (0.1 + 0.2, 0.3, True),
        (1.0, 1.0001, False),
        (float("nan"), float("nan"), True),
        (float("nan"), 0.0, False),
        (10_000_000, 10_000_001, False),
        ({"mean": [1.0, {"n": 2}]}, {"mean": [1.0 + 1e-12, {"n": 2}]}, True),
        ({"mean": [1.0]}, {"mean": [1.0, 2.0]}, False),
        ({"a": 1}, {"b": 1}, False),
        ("7", 7, False),
    ],
)
def test_only_sums_of_floats_may_differ_by_their_order(
    left: object, right: object, equal: bool
) -> None:
    assert same(left, right) is equal


def test_a_machine_without_java_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotToBeHad, match="java is not on the PATH"):
        flink_jars(tmp_path)
