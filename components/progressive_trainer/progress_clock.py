"""How far a run has come, 0 to 1, when its length may change on the way.

The law: progress is a continuous function of the photos seen, which only rises, and is 1 at the end
of the run, whatever was decided and when. Without decisions it is e / E.

Let p be the progress at the moment of a decision, and R the photos that remain after it under the
new plan: from there on each photo advances progress by (1 - p) / R. Learning rates that follow
progress therefore never jump at a decision, and still reach their floor.
"""

from __future__ import annotations

from collections.abc import Iterable

from components.progressive_trainer.decisions import Decision


def progress(examples_seen: int, total: int, decisions: Iterable[Decision] = ()) -> float:
    """Returns the progress of a run after `examples_seen` photos, 0..1.

    Args:
        examples_seen: photos of the run seen.
        total: photos of the run, after all the decisions.
        decisions: in the order they were made; those that move no stage's end are passed over.
    """
    moves = [each for each in decisions if each.what == "end_examples"]
    length = total - sum(move.after - move.before for move in moves)
    come, at = 0.0, 0
    for move in moves:
        if examples_seen <= move.at_examples:
            break
        come += (1 - come) * (move.at_examples - at) / (length - at)
        at, length = move.at_examples, length + move.after - move.before
    return min(1.0, come + (1 - come) * (examples_seen - at) / (length - at))
