"""What iNaturalist's apps show for a photo: the likeliest leaves, and how far up they are sure.

1. With a place, the scores are multiplied with the geo model's (`geo_scores`).
2. Leaves below 0.001 of the best are dropped, the rest brought to a sum of 1 (`cut_off`).
3. Of the best 100, people decide whether there is an answer (`human_rule`).
4. The common ancestor is taken over the best 15 of what stays (`RollUp`).

    suggest = Suggester(taxonomy)
    found = suggest(scores)               # float [B, N]
    found.classes, found.scores           # [B, k], best first; score 0: not suggested
    found.ancestors.nodes                 # int32 [B], NO_NODE for no answer
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from schemas.taxonomy import Taxonomy
from serving.branches import Branches
from serving.geo_scores import Geo, combined_scores
from serving.human_rule import MAX_LEAVES, has_people, human_class, human_rule
from serving.rollup import DEFAULT, AncestorRule, CommonAncestors, RollUp, cut_off, top_leaves


@dataclass(frozen=True, eq=False)
class Suggestions:
    """The answers for B photos, k being 100 or N.

    Attributes:
        classes: int64 [B, k], leaf classes, the likeliest first.
        scores: float64 [B, k], 0..1; 0 from where on nothing is suggested.
        ancestors: the lowest node that holds enough of the score.
        people: bool [B], whether people were among the best leaves, and so decided.
    """

    classes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    ancestors: CommonAncestors
    people: npt.NDArray[np.bool_]


class Suggester:
    """Suggestions by the apps' rules.

    Args:
        taxonomy: of the model, N leaves.
        roll_up: of the same taxonomy, if it is at hand.

    Attributes:
        human: leaf class of people; None where the model has none.
    """

    def __init__(self, taxonomy: Taxonomy, roll_up: RollUp | None = None) -> None:
        self.roll_up = roll_up if roll_up is not None else RollUp(taxonomy)
        self.human = human_class(taxonomy)

    @cached_property
    def branches(self) -> Branches:
        """Of the same taxonomy."""
        return Branches(self.roll_up.taxonomy)

    def __call__(
        self,
        scores: npt.NDArray[np.floating],
        *,
        rule: AncestorRule = DEFAULT,
        geo: Geo | None = None,
    ) -> Suggestions:
        """Returns the suggestions for B photos.

        Args:
            scores: float [B, N], what the network gives.
            rule: which node is a common ancestor.
            geo: of the photos' places; None without places.
        """
        combined = scores if geo is None else combined_scores(scores, geo.scores)
        classes, best = top_leaves(cut_off(combined), MAX_LEAVES)
        kept = np.where(human_rule(classes, best, self.human), best, 0.0)
        ancestors = self.roll_up.common_ancestors(classes, kept, rule, geo)
        people = has_people(classes, best, self.human)
        return Suggestions(classes, kept, ancestors, people)
