"""What is said about a photo: the likeliest leaves, the branch of the best, the common ancestor.

answers = answers_from_scores(Suggester(taxonomy), ["owl.jpg"], scores, top=5)  # float [B, N]
answers[0].leaves[0].name, [node.name for node in answers[0].lineage]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.leaf_paths import NO_NODE
from schemas.taxonomy import Taxonomy
from serving.rollup import top_leaves
from serving.suggestions import Suggester


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
        common_ancestor: the lowest taxon, genus to superfamily, that the model is sure of by the
            apps' rule (see `serving.suggestions`); None if there is none.
    """

    path: str
    leaves: tuple[ScoredTaxon, ...]
    lineage: tuple[ScoredTaxon, ...]
    common_ancestor: ScoredTaxon | None = None


@dataclass(frozen=True)
class Unread:
    """A photo that could not be read.

    Attributes:
        path: the photo.
        error: why, and what to do.
    """

    path: str
    error: str


def answers_from_scores(
    suggester: Suggester,
    paths: Sequence[str],
    scores: npt.NDArray[np.floating[Any]],
    *,
    top: int,
) -> list[Answer]:
    """Returns the answers for B photos.

    Args:
        suggester: of the model's taxonomy, N leaves.
        paths: the photos.
        scores: float [B, N].
        top: how many leaves to name; all if there are fewer.
    """
    taxonomy = suggester.roll_up.taxonomy
    best = top_leaves(scores, top)[0]
    node_scores = taxonomy.sum_to_nodes(scores.astype(np.float64))
    ancestors = suggester(scores).ancestors
    answers = []
    for place, path in enumerate(paths):
        leaves = taxonomy.leaf_nodes[best[place]]
        own = node_scores[place]
        ancestor = int(ancestors.nodes[place])
        answers.append(
            Answer(
                path=path,
                leaves=tuple(_scored(taxonomy, leaf, own[leaf]) for leaf in leaves),
                lineage=tuple(
                    _scored(taxonomy, node, own[node]) for node in taxonomy.lineage(int(leaves[0]))
                ),
                common_ancestor=None
                if ancestor == NO_NODE
                else _scored(taxonomy, ancestor, ancestors.scores[place]),
            )
        )
    return answers


def _scored(taxonomy: Taxonomy, node: int, score: float) -> ScoredTaxon:
    return ScoredTaxon(
        taxon_id=int(taxonomy.taxon_ids[node]),
        name=taxonomy.names[node],
        rank=taxonomy.rank_name(node),
        score=float(score),
    )
