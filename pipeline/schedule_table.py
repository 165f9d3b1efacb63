"""A schedule for people: a row a stage with what it costs, and curves over the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from components.progressive_trainer.schedule import Stage, learning_rate, stage_at
from components.progressive_trainer.schedule_settings import ScheduleSettings

CURVE_COLUMNS = 60
_BLOCKS = "▁▂▃▄▅▆▇█"


def schedule_table(
    plan: Sequence[Stage], *, num_photos: int, cost_of_size: Callable[[int], float]
) -> str:
    """Returns the stages as a table.

    Args:
        plan: the stages.
        num_photos: training photos, an epoch.
        cost_of_size: floating-point operations of one photo in training, by image size in px.
    """
    costs = [cost_of_size(s.image_size_px) * s.steps * s.global_batch for s in plan]
    header = (
        "stage", "size px", "batch", "epochs", "steps", "peak rate", "dropout", "augment",
        "RandAug", "Mixup", "learns", "GFLOP/photo", "PFLOP", "share",
    )  # fmt: skip
    rows = [header]
    for stage, cost in zip(plan, costs, strict=True):
        rows.append(
            (
                str(stage.index + 1),
                str(stage.image_size_px),
                f"{'auto ' if stage.auto_batch else ''}{stage.global_batch}",
                f"{stage.steps * stage.global_batch / num_photos:.1f}",
                f"{stage.steps:,}",
                f"{stage.peak_learning_rate:.2g}",
                f"{stage.dropout:.2f}",
                f"{stage.augment:.2f}",
                f"{stage.rand_augment:.1f}",
                f"{stage.mixup:.2f}",
                stage.trainable,
                f"{cost_of_size(stage.image_size_px) / 1e9:.2f}",
                f"{cost / 1e15:.3g}",
                f"{cost / sum(costs):.0%}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return "\n".join([*lines, "", _against_fixed(plan, costs, cost_of_size)])


def _against_fixed(
    plan: Sequence[Stage], costs: Sequence[float], cost_of_size: Callable[[int], float]
) -> str:
    largest = max(stage.image_size_px for stage in plan)
    fixed = cost_of_size(largest) * sum(stage.steps * stage.global_batch for stage in plan)
    return (
        f"{sum(costs) / 1e15:.3g} PFLOP in all, {sum(costs) / fixed:.2f} of what the same epochs "
        f"cost at {largest} px throughout. Counted on the network, not timed: small photos keep a "
        "GPU less busy."
    )


def schedule_curves(plan: Sequence[Stage], settings: ScheduleSettings, *, num_photos: int) -> str:
    """Returns curves of what moves, over the photos seen, one line each."""
    total = plan[-1].end_examples
    points = [round(total * (column + 0.5) / CURVE_COLUMNS) for column in range(CURVE_COLUMNS)]
    at = [stage_at(tuple(plan), seen) for seen in points]
    rates = [
        learning_rate(tuple(plan), settings, num_photos=num_photos, examples_seen=seen)
        for seen in points
    ]
    curves = {
        "size px": [float(stage.image_size_px) for stage in at],
        "batch": [float(stage.global_batch) for stage in at],
        "rate": rates,
        "dropout": [stage.dropout for stage in at],
        "augment": [stage.augment for stage in at],
        "RandAug": [stage.rand_augment for stage in at],
        "Mixup": [stage.mixup for stage in at],
    }
    return "\n".join(
        f"{name:>8}  {_sparkline(values)}  {min(values):.3g} .. {max(values):.3g}"
        for name, values in curves.items()
        if max(values) > 0
    )


def _sparkline(values: Sequence[float]) -> str:
    top = max(values)
    last = len(_BLOCKS) - 1
    return "".join(_BLOCKS[round(value / top * last)] for value in values)
