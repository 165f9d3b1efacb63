"""What is said of a photo: the likeliest leaves, the best branch, the common ancestor or why not.

All of it obeys the apps' rules (`serving.suggestions`): where people are among the suggestions,
they are shown alone, or nothing is, and `reason` says so. Among others they are never shown.

Law: the score of a node is the sum over all leaves below it, shown or not, so it never falls on the
way up.

    for photo in shown(Suggester(taxonomy), scores, top=5):     # float [B, N]
        photo.leaves, photo.branch, photo.ancestor              # nodes of the taxonomy
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.leaf_paths import NO_NODE
from serving.geo_scores import Geo, combined_scores
from serving.rollup import DEFAULT, AncestorRule, cut_off, top_leaves
from serving.suggestions import Suggester, Suggestions

Floats = npt.NDArray[np.float64]

PEOPLE = "people"
"""Reason: people are among the suggestions, so they are alone, or there is none."""

PLACE = "place"
"""Reason: the geo model expects none of the leaves at the place."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What is shown for one photo; nodes are those of the model's taxonomy.

    Attributes:
        leaves: the likeliest leaves, best first.
        branch: from the best kingdom down to a leaf, at each step to the child of most score; its
            leaf need not be the likeliest.
        ancestor: the common ancestor; None if there is none.
        ancestor_score: its share of the best leaves' score, 0..1.
        node_scores: float64 [T], score of each node, 0..1.
        reason: why leaves are left out, PEOPLE or PLACE; None if none is.
    """

    leaves: tuple[int, ...]
    branch: tuple[int, ...]
    ancestor: int | None
    ancestor_score: float
    node_scores: Floats
    reason: str | None


def shown(
    suggester: Suggester,
    scores: npt.NDArray[np.floating],
    *,
    top: int,
    rule: AncestorRule = DEFAULT,
    geo: Geo | None = None,
) -> list[Shown]:
    """Returns what is shown for B photos.

    Args:
        suggester: of the model's taxonomy, N leaves.
        scores: float [B, N], what the network gives, calibrated or not.
        top: leaves to show; all if there are fewer.
        rule: of the common ancestor.
        geo: of the photos' places; None without places.
    """
    taxonomy = suggester.roll_up.taxonomy
    combined = np.asarray(
        scores if geo is None else combined_scores(scores, geo.scores), np.float64
    )
    found = suggester(scores, rule=rule, geo=geo)
    kept = _kept(combined, found)
    best = top_leaves(combined, top + 1)[0]  # one of them may be people
    branches = suggester.branches.best(taxonomy.sum_to_nodes(kept))
    node_scores = taxonomy.sum_to_nodes(combined)
    answers = []
    for photo, ancestor in enumerate(found.ancestors.nodes.tolist()):
        reason = _reason(bool(found.people[photo]), kept[photo])
        leaves = [
            leaf
            for leaf in best[photo]
            if (kept[photo, leaf] if reason else leaf != suggester.human)
        ][:top]
        branch = [node for node in branches[photo].tolist() if leaves and node != NO_NODE]
        answers.append(
            Shown(
                leaves=tuple(taxonomy.leaf_nodes[leaves].tolist()),
                branch=tuple(branch),
                ancestor=None if ancestor == NO_NODE else ancestor,
                ancestor_score=float(found.ancestors.scores[photo]),
                node_scores=node_scores[photo],
                reason=reason,
            )
        )
    return answers


def _kept(combined: Floats, found: Suggestions) -> Floats:
    """float64 [B, N]: scores of leaves that an app goes on with, 0 of others."""
    alone = np.zeros_like(combined)
    np.put_along_axis(alone, found.classes, found.scores, axis=1)
    return np.where(found.people[:, None], alone, cut_off(combined))


def _reason(people: bool, kept: Floats) -> str | None:
    if people:
        return PEOPLE
    return None if kept.any() else PLACE
