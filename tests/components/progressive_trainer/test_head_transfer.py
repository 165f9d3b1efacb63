from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.progressive_trainer.head_mapping import HeadSource
from components.progressive_trainer.head_transfer import split_head, transferred_head, truncated

FEATURES = 6


def same(leaves: int) -> list[HeadSource]:
    return [HeadSource(leaf, "same", (leaf,), leaf) for leaf in range(leaves)]


def head(leaves: int, rank: int | None, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = [(FEATURES, leaves)] if rank is None else [(FEATURES, rank), (rank, leaves)]
    return [rng.normal(size=shape).astype(np.float32) for shape in [*shapes, (leaves,)]]


def logits(weights: list[np.ndarray], features: np.ndarray) -> np.ndarray:
    *kernels, bias = weights
    for kernel in kernels:
        features = features @ kernel
    return features + bias


PHOTOS = np.random.default_rng(9).normal(size=(5, FEATURES)).astype(np.float32)


@given(st.integers(1, 12), st.integers(1, 5), st.sampled_from([None, 5]))
def test_head_that_can_hold_the_old_one_gives_the_same_logits(
    leaves: int, old_rank: int, new_rank: int | None
) -> None:
    old = head(leaves, old_rank)
    new = transferred_head(old, head(leaves, new_rank, seed=1), same(leaves))

    assert [each.shape for each in new] == [each.shape for each in head(leaves, new_rank)]
    np.testing.assert_allclose(logits(new, PHOTOS), logits(old, PHOTOS), atol=1e-4)


@given(st.integers(1, 9), st.integers(1, 6), st.integers(0, 5))
def test_lower_rank_is_as_near_as_the_dropped_singular_values_allow(
    leaves: int, rank: int, seed: int
) -> None:
    matrix = np.random.default_rng(seed).normal(size=(FEATURES, leaves)).astype(np.float32)
    directions, factor = truncated(matrix, rank=rank)
    dropped = np.linalg.svd(matrix, compute_uv=False)[rank:]

    np.testing.assert_allclose(directions.T @ directions, np.eye(rank), atol=1e-5)
    error = np.linalg.norm(matrix - directions @ factor)
    assert abs(error - np.linalg.norm(dropped)) < 1e-4


def test_decomposition_goes_over_many_leaves_in_chunks() -> None:
    matrix = np.random.default_rng(0).normal(size=(3, 10_000)).astype(np.float32)
    directions, factor = truncated(matrix, rank=3)
    np.testing.assert_allclose(directions @ factor, matrix, atol=1e-4)


def test_same_rank_keeps_the_projection_and_moves_the_rows() -> None:
    old, fresh = head(3, 2), head(2, 2, seed=1)
    sources = [HeadSource(7, "synonym", (0, 2), 5), HeadSource(8, "new", (), 0)]

    projection, kernel, bias = transferred_head(old, fresh, sources)

    np.testing.assert_array_equal(projection, old[0])
    np.testing.assert_allclose(kernel[:, 0], (old[1][:, 0] + old[1][:, 2]) / 2, rtol=1e-6)
    np.testing.assert_array_equal(kernel[:, 1], fresh[1][:, 1])
    np.testing.assert_array_equal(bias[1], fresh[2][1])


def test_new_leaf_keeps_its_fresh_row_when_a_full_head_becomes_low_rank() -> None:
    old, fresh = head(3, None), head(3, 4, seed=1)
    sources = [*same(3)[:2], HeadSource(8, "new", (), 0)]

    new = transferred_head(old, fresh, sources)

    np.testing.assert_array_equal(new[1][:, 2], fresh[1][:, 2])
    old_logits = logits(old, PHOTOS)
    np.testing.assert_allclose(logits(new, PHOTOS)[:, :2], old_logits[:, :2], atol=1e-4)


def test_head_is_told_from_the_backbone_in_both_forms() -> None:
    backbone = [np.zeros((3, 3, 4, 6), np.float32), np.zeros(6, np.float32)]
    for rank in (None, 2):
        ours, last = split_head([*backbone, *head(3, rank)])
        assert (len(ours), len(last)) == (2, 2 if rank is None else 3)
