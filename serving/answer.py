"""What is said about one photo: the likeliest leaves, and the branch that ends in the best.

answer = answer_from_scores(taxonomy, "owl.jpg", scores, top=5)  # scores: float32 [N]
answer.leaves[0].name, [node.name for node in answer.lineage]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.taxonomy import Taxonomy


@dataclass(frozen=True)
class ScoredTaxon:
    """A taxon and how likely it is.

    Attributes:
        taxon_id: iNaturalist's id.
        name: scientific name.
        rank: "species", "genus", ...
        score: 0..1; of a node with children, the sum over the leaves below it.
    """

    taxon_id: int
    name: str
    rank: str
    score: float


@dataclass(frozen=True)
class Answer:
    """The answer for one photo.

    Attributes:
        path: the photo.
        leaves: the likeliest leaves, best first.
        lineage: from the kingdom down to the likeliest leaf, itself included. A node's score is
            the sum over its leaves, so it shows down to which rank the model is sure.
    """

    path: str
    leaves: tuple[ScoredTaxon, ...]
    lineage: tuple[ScoredTaxon, ...]


def answer_from_scores(
    taxonomy: Taxonomy, path: str, scores: npt.NDArray[np.floating[Any]], *, top: int
) -> Answer:
    """Returns the answer for one photo.

    Args:
        taxonomy: of the model, N leaves.
        path: the photo.
        scores: float [N].
        top: how many leaves to name; all if there are fewer.
    """
    node_scores = taxonomy.sum_to_nodes(scores[None].astype(np.float64))[0]
    # Stable, so that of equal scores the lower class comes first, as in the model's own top-k.
    best = np.argsort(-scores, kind="stable")[:top]
    return Answer(
        path=path,
        leaves=tuple(_scored(taxonomy, int(taxonomy.leaf_nodes[c]), node_scores) for c in best),
        lineage=tuple(
            _scored(taxonomy, node, node_scores)
            for node in taxonomy.lineage(int(taxonomy.leaf_nodes[best[0]]))
        ),
    )


def _scored(taxonomy: Taxonomy, node: int, node_scores: npt.NDArray[np.float64]) -> ScoredTaxon:
    return ScoredTaxon(
        taxon_id=int(taxonomy.taxon_ids[node]),
        name=taxonomy.names[node],
        rank=taxonomy.rank_name(node),
        score=float(node_scores[node]),
    )
