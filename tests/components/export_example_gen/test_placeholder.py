from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.export_example_gen.placeholder import (
    NO_PROBE,
    PROBED_BYTES,
    Probe,
    Shared,
    pack_probes,
    probe_key,
    shared_probes,
)

SIZES = (1, 100, PROBED_BYTES - 1, PROBED_BYTES, PROBED_BYTES + 1, 2 * PROBED_BYTES, 50_000)


def written(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


def data_of(size: int) -> bytearray:
    return bytearray(n * 7 % 251 for n in range(size))


@pytest.mark.parametrize("size", SIZES)
def test_same_file_gives_the_same_key_under_any_name(size: int, tmp_path: Path) -> None:
    first = probe_key(written(tmp_path / "a.jpg", data_of(size)))

    assert first == probe_key(written(tmp_path / "b.png", data_of(size)))
    assert 0 < first < 2**64


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("where", [0, -1])
def test_other_byte_at_either_end_gives_another_key(size: int, where: int, tmp_path: Path) -> None:
    other = data_of(size)
    other[where] ^= 1

    key = probe_key(written(tmp_path / "a", data_of(size)))
    assert key != probe_key(written(tmp_path / "b", other))


def test_other_size_gives_another_key_though_the_ends_are_equal(tmp_path: Path) -> None:
    keys = {
        probe_key(written(tmp_path / str(size), bytearray(size)))
        for size in (5_000, 9_000, 9_001, 20_000)
    }

    assert len(keys) == 4


def test_empty_or_unreadable_file_has_no_key(tmp_path: Path) -> None:
    assert probe_key(written(tmp_path / "empty", b"")) == NO_PROBE
    assert probe_key(str(tmp_path / "missing")) == NO_PROBE
    assert probe_key(str(tmp_path)) == NO_PROBE


def shared(probes: list[Probe], copies: int) -> dict[int, Shared]:
    return dict(shared_probes([pack_probes(probes)], copies=copies))


def test_key_of_enough_photos_and_observations_is_shared() -> None:
    probes = [(9, 30, 300), (9, 10, 100), (9, 20, 200), (8, 40, 400), (8, 50, 500)]

    assert shared(probes, 3) == {9: Shared(3, (10, 20))}
    assert shared(probes, 4) == {}


def test_photos_of_one_observation_are_no_placeholders() -> None:
    burst = [(9, photo_id, 100) for photo_id in range(1, 50)]

    assert shared(burst, 2) == {}
    assert shared([*burst, (9, 60, 101)], 2) == {9: Shared(50, (1, 2))}


def test_reason_names_the_count_and_another_photo() -> None:
    many = Shared(3000, (7, 12))

    assert many.reason(12) == (
        "placeholder: 3,000 photos of different observations are this very picture, photo 7 "
        "among them"
    )
    assert "photo 12 among them" in many.reason(7)
    assert "photo 7 among them" in many.reason(99)


@given(
    probes=st.lists(
        st.tuples(st.sampled_from([1, 2, 2**64 - 1]), st.integers(1, 30), st.integers(1, 30)),
        max_size=30,
        unique_by=lambda probe: probe[1],
    ),
    copies=st.integers(2, 5),
    cut=st.integers(0, 30),
)
def test_shared_keys_do_not_depend_on_batches_or_order(
    probes: list[Probe], copies: int, cut: int
) -> None:
    batches = [pack_probes(probes[cut:][::-1]), pack_probes([]), pack_probes(probes[:cut])]
    observations = {key: {o for k, _, o in probes if k == key} for key, _, _ in probes}

    found = dict(shared_probes(batches, copies=copies))

    assert found == shared(probes, copies)
    assert set(found) == {key for key, ids in observations.items() if len(ids) >= copies}
