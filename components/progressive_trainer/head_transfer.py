"""An old head's weights made into a new one's: other leaves, another rank, or both.

A head is the list of its weights: (kernel [C, N], bias [N]) of a full one, (projection [C, R],
kernel [R, N], bias [N]) of a low-rank one. Rows of leaves go by `head_mapping`; then

same form             the projection comes along
low-rank to full      projection and kernel are multiplied out: the same logits
full to low-rank, or  the nearest head of that rank: the truncated singular value decomposition of
from rank to rank     the mapped kernel (Eckart & Young 1936); exact where its rank suffices

A leaf with nothing to start from takes its row of the fresh head, in whichever form.

    head = transferred_head(old, fresh, sources)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from components.progressive_trainer.head_mapping import HeadSource, mapped_rows

Floats = npt.NDArray[np.float32]

CHUNK_LEAVES = 4096
"""Leaves taken to float64 at once: all of them would take twice the memory of the kernel."""


def split_head(weights: Sequence[Floats]) -> tuple[list[Floats], list[Floats]]:
    """Returns the backbone's weights and the head's, which come last.

    Args:
        weights: of a whole network, in Keras's order. A backbone ends in a convolution or a
            normalisation, whose weights have 4 dimensions or 1: one of 2 is a projection.
    """
    count = 3 if len(weights) > 2 and weights[-3].ndim == 2 else 2
    return list(weights[:-count]), list(weights[-count:])


def transferred_head(
    old: Sequence[Floats], fresh: Sequence[Floats], sources: Sequence[HeadSource]
) -> list[Floats]:
    """Returns a head in the form of `fresh`.

    Args:
        old: head of the model to start from.
        fresh: head of the network to be trained, as initialised; on as many features.
        sources: of each leaf of the new head.
    """
    *old_projection, old_kernel, old_bias = old
    *projection, kernel, bias = fresh
    bias = mapped_rows(old_bias, bias, sources)
    if [each.shape for each in old_projection] == [each.shape for each in projection]:
        return [*old_projection, mapped_rows(old_kernel, kernel, sources), bias]
    full = old_projection[0] @ old_kernel if old_projection else old_kernel
    if not projection:
        return [mapped_rows(full, kernel, sources), bias]
    known = np.array([bool(source.old_leaves) for source in sources])
    nothing = np.zeros((full.shape[0], len(sources)), np.float32)
    directions, factor = truncated(mapped_rows(full, nothing, sources), rank=projection[0].shape[1])
    return [directions, np.where(known, factor, kernel), bias]


def truncated(matrix: Floats, *, rank: int) -> tuple[Floats, Floats]:
    """Returns float32 [C, R] with orthonormal columns and [R, N]; their product is nearest.

    An orthonormal column's entries are as large as a fresh projection's, so that the factors need
    no further balancing between them.

    Args:
        matrix: float32 [C, N], N large.
        rank: R, at most C.
    """
    gram = np.zeros((matrix.shape[0],) * 2)
    for start in range(0, matrix.shape[1], CHUNK_LEAVES):
        chunk = matrix[:, start : start + CHUNK_LEAVES].astype(np.float64)
        gram += chunk @ chunk.T
    vectors = np.linalg.eigh(gram)[1][:, ::-1][:, :rank]
    # An eigenvector's sign is free, and a library's choice: here its largest entry is positive.
    largest = np.abs(vectors).argmax(axis=0)
    directions = (vectors * np.sign(vectors[largest, range(rank)])).astype(np.float32)
    return directions, directions.T @ matrix
