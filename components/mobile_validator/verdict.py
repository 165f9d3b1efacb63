"""How a variant's answers are counted against the server's, and what is made of the counts.

tally = Tally()
tally.add(server_scores, variant_scores, labels, seconds=0.1)
reasons = failures(tally, min_agreement=0.97, max_accuracy_drop=0.02)  # () if it passes
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass
class Tally:
    """Counts over the photos seen so far.

    Attributes:
        photos: photos counted.
        agreeing: of these, on how many both name the same leaf first.
        server_right: on how many the server's first leaf is the label.
        variant_right: on how many the variant's is.
        largest_error: largest difference in any score; NaN once a score was not a number.
        seconds: time that the variant took.
    """

    photos: int = 0
    agreeing: int = 0
    server_right: int = 0
    variant_right: int = 0
    largest_error: float = 0.0
    seconds: float = 0.0

    def add(
        self,
        server_scores: npt.NDArray[np.float32],
        variant_scores: npt.NDArray[np.float32],
        labels: npt.NDArray[np.int64],
        *,
        seconds: float,
    ) -> None:
        """Counts a batch.

        Args:
            server_scores: float32 [B, N].
            variant_scores: float32 [B, N].
            labels: int64 [B], 0..N-1.
            seconds: time that the variant took for the batch.
        """
        server, variant = server_scores.argmax(axis=1), variant_scores.argmax(axis=1)
        self.photos += len(labels)
        self.agreeing += int((server == variant).sum())
        self.server_right += int((server == labels).sum())
        self.variant_right += int((variant == labels).sum())
        error = float(np.abs(server_scores - variant_scores).max())
        self.largest_error = float(np.maximum(self.largest_error, error))  # keeps NaN
        self.seconds += seconds

    @property
    def top1_agreement(self) -> float:
        """Share of photos on which both name the same leaf first, 0..1."""
        return self.agreeing / self.photos

    @property
    def server_accuracy(self) -> float:
        """Share of photos that the server names rightly, 0..1."""
        return self.server_right / self.photos

    @property
    def variant_accuracy(self) -> float:
        """Share of photos that the variant names rightly, 0..1."""
        return self.variant_right / self.photos

    @property
    def accuracy_drop(self) -> float:
        """Server's accuracy minus the variant's; negative if the variant is better."""
        return (self.server_right - self.variant_right) / self.photos

    @property
    def milliseconds_per_photo(self) -> float:
        """Mean time of a photo, on the machine that compares, with one thread."""
        return 1000 * self.seconds / self.photos


def failures(tally: Tally, *, min_agreement: float, max_accuracy_drop: float) -> tuple[str, ...]:
    """Returns why a variant fails, a sentence for each bar, with by how much; empty if it passes.

    Args:
        tally: of one photo at least.
        min_agreement: lowest top-1 agreement that passes, 0..1.
        max_accuracy_drop: largest accuracy drop that passes, 0..1.
    """
    reasons = []
    if not np.isfinite(tally.largest_error):
        reasons.append("It gives scores that are not numbers.")
    if tally.top1_agreement < min_agreement:
        reasons.append(
            f"Top-1 agreement with the server must be at least {min_agreement:.4f}. "
            f"Received: {tally.top1_agreement:.4f} ({tally.agreeing} of {tally.photos} photos), "
            f"short by {min_agreement - tally.top1_agreement:.4f}."
        )
    if tally.accuracy_drop > max_accuracy_drop:
        reasons.append(
            f"Accuracy may drop by at most {max_accuracy_drop:.4f}. "
            f"Received: {tally.accuracy_drop:.4f} ({tally.server_accuracy:.4f} to "
            f"{tally.variant_accuracy:.4f}), over by "
            f"{tally.accuracy_drop - max_accuracy_drop:.4f}."
        )
    return tuple(reasons)
