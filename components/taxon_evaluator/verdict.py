"""An evaluation's figures and verdict, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from components.taxon_evaluator.eval_config import TOP1
from components.taxon_evaluator.judgement import read_judgement
from components.taxon_evaluator.tables.leaf_groups import LEAF, OVERALL
from components.taxon_evaluator.tables.table_files import TABLES_DIRECTORY, read_metric
from schemas.counted import counted


@dataclass(frozen=True)
class Verdict:
    """What the Evaluator found.

    Attributes:
        photos: evaluated.
        top1: top-1 accuracy over all photos, 0..1.
        top5: top-5 accuracy, 0..1.
        leaf_top1: top-1 accuracy by leaf taxon id, 0..1.
        blessed: whether every bar was reached.
        failures: each bar missed, in words.
        compared: with what, and what came of it, in words.
        problems: the taxa with most to gain, in words.
    """

    photos: int
    top1: float
    top5: float
    leaf_top1: dict[int, float]
    blessed: bool
    failures: tuple[str, ...]
    compared: str
    problems: tuple[str, ...] = ()

    def figures(self) -> str:
        """Returns the figures as a line."""
        zero = sum(value == 0 for value in self.leaf_top1.values())
        mean = math.fsum(self.leaf_top1.values()) / len(self.leaf_top1)
        return (
            f"{counted(self.photos, 'photo')}: top-1 {self.top1:.1%}, top-5 {self.top5:.1%}; "
            f"mean over {counted(len(self.leaf_top1), 'taxon', 'taxa')} {mean:.1%}; "
            f"{counted(zero, 'taxon', 'taxa')} never right"
        )

    def words(self) -> str:
        """Returns the verdict as a line."""
        return "blessed" if self.blessed else f"NOT blessed: {'; '.join(self.failures)}"


def read_verdict(evaluation_dir: Path) -> Verdict:
    """Reads an Evaluator's `evaluation` artifact: its tables and `verdict.json`."""
    # TFMA's own reader makes a dictionary of strings of every slice: minutes for 80,000 taxa.
    tables = evaluation_dir / TABLES_DIRECTORY
    judgement = read_judgement(tables)
    top1 = read_metric(tables, OVERALL, TOP1)
    leaves = read_metric(tables, LEAF, TOP1)
    return Verdict(
        photos=top1["n"][0].as_py(),
        top1=top1["value"][0].as_py(),
        top5=read_metric(tables, OVERALL, "top5_accuracy")["value"][0].as_py(),
        leaf_top1=dict(
            zip(leaves["taxon_id"].to_pylist(), leaves["value"].to_pylist(), strict=True)
        ),
        blessed=judgement.blessed,
        failures=judgement.reasons,
        compared=judgement.compared(),
        problems=tuple(problem.words() for problem in judgement.problems),
    )
