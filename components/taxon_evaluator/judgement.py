"""Whether a model is blessed, by which bars, and what it was compared with: `verdict.json`.

The bars of TFMA's EvalConfig are TFMA's to judge; they stand here again, with their figures, since
the last blessed model may have other leaves, and then TFMA compares nothing. A model is blessed if
TFMA and every bar here agree.

    judgement = judge(settings, top1=0.8, comparison=None, tfma_failures=())
    judgement.blessed, [bar.words() for bar in judgement.bars]
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components.taxon_evaluator.bars import Bar
from components.taxon_evaluator.comparison import Comparison, FallenTaxon
from components.taxon_evaluator.config import EvaluationSettings
from components.taxon_evaluator.problem_taxa import ProblemTaxon

VERDICT_FILE = "verdict.json"
"""Beside the tables."""

VERSION = 1
ALL_PHOTOS = "all photos"
TOP1, TOP1_CHANGE, FALLEN_TAXA = "top1_accuracy", "top1_change", "fallen_taxa"

FIRST_MODEL = "with none: there is no blessed model yet, absolute bars only"

_NAMED = 3
"""Fallen taxa that a reason names; `fallen` in the file has them all."""


@dataclass(frozen=True)
class Judgement:
    """The verdict.

    Attributes:
        bars: all that were asked.
        comparison: with the last blessed model; None for a first model.
        tfma_failures: what TFMA found wanting, in words, where no bar here says it.
        problems: the taxa with most to gain.
    """

    bars: tuple[Bar, ...]
    comparison: Comparison | None
    tfma_failures: tuple[str, ...] = ()
    problems: tuple[ProblemTaxon, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the model is not blessed, in words; none if it is."""
        return (*(bar.words() for bar in self.bars if not bar.passed), *self.tfma_failures)

    @property
    def blessed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons

    def compared(self) -> str:
        """Returns what the model was compared with, as a line."""
        return self.comparison.words() if self.comparison else FIRST_MODEL

    def write(self, directory: Path) -> None:
        """Writes `verdict.json`.

        Args:
            directory: of the tables.
        """
        content = {
            "version": VERSION,
            "blessed": self.blessed,
            "reasons": self.reasons,
            "compared": self.compared(),
            "bars": [bar.as_json() for bar in self.bars],
            "comparison": asdict(self.comparison) if self.comparison else None,
            "tfma_failures": self.tfma_failures,
            "problems": [asdict(problem) for problem in self.problems],
        }
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (directory / VERDICT_FILE).write_text(text + "\n", encoding="utf-8")


def read_judgement(directory: Path) -> Judgement:
    """Reads `verdict.json`.

    Args:
        directory: of the tables.
    """
    content = json.loads((directory / VERDICT_FILE).read_text(encoding="utf-8"))
    return Judgement(
        tuple(Bar.of_json(bar) for bar in content["bars"]),
        _comparison(content["comparison"]),
        tuple(content["tfma_failures"]),
        tuple(_problem(problem) for problem in content.get("problems", ())),
    )


def judge(
    settings: EvaluationSettings,
    *,
    top1: float,
    comparison: Comparison | None,
    tfma_failures: Sequence[str],
    slice_bars: Sequence[Bar] = (),
    problems: Sequence[ProblemTaxon] = (),
) -> Judgement:
    """Returns the verdict.

    Args:
        settings: the bars.
        top1: top-1 accuracy over all photos, 0..1.
        comparison: with the last blessed model; None for a first model.
        tfma_failures: thresholds that TFMA found missed, in words.
        slice_bars: what became of `settings.bars`.
        problems: the taxa with most to gain; they decide nothing.
    """
    bars = [_at_least("min_top1", ALL_PHOTOS, TOP1, top1, settings.min_top1)]
    if comparison is not None and comparison.photos:
        bars += _change_bars(settings, comparison)
    # TFMA judges by the first two settings alone: what it misses is among these bars.
    said = any(not bar.passed for bar in bars)
    return Judgement(
        (*bars, *slice_bars), comparison, () if said else tuple(tfma_failures), tuple(problems)
    )


def _change_bars(settings: EvaluationSettings, comparison: Comparison) -> list[Bar]:
    where, change = comparison.slice(), comparison.change
    by_chance = comparison.p_value > settings.alpha
    return [
        _at_least("max_top1_drop", where, TOP1_CHANGE, change, -settings.max_top1_drop),
        Bar(
            setting="max_significant_drop",
            slice=where,
            metric=TOP1_CHANGE,
            value=change,
            threshold=-settings.max_significant_drop,
            at_least=True,
            passed=change >= -settings.max_significant_drop or by_chance,
            note=f"{'within' if by_chance else 'beyond'} chance, p = {comparison.p_value:.2g}",
        ),
        Bar(
            setting="max_fallen_taxa",
            slice=where,
            metric=FALLEN_TAXA,
            value=len(comparison.fallen),
            threshold=settings.max_fallen_taxa,
            at_least=False,
            passed=len(comparison.fallen) <= settings.max_fallen_taxa,
            note=_worst(comparison.fallen),
        ),
    ]


def _at_least(setting: str, where: str, metric: str, value: float, threshold: float) -> Bar:
    passed = value >= threshold
    return Bar(setting, where, metric, value, threshold, at_least=True, passed=passed)


def _worst(fallen: Sequence[FallenTaxon]) -> str:
    named = [taxon.words() for taxon in fallen[:_NAMED]]
    if len(fallen) > _NAMED:
        named.append(f"and {len(fallen) - _NAMED:,} more")
    return ", ".join(named)


def _problem(content: dict[str, Any]) -> ProblemTaxon:
    diagnoses, reasons = tuple(content.pop("diagnoses")), tuple(content.pop("reasons"))
    return ProblemTaxon(**content, diagnoses=diagnoses, reasons=reasons)


def _comparison(content: dict[str, Any] | None) -> Comparison | None:
    if content is None:
        return None
    fallen = tuple(FallenTaxon(**taxon) for taxon in content.pop("fallen"))
    return Comparison(**content, fallen=fallen)
