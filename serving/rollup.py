"""From the scores of leaves to an answer higher up the tree, by iNaturalist's rules.

Where no species is likely enough, its apps answer with a genus or a family: the lowest node that
holds most of the score. Pure numpy; nothing here is ever as wide as [B, N] for the common
ancestor, which needs the best 15 leaves of a photo and no more.

Law: the score of a node is the sum of its leaves', so that it never falls on the way up.

    classes, scores = top_leaves(leaf_scores, 15)        # int [B, 15], float [B, 15]
    tree = RollUp(taxonomy)
    tree.common_ancestors(classes, scores).nodes         # int32 [B], NO_NODE for no answer
    tree.common_ancestors(classes, scores, MAJOR_RANKS, geo)

What an app shows for a photo, people and all cut-offs included, is `serving.suggestions`'.

Source of the rules and their constants: inaturalist/vision-camera-plugin-inatvision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.leaf_paths import NO_NODE, LeafPaths, leaf_paths
from schemas.taxonomy import Taxonomy
from serving.geo_scores import Geo

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AncestorRule:
    """Which common ancestor is an answer.

    Attributes:
        min_score: a node must hold more than this share of the score; at least 0.5, so that two
            nodes side by side cannot both.
        max_leaves: best leaves that count.
        min_share_of_top: leaves below this share of the best one's score do not count.
        min_rank_level: lowest rank level that is an answer.
        max_rank_level: highest rank level that is one.
        rank_levels: the only rank levels that are; all within the bounds for None.
    """

    min_score: float = 0.78
    max_leaves: int = 15
    min_share_of_top: float = 0.01
    min_rank_level: float = 20.0
    max_rank_level: float = 33.0
    rank_levels: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        assert self.min_score >= 0.5

    def allows(self, levels: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
        """Returns whether nodes of these rank levels may be the answer."""
        allowed = (levels >= self.min_rank_level) & (levels <= self.max_rank_level)
        if self.rank_levels is not None:
            allowed &= np.isin(levels, self.rank_levels)
        return allowed


DEFAULT = AncestorRule()
"""What the apps ask for: genus to superfamily."""

UNRESTRICTED = AncestorRule(max_rank_level=float("inf"))
"""Genus or anything above."""

MAJOR_RANKS = AncestorRule(max_rank_level=70.0, rank_levels=(20.0, 30.0, 40.0, 50.0, 60.0, 70.0))
"""Genus, family, order, class, phylum or kingdom."""

MIN_SHARE_OF_TOP = 0.001
"""Leaves below this share of the best score are dropped before any other roll-up."""


@dataclass(frozen=True, eq=False)
class CommonAncestors:
    """The answers for B photos.

    Attributes:
        nodes: int32 [B], node of the taxonomy; NO_NODE where no node is an answer.
        scores: float64 [B], its share of the score, 0..1; 0 where there is none.
    """

    nodes: npt.NDArray[np.int32]
    scores: Floats


class RollUp:
    """A taxonomy made ready for rolling up.

    Args:
        taxonomy: of the model.
        paths: of its leaves, if they are at hand.
    """

    def __init__(self, taxonomy: Taxonomy, paths: LeafPaths | None = None) -> None:
        self.taxonomy = taxonomy
        self.paths = paths if paths is not None else leaf_paths(taxonomy)

    def common_ancestors(
        self,
        classes: npt.NDArray[np.integer],
        scores: npt.NDArray[np.floating],
        rule: AncestorRule = DEFAULT,
        geo: Geo | None = None,
    ) -> CommonAncestors:
        """Returns the lowest node that a rule accepts, for each photo.

        Args:
            classes: int [B, k], the best leaves of each photo, best first.
            scores: float [B, k], their scores, 0 or more; combined ones if `geo` is given.
            rule: which node is an answer.
            geo: where any leaf that counts is expected nearby, only a node that is can be the
                answer; None to ask for no place.
        """
        classes, shares = _counted(classes, scores, rule)
        nodes, held = self._fullest_paths(classes, shares)
        levels = np.where(nodes == NO_NODE, -1.0, self.taxonomy.rank_levels[nodes])
        accepted = (nodes != NO_NODE) & (held > rule.min_score) & rule.allows(levels)
        if geo is not None:
            accepted &= self._nearby(classes, shares, nodes, geo)
        # The lowest of the path is the last that is accepted.
        depth = accepted.shape[1] - 1 - np.argmax(accepted[:, ::-1], axis=1)
        rows, found = np.arange(len(nodes)), accepted.any(axis=1)
        return CommonAncestors(
            np.where(found, nodes[rows, depth], NO_NODE).astype(np.int32),
            np.where(found, held[rows, depth], 0.0),
        )

    def _fullest_paths(
        self, classes: npt.NDArray[np.integer], shares: Floats
    ) -> tuple[npt.NDArray[np.int32], Floats]:
        """The path [B, D] of the median leaf, and the share of the score that each node holds.

        In the order that keeps the leaves of a node together, a node that holds more than half of
        the score is a stretch that holds the median. So one path a photo is enough to look at.
        """
        order = np.argsort(self.paths.order[classes], axis=1)
        running = np.cumsum(np.take_along_axis(shares, order, axis=1), axis=1)
        half = running[:, -1:] / 2
        place = np.argmax(running > half, axis=1)
        median = np.take_along_axis(order, place[:, None], axis=1)
        paths = self.paths.nodes[classes]
        path = np.take_along_axis(paths, median[:, :, None], axis=1)
        below = (paths == path) & (path != NO_NODE)
        return path[:, 0], np.einsum("bkd,bk->bd", below, shares)

    def _nearby(
        self,
        classes: npt.NDArray[np.integer],
        shares: Floats,
        path: npt.NDArray[np.int32],
        geo: Geo,
    ) -> npt.NDArray[np.bool_]:
        """Returns bool [B, D]: which nodes of a path are expected nearby; all where none could be.

        A node's geo score is the highest of its leaves', its threshold the lowest, so the kingdoms
        tell whether anything at all is nearby.
        """
        paths = self.paths.nodes[classes]
        scores, thresholds = geo.taken(classes)
        counted = (shares > 0)[:, :, None]

        def reached(nodes: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
            same = paths[:, :, : nodes.shape[1]] == nodes[:, None, :]
            below = counted & same & (nodes != NO_NODE)[:, None, :]
            highest = np.where(below, scores[:, :, None], -np.inf).max(axis=1)
            known = below & ~np.isnan(thresholds)[:, :, None]
            lowest = np.where(known, thresholds[:, :, None], np.inf).min(axis=1)
            return np.asarray(highest >= lowest)

        kingdoms = [reached(paths[:, leaf, :1]) for leaf in range(classes.shape[1])]
        anything = np.any(kingdoms, axis=0)
        return reached(path) | ~anything


def _counted(
    classes: npt.NDArray[np.integer], scores: npt.NDArray[np.floating], rule: AncestorRule
) -> tuple[npt.NDArray[np.integer], Floats]:
    """The leaves that count for a rule, and their shares, which sum to 1 (or are all 0)."""
    classes = classes[:, : rule.max_leaves]
    shares = np.asarray(scores[:, : rule.max_leaves], np.float64)
    shares = np.where(shares >= rule.min_share_of_top * shares[:, :1], shares, 0.0)
    return classes, _to_one(shares)


def cut_off(
    scores: npt.NDArray[np.floating], *, min_share_of_top: float = MIN_SHARE_OF_TOP
) -> Floats:
    """Returns float64 [B, N]: scores without the smallest, summing to 1 again.

    Args:
        scores: float [B, N], 0 or more.
        min_share_of_top: scores below this share of a photo's best become 0.
    """
    kept = np.asarray(scores, np.float64)
    return _to_one(np.where(kept >= min_share_of_top * kept.max(axis=1, keepdims=True), kept, 0.0))


def _to_one(scores: Floats) -> Floats:
    total = scores.sum(axis=1, keepdims=True)
    return np.divide(scores, total, out=np.zeros_like(scores), where=total > 0)


def top_leaves(
    scores: npt.NDArray[np.floating], k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.floating]]:
    """Returns the classes and scores of the k best leaves (fewer if N is), best first.

    Of equal scores the lower class comes first, as in `tf.math.top_k`; what is no number is last.

    Args:
        scores: float [B, N].
        k: how many.
    """
    # Of 80,000 leaves a hundred are wanted: to sort all of them would take several times as long.
    values, count = np.where(np.isnan(scores), -np.inf, scores), min(k, scores.shape[1])
    least = -np.partition(-values, count - 1, axis=1)[:, count - 1 : count]
    kept = values >= least
    if kept.sum() > len(scores) * count:
        equal, above = values == least, values > least
        missing = count - above.sum(axis=1, keepdims=True)
        kept = above | (equal & (np.cumsum(equal, axis=1) <= missing))
    classes = np.nonzero(kept)[1].reshape(len(scores), count)
    best = np.argsort(-np.take_along_axis(values, classes, axis=1), axis=1, kind="stable")
    classes = np.take_along_axis(classes, best, axis=1)
    return classes, np.take_along_axis(scores, classes, axis=1)
