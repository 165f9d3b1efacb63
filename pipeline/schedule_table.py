"""A schedule for people: a row a stage with what it costs, and curves over the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from components.progressive_trainer.adaptive_settings import AdaptiveSettings
from components.progressive_trainer.flops import TRAINING_FACTOR
from components.progressive_trainer.forecast import passes, validations_left
from components.progressive_trainer.linear_schedule import rounded
from components.progressive_trainer.schedule import Stage, learning_rate, stage_at
from components.progressive_trainer.schedule_settings import SIZE_MULTIPLE_PX, ScheduleSettings

CURVE_COLUMNS = 60
_BLOCKS = "▁▂▃▄▅▆▇█"

DEAR = 1.05
"""A size is said to cost too much where a pixel of it costs this many times what it need."""

FEW_STEPS = 1_000
"""A run of fewer is told so where large batches are why: three times what was measured to be too
few (docs/progressive.md, "Against a fixed size")."""


def schedule_table(
    plan: Sequence[Stage],
    *,
    num_photos: int,
    cost_of_size: Callable[[int], float],
    val_photos: int = 0,
) -> str:
    """Returns the stages as a table; what no stage uses has no column.

    Args:
        plan: the stages.
        num_photos: training photos, an epoch.
        cost_of_size: floating-point operations of one photo in training of the whole network, by
            image size in px.
        val_photos: of each validation, for their part; 0: not counted.
    """
    costs = [_photo_cost(stage, cost_of_size) * stage.steps * stage.global_batch for stage in plan]
    altering = {
        "RandAug": [stage.rand_augment for stage in plan],
        "Mixup": [stage.mixup for stage in plan],
        "CutMix": [stage.cutmix for stage in plan],
    }
    columns = {
        "stage": [str(stage.index + 1) for stage in plan],
        "size px": [str(stage.image_size_px) for stage in plan],
        "batch": [f"{'auto ' if stage.auto_batch else ''}{stage.global_batch}" for stage in plan],
        "epochs": [f"{stage.steps * stage.global_batch / num_photos:.1f}" for stage in plan],
        "steps": [f"{stage.steps:,}" for stage in plan],
        "peak rate": [f"{stage.peak_learning_rate:.2g}" for stage in plan],
        "dropout": [f"{stage.dropout:.2f}" for stage in plan],
        "augment": [f"{stage.augment:.2f}" for stage in plan],
        **{name: [f"{v:.2f}" for v in each] for name, each in altering.items() if any(each)},
        "smoothing": [f"{stage.label_smoothing:.2f}" for stage in plan],
        "learns": [stage.trainable for stage in plan],
        "GFLOP/photo": [f"{_photo_cost(stage, cost_of_size) / 1e9:.2f}" for stage in plan],
        "PFLOP": [f"{cost / 1e15:.3g}" for cost in costs],
        "of operations": _shares(costs),
    }
    if val_photos:
        validating = [
            validations_left(stage, stage.start_examples, train_photos=num_photos)
            * val_photos
            * cost_of_size(stage.image_size_px)
            / TRAINING_FACTOR
            for stage in plan
        ]
        columns["val PFLOP"] = [f"{cost / 1e15:.3g}" for cost in validating]
        both = [sum(parts) for parts in zip(costs, validating, strict=True)]
        columns["of operations, val too"] = _shares(both)
    return f"{_in_columns(columns)}\n\n{_against_fixed(plan, costs, cost_of_size)}"


def _shares(costs: Sequence[float]) -> list[str]:
    return [f"{cost / sum(costs):.0%}" for cost in costs]


def _photo_cost(stage: Stage, cost_of_size: Callable[[int], float]) -> float:
    """Of a frozen part there is no pass back."""
    return cost_of_size(stage.image_size_px) * passes(stage) / TRAINING_FACTOR


def _in_columns(columns: dict[str, list[str]]) -> str:
    lined_up = []
    for name, cells in columns.items():
        width = max(map(len, [name, *cells]))
        lined_up.append([cell.rjust(width) for cell in [name, *cells]])
    return "\n".join("  ".join(row) for row in zip(*lined_up, strict=True))


def _against_fixed(
    plan: Sequence[Stage], costs: Sequence[float], cost_of_size: Callable[[int], float]
) -> str:
    largest = max(stage.image_size_px for stage in plan)
    fixed = cost_of_size(largest) * sum(stage.steps * stage.global_batch for stage in plan)
    whole = "" if all(stage.trainable == "all" for stage in plan) else ", all of it learning"
    return (
        f"{sum(costs) / 1e15:.3g} PFLOP in all, {sum(costs) / fixed:.2f} of what the same epochs "
        f"cost at {largest} px throughout{whole}. Operations are counted on the network, and "
        "are not time: small photos keep a GPU less busy, and photos must be read."
    )


def schedule_notes(
    plan: Sequence[Stage],
    adaptive: AdaptiveSettings | None,
    *,
    cost_of_size: Callable[[int], float],
) -> list[str]:
    """Returns what the table cannot say: batches and ends still open, too few steps, dear sizes.

    Args:
        plan: the stages.
        adaptive: whether stages end early or go on.
        cost_of_size: as for `schedule_table`.
    """
    notes = []
    if any(stage.auto_batch for stage in plan):
        notes.append("auto: found by trial when training starts; shown is learning_rate_batch.")
    if adaptive:
        notes.append(
            f"adaptive: a stage may end at {adaptive.shortest_share:g} of its epochs, and go on to "
            f"{adaptive.longest_share:g} of them."
        )
    steps, last = sum(stage.steps for stage in plan), plan[-1].global_batch
    at_last = round(sum(stage.steps * stage.global_batch for stage in plan) / last)
    if not any(stage.auto_batch for stage in plan) and steps < min(FEW_STEPS, at_last / 1.5):
        notes.append(
            f"steps: {steps:,}, where {at_last:,} would be taken with a batch of {last} "
            "throughout. In short runs that cost more than the small photos saved "
            "(docs/progressive.md): train longer, or keep the batch, as `short` does."
        )
    dear = [
        f"at {size} px {ratio:.2f} times as much as at {_liked(size)} px"
        for size in dict.fromkeys(stage.image_size_px for stage in plan)
        if (ratio := _pixel_cost(size, cost_of_size)) > DEAR
    ]
    if dear:
        notes.append(
            f"sizes: a pixel costs {', '.join(dear)}: the network halves multiples of "
            f"{SIZE_MULTIPLE_PX} px without a remainder."
        )
    return notes


def _liked(size: int) -> int:
    return rounded(size, SIZE_MULTIPLE_PX)


def _pixel_cost(size: int, cost_of_size: Callable[[int], float]) -> float:
    """To that of the nearest size that the network likes."""
    liked = _liked(size)
    return (cost_of_size(size) / size**2) / (cost_of_size(liked) / liked**2)


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
        "CutMix": [stage.cutmix for stage in at],
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
