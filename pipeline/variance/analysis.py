"""What the runs given say of spread: of the figures over all photos, and taxon by taxon.

analysis = analyse(runs, alpha=0.05)
analysis.figures[0].training, analysis.taxa.beyond, analysis.cautions
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.variance.design import Design, design_of
from pipeline.variance.evaluated_run import EvaluatedRun, check_same_leaves
from pipeline.variance.figure_spread import FigureSpread, figure_spread
from pipeline.variance.photo_noise import macro_noise, overall_noise, taxon_variances
from pipeline.variance.taxon_spreads import TaxonSpreads, taxon_spreads
from schemas.errors import ConfigError

SEED = "seed"
"""The setting of the trainer that trainings on one export may differ by."""

_FEW_DEGREES = 5


@dataclass(frozen=True, eq=False)
class Analysis:
    """All that is said.

    Attributes:
        runs: as given.
        design: of them.
        figures: top-1 over all photos, and the mean over taxa.
        taxa: each taxon's.
        cautions: what cannot be told from these runs, or makes the figures less than they seem.
    """

    runs: tuple[EvaluatedRun, ...]
    design: Design
    figures: tuple[FigureSpread, ...]
    taxa: TaxonSpreads
    cautions: tuple[str, ...]


def analyse(runs: Sequence[EvaluatedRun], *, alpha: float) -> Analysis:
    """Returns what the runs say.

    Args:
        runs: at least two, of one taxonomy.
        alpha: share of the taxa found beyond photos that may be chance.

    Raises:
        ConfigError: if there is one run alone, one is given twice, or the photos that they answered
            are neither all the same, nor each export's own.
        DataError: if their leaves differ.
    """
    _check_each_once(runs)
    check_same_leaves(runs)
    design = design_of(runs)
    photos, hits = np.stack([r.photos for r in runs]), np.stack([r.hits for r in runs])
    set_photos, set_hits = design.by_set(photos, hits)
    variances = taxon_variances(set_hits, set_photos)
    overall = np.mean([overall_noise(variances, asked) for asked in set_photos])
    macro = np.mean([macro_noise(variances, asked) for asked in set_photos])
    figures = (
        figure_spread("top-1", [r.top1 for r in runs], design, photo_noise=float(overall)),
        figure_spread(
            "macro top-1", [r.macro_top1 for r in runs], design, photo_noise=float(macro)
        ),
    )
    taxa = taxon_spreads(runs, design, alpha=alpha)
    return Analysis(tuple(runs), design, figures, taxa, tuple(_cautions(runs, design, figures)))


def _check_each_once(runs: Sequence[EvaluatedRun]) -> None:
    names = [run.name for run in runs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"{twice!r} is given twice. Give each run once.")


def _cautions(
    runs: Sequence[EvaluatedRun], design: Design, figures: Sequence[FigureSpread]
) -> Iterator[str]:
    if len(design.exports) == 1:
        yield (
            "all runs are of one export: how much another sample of photos would change cannot be "
            "told. `fieldmark build-export --taxonomy-from` makes one of the same leaves."
        )
    if figures[0].training is None:
        yield (
            "no two runs are of one export: chance in training cannot be told from the sampling of "
            "photos. Train again with another trainer.seed."
        )
    if figures[0].sampling is not None and len(set(np.bincount(design.groups).tolist())) > 1:
        yield "exports have not as many runs each: the interval of sampling is an approximation."
    degrees = {part.degrees for part in figures[0].parts.values() if part.degrees}
    if degrees and min(degrees) < _FEW_DEGREES:
        yield (
            f"intervals are wide: they rest on {min(degrees)} "
            f"degree{'s' if min(degrees) > 1 else ''} of freedom, and on normal deviations."
        )
    yield from _perhaps_the_same_photos(runs, design)
    yield from _same_training(runs)
    yield from _other_settings(runs)


def _perhaps_the_same_photos(runs: Sequence[EvaluatedRun], design: Design) -> Iterator[str]:
    """Val splits drawn apart have as many photos of every taxon only where the exporter's maximum
    decides, and then all taxa have as many."""
    is_same = all(np.array_equal(run.photos, runs[0].photos) for run in runs)
    if design.sets.any() and is_same and len(set(runs[0].photos.tolist())) > 1:
        yield (
            "each export's runs were asked as many photos of every taxon as the others', perhaps "
            "the same ones; then too much is taken off for them. Evaluate each model on one export "
            "(`fieldmark evaluate MODEL --export DIR --out DIR`) and give those directories."
        )


def _same_training(runs: Sequence[EvaluatedRun]) -> Iterator[str]:
    by_seed: dict[tuple[str, object], list[str]] = defaultdict(list)
    for run in runs:
        if SEED in run.settings:
            by_seed[run.trained_on, run.settings[SEED]].append(run.name)
    for (_, seed), names in by_seed.items():
        if len(names) > 1:
            yield (
                f"{' and '.join(names)} have the same export and the same seed, {seed}: what they "
                "differ by is not what other seeds would."
            )


def _other_settings(runs: Sequence[EvaluatedRun]) -> Iterator[str]:
    known = [run.settings for run in runs if run.settings]
    keys = {key for settings in known for key in settings} - {SEED}
    differ = sorted(key for key in keys if any(one.get(key) != known[0].get(key) for one in known))
    if differ:
        told = ", ".join(f"trainer.{key}" for key in differ)
        yield f"runs differ in {told}: their spread is of more than photos and chance."
    if len(known) < len(runs):
        yield "of some runs the settings are not known: only you know whether they are alike."
