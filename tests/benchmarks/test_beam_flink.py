"""The data steps on Flink and on Beam's other engines make what they make in Beam's own process.
`make test-flink`: Java, Maven, Maven Central in reach, and minutes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.beam_flink import REFERENCE, RUNNERS, Outcome, compare
from benchmarks.same_outputs import READERS, differences

pytestmark = [pytest.mark.flink, pytest.mark.timeout(3600)]

OTHERS = RUNNERS[1:]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("beam")


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, directory: Path) -> dict[str, Outcome]:
    if request.config.option.markexpr != "flink":
        pytest.skip("fetches and starts Flink, and takes minutes: only by make test-flink")
    found = {}
    for runner, outcome in zip(RUNNERS, compare(RUNNERS, 60, directory, species=6), strict=True):
        print("\n".join(outcome.lines()))
        found[runner] = outcome
    return found


@pytest.mark.parametrize("runner", OTHERS)
def test_records_statistics_and_metrics_are_those_of_beams_own_process(
    runner: str, outcomes: dict[str, Outcome]
) -> None:
    assert outcomes[runner].differ == []


def test_all_that_is_compared_was_there(outcomes: dict[str, Outcome], directory: Path) -> None:
    for what, read in READERS.items():
        assert read(directory / "flink"), what


def test_a_lost_record_would_have_been_seen(
    outcomes: dict[str, Outcome], directory: Path, tmp_path: Path
) -> None:
    spoiled = shutil.copytree(directory / "flink", tmp_path / "spoiled")
    folder = spoiled / "Transform/transformed_examples/Split-val"
    sorted(path for path in folder.iterdir() if path.stat().st_size > 100)[0].unlink()
    found = differences(directory / REFERENCE, spoiled)
    assert found
    assert all(line.startswith("Transform Split-val photo ") for line in found)
