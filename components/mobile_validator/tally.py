"""A variant's answers counted against the server's, a batch at a time.

tally = Tally()
tally.add(server, variant, labels)      # Answers of the same photos
tally.top1_agreement, tally.accuracy_drop_interval
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.paired.mcnemar import two_sided_p_value
from components.taxon_evaluator.paired.paired_interval import paired_interval
from schemas.leaf_paths import NO_NODE
from serving.suggestions import Suggester

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TOP = 5
NO_TAXON = -1


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network says of B photos.

    Attributes:
        scores: float32 [B, N].
        best: int64 [B, 5], the best leaves, fewer if N is.
        rolled_up: int64 [B], taxon id of what the apps roll up to; NO_TAXON for none.
    """

    scores: npt.NDArray[np.float32]
    best: Ints
    rolled_up: Ints

    @classmethod
    def of(cls, scores: npt.NDArray[np.float32], suggest: Suggester) -> Answers:
        """Returns the answers that scores come to; what is no number counts as 0.

        Args:
            scores: float32 [B, N].
            suggest: by the tree of whoever answers, the server's or the bundle's: node numbers of
                two trees mean nothing to each other, taxon ids do.
        """
        numbers = np.nan_to_num(scores, nan=0.0, posinf=0.0, neginf=0.0)
        nodes = suggest(np.maximum(numbers, 0.0)).ancestors.nodes
        taxon_ids = suggest.roll_up.taxonomy.taxon_ids
        best = np.argsort(-numbers, axis=1, kind="stable")[:, :TOP]
        return cls(scores, best, np.where(nodes == NO_NODE, NO_TAXON, taxon_ids[nodes]))

    def hits(self, labels: Ints, top: int) -> Bools:
        """Returns bool [B]: whether the label is among the best so many leaves."""
        return np.asarray((self.best[:, :top] == labels[:, None]).any(axis=1))


@dataclass
class Tally:
    """Counts over the photos seen so far.

    Attributes:
        photos: photos counted.
        agreeing: of these, on how many both name the same leaf first.
        top5_agreeing: on how many the server's first leaf is among the variant's best five.
        rollup_agreeing: on how many both roll up to the same taxon, or both to none.
        rolled_up: on how many the server rolls up to a taxon.
        server_top5: on how many the label is among the server's best five.
        variant_top5: on how many it is among the variant's.
        largest_error: largest difference in any score; NaN once a score was not a number.
        largest_sum_error: largest difference of a photo's sum of scores from 1; NaN likewise.
    """

    photos: int = 0
    agreeing: int = 0
    top5_agreeing: int = 0
    rollup_agreeing: int = 0
    rolled_up: int = 0
    server_top5: int = 0
    variant_top5: int = 0
    largest_error: float = 0.0
    largest_sum_error: float = 0.0
    _labels: list[Ints] = field(default_factory=list)
    _server_first: list[Ints] = field(default_factory=list)
    _variant_first: list[Ints] = field(default_factory=list)

    def add(self, server: Answers, variant: Answers, labels: Ints) -> None:
        """Counts a batch.

        Args:
            server: its answers for B photos.
            variant: the variant's, for the same.
            labels: int64 [B], 0..N-1.
        """
        self.photos += len(labels)
        self.agreeing += int((server.best[:, 0] == variant.best[:, 0]).sum())
        self.top5_agreeing += int(variant.hits(server.best[:, 0], TOP).sum())
        self.rollup_agreeing += int((server.rolled_up == variant.rolled_up).sum())
        self.rolled_up += int((server.rolled_up != NO_TAXON).sum())
        self.server_top5 += int(server.hits(labels, TOP).sum())
        self.variant_top5 += int(variant.hits(labels, TOP).sum())
        error = np.abs(server.scores - variant.scores).max()
        sum_error = np.abs(variant.scores.sum(axis=1) - 1).max()
        # `np.maximum` keeps NaN.
        self.largest_error = float(np.maximum(self.largest_error, error))
        self.largest_sum_error = float(np.maximum(self.largest_sum_error, sum_error))
        self._labels.append(labels)
        self._server_first.append(server.best[:, 0])
        self._variant_first.append(variant.best[:, 0])

    @property
    def labels(self) -> Ints:
        """int64 [P]: label of each photo."""
        return np.concatenate(self._labels)

    @property
    def server_first(self) -> Ints:
        """int64 [P]: the server's first leaf."""
        return np.concatenate(self._server_first)

    @property
    def variant_first(self) -> Ints:
        """int64 [P]: the variant's first leaf."""
        return np.concatenate(self._variant_first)

    @property
    def top1_agreement(self) -> float:
        """Share of photos on which both name the same leaf first, 0..1."""
        return self.agreeing / self.photos

    @property
    def top5_agreement(self) -> float:
        """Share on which the server's first leaf is among the variant's best five, 0..1."""
        return self.top5_agreeing / self.photos

    @property
    def rollup_agreement(self) -> float:
        """Share on which both roll up to the same, 0..1."""
        return self.rollup_agreeing / self.photos

    @property
    def server_accuracy(self) -> float:
        """Share of photos that the server names rightly, 0..1."""
        return float((self.server_first == self.labels).mean())

    @property
    def variant_accuracy(self) -> float:
        """Share of photos that the variant names rightly, 0..1."""
        return float((self.variant_first == self.labels).mean())

    @property
    def accuracy_drop(self) -> float:
        """Server's accuracy minus the variant's; negative if the variant is better."""
        only_variant, only_server = self._discordant
        return (only_server - only_variant) / self.photos

    @property
    def accuracy_drop_interval(self) -> tuple[float, float]:
        """Its 95 % interval, from the photos that only one of the two got right."""
        only_variant, only_server = self._discordant
        low, high = paired_interval(
            np.array([only_server]), np.array([only_variant]), np.array([self.photos])
        )
        return float(low[0]), float(high[0])

    @property
    def accuracy_drop_p_value(self) -> float:
        """How often chance alone would give as large a difference, either way: McNemar, exact."""
        return two_sided_p_value(*self._discordant)

    @property
    def _discordant(self) -> tuple[int, int]:
        """Photos that the variant alone, and that the server alone, got right."""
        won, held = self.variant_first == self.labels, self.server_first == self.labels
        return int((won & ~held).sum()), int((held & ~won).sum())
