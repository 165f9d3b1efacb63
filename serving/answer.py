"""What is said about one photo: the likeliest leaves, and the branch of the tree above the best.

    answer = answer_from_scores(taxonomy, "owl.jpg", scores, top=5)  # scores: float32 [N]
    answer.leaves[0].name, [node.name for node in answer.lineage]
"""

from __future__ import annotations

from dataclasses import dataclass

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
        lineage: the best branch, from the kingdom down to a leaf: at each node its best child,
            which need not lead to the single likeliest leaf.
    """

    path: str
    leaves: tuple[ScoredTaxon, ...]
    lineage: tuple[ScoredTaxon, ...]


def answer_from_scores(
    taxonomy: Taxonomy, path: str, scores: npt.NDArray[np.float32], *, top: int
) -> Answer:
    """Returns the answer for one photo.

    Args:
        taxonomy: of the model, N leaves.
        path: the photo.
        scores: float32 [N].
        top: how many leaves to name; all if there are fewer.
    """
    node_scores = taxonomy.sum_to_nodes(scores[None].astype(np.float64))[0]
    # Stable, so that of equal scores the lower class comes first, as in the model's own top-k.
    best = np.argsort(-scores, kind="stable")[:top]
    return Answer(
        path=path,
        leaves=tuple(_scored(taxonomy, int(taxonomy.leaf_nodes[c]), node_scores) for c in best),
        lineage=tuple(
            _scored(taxonomy, node, node_scores) for node in best_branch(taxonomy, node_scores)
        ),
    )


def best_branch(taxonomy: Taxonomy, node_scores: npt.NDArray[np.float64]) -> list[int]:
    """Returns the nodes from the best kingdom down to a leaf, each the best child of the last.

    It is what iNaturalist's apps show. Of children with the same score the first of the taxonomy
    is taken.

    Args:
        node_scores: float64 [T].
    """
    branch: list[int] = []
    node = -1
    while (children := np.flatnonzero(taxonomy.parent_nodes == node)).size:
        node = int(children[node_scores[children].argmax()])
        branch.append(node)
    return branch


def _scored(
    taxonomy: Taxonomy, node: int, node_scores: npt.NDArray[np.float64]
) -> ScoredTaxon:
    return ScoredTaxon(
        taxon_id=int(taxonomy.taxon_ids[node]),
        name=taxonomy.names[node],
        rank=taxonomy.rank_name(node),
        score=float(node_scores[node]),
    )
