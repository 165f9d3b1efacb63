"""What is said about a photo: the likeliest leaves, the branches above, the common ancestor.

answers = answers_from_scores(Suggester(taxonomy), ["owl.jpg"], scores, top=5)  # float [B, N]
answers[0].leaves[0].name, [node.name for node in answers[0].lineage]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.taxonomy import Taxonomy
from serving.shown import Shown, shown
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
        leaves: the likeliest leaves, best first; where people are among them, they are alone, or
            there is none.
        lineage: from the kingdom down to the likeliest leaf, itself included. A node's score is
            the sum over its leaves, so it shows down to which rank the model is sure.
        common_ancestor: the lowest taxon, genus to superfamily, that the model is sure of by the
            apps' rule (see `serving.suggestions`); None if there is none.
        best_branch: from the best kingdom down, at each step to the child of most score. It ends at
            another leaf than the likeliest where a genus of many fair leaves outdoes it.
        reason: "people" if they are among the suggestions, so that others are left out; else None.
    """

    path: str
    leaves: tuple[ScoredTaxon, ...]
    lineage: tuple[ScoredTaxon, ...]
    common_ancestor: ScoredTaxon | None = None
    best_branch: tuple[ScoredTaxon, ...] = ()
    reason: str | None = None


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
    answers = []
    for path, photo in zip(paths, shown(suggester, scores, top=top), strict=True):
        told = partial(_told, taxonomy, photo)
        above = taxonomy.lineage(photo.leaves[0]) if photo.leaves else []
        ancestor = photo.ancestor
        answers.append(
            Answer(
                path=path,
                leaves=told(photo.leaves),
                lineage=told(above),
                common_ancestor=None
                if ancestor is None
                else _scored(taxonomy, ancestor, photo.ancestor_score),
                best_branch=told(photo.branch),
                reason=photo.reason,
            )
        )
    return answers


def _told(taxonomy: Taxonomy, photo: Shown, nodes: Iterable[int]) -> tuple[ScoredTaxon, ...]:
    return tuple(_scored(taxonomy, node, photo.node_scores[node]) for node in nodes)


def _scored(taxonomy: Taxonomy, node: int, score: float) -> ScoredTaxon:
    return ScoredTaxon(
        taxon_id=int(taxonomy.taxon_ids[node]),
        name=taxonomy.names[node],
        rank=taxonomy.rank_name(node),
        score=float(score),
    )
