"""Trainings whose spread is known, because it was put there.

A photo has a difficulty, uniform in 0..1, and is right where the training's chance for its taxon is
larger: so trainings that answer the same photos agree on most of them, as real ones do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.variance.evaluated_run import EvaluatedRun


@dataclass(frozen=True)
class World:
    """What makes trainings differ; chances of a taxon are moved by normal deviations.

    Attributes:
        chances: of each taxon.
        photos: asked of each taxon.
        sampling: deviation of a taxon's chance between exports.
        training: the same between trainings on one export.
    """

    chances: np.ndarray
    photos: int
    sampling: float
    training: float

    def runs(
        self, sizes: Sequence[int], rng: np.random.Generator, *, shares_photos: bool = False
    ) -> list[EvaluatedRun]:
        """Returns trainings: of the first export sizes[0], and so on."""
        count, runs = len(self.chances), []
        shared = rng.uniform(size=(count, self.photos))
        for export, size in enumerate(sizes):
            difficulties = shared if shares_photos else rng.uniform(size=shared.shape)
            of_export = self.chances + rng.normal(0, self.sampling, count)
            for number in range(size):
                chances = of_export + rng.normal(0, self.training, count)
                letter = chr(ord("a") + export)
                runs.append(
                    run(
                        f"{letter}{number + 1}",
                        (difficulties < chances[:, None]).sum(axis=1),
                        [self.photos] * count,
                        export=letter,
                        photo_set="all" if shares_photos else None,
                        seed=number + 1,
                    )
                )
        return runs


def run(
    name: str,
    hits: Sequence[int] | np.ndarray,
    photos: Sequence[int],
    *,
    export: str = "a",
    photo_set: str | None = None,
    first_taxon: int = 1,
    **settings: object,
) -> EvaluatedRun:
    """A run of as many taxa as there are hits."""
    taxa = first_taxon + np.arange(len(photos))
    return EvaluatedRun(
        name,
        export,
        photo_set or f"val of {export}",
        taxa,
        tuple(f"Taxon {taxon}" for taxon in taxa),
        np.array(photos, np.int64),
        np.array(hits, np.int64),
        settings,
    )
