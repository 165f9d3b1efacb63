from __future__ import annotations

import numpy as np
import pytest

from components.mobile_validator.verdict import Tally, failures


def one_hot(classes: list[int], value: float = 0.9) -> np.ndarray:
    scores = np.full((len(classes), 4), (1 - value) / 3, np.float32)
    scores[np.arange(len(classes)), classes] = value
    return scores


def tally(server: list[int], variant: list[int], labels: list[int]) -> Tally:
    counted = Tally()
    counted.add(one_hot(server), one_hot(variant), np.array(labels), seconds=0.5)
    return counted


def test_counts() -> None:
    counted = tally([0, 1, 2, 3], [0, 1, 2, 0], [0, 1, 3, 3])

    assert counted.photos == 4
    assert counted.top1_agreement == 0.75
    assert counted.server_accuracy == 0.75
    assert counted.variant_accuracy == 0.5
    assert counted.accuracy_drop == 0.25
    assert counted.largest_error == pytest.approx(0.9 - 0.1 / 3)
    assert counted.milliseconds_per_photo == 125


def test_batches_add_up() -> None:
    counted = tally([0, 1], [0, 1], [0, 1])
    counted.add(one_hot([2]), one_hot([2], 0.5), np.array([2]), seconds=0.1)

    assert (counted.photos, counted.agreeing) == (3, 3)
    assert counted.largest_error == pytest.approx(0.4)


def test_at_the_bar_passes() -> None:
    counted = tally([0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0])

    assert failures(counted, min_agreement=0.75, max_accuracy_drop=0.25) == ()


def test_reasons_say_which_bar_and_by_how_much() -> None:
    counted = tally([0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0])

    assert failures(counted, min_agreement=0.97, max_accuracy_drop=0.02) == (
        "Top-1 agreement with the server must be at least 0.9700. Received: 0.7500 (3 of 4 "
        "photos), short by 0.2200.",
        "Accuracy may drop by at most 0.0200. Received: 0.2500 (1.0000 to 0.7500), over by 0.2300.",
    )


def test_a_better_variant_passes() -> None:
    counted = tally([0, 0], [0, 1], [0, 1])

    assert counted.accuracy_drop == -0.5
    assert failures(counted, min_agreement=0.5, max_accuracy_drop=0.0) == ()


def test_scores_that_are_no_numbers_fail_for_good() -> None:
    counted = tally([0], [0], [0])
    counted.add(one_hot([0]), np.full((1, 4), np.nan, np.float32), np.array([0]), seconds=0)
    counted.add(one_hot([0]), one_hot([0]), np.array([0]), seconds=0)

    assert failures(counted, min_agreement=0, max_accuracy_drop=1) == (
        "It gives scores that are not numbers.",
    )
