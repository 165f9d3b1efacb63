from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mobile_validator.broken_taxa import broken_taxa
from components.mobile_validator.config import MobileValidationSettings
from components.mobile_validator.default_choice import choose
from components.mobile_validator.latency import Latency, Slowest, slowest
from components.mobile_validator.tally import NO_TAXON, Answers, Tally
from components.mobile_validator.verdict import Bars, Measured, failures
from components.mobile_validator.visible_taxa import VisibleTaxa, visible_taxa
from schemas.taxonomy import Taxonomy
from serving.suggestions import Suggester

# Two genera of two species.
TREE = Taxonomy(
    taxon_ids=np.array([1, 2, 11, 12, 21, 22]),
    parent_nodes=np.array([-1, -1, 0, 0, 1, 1], np.int32),
    rank_levels=np.array([20, 20, 10, 10, 10, 10], np.float32),
    leaf_class_ids=np.array([-1, -1, 0, 1, 2, 3], np.int32),
    iconic_taxon_ids=np.zeros(6, np.int64),
    names=("Strix", "Bubo", "Strix aluco", "Strix varia", "Bubo bubo", "Bubo scandiacus"),
)
NOTHING = Measured()


def answers(classes: list[int], value: float = 0.9) -> Answers:
    scores = np.full((len(classes), 4), (1 - value) / 3, np.float32)
    scores[np.arange(len(classes)), classes] = value
    return Answers.of(scores, Suggester(TREE))


def tally(server: list[int], variant: list[int], labels: list[int]) -> Tally:
    counted = Tally()
    counted.add(answers(server), answers(variant), np.array(labels))
    return counted


def test_counts() -> None:
    counted = tally([0, 1, 2, 3], [0, 1, 2, 0], [0, 1, 3, 3])

    assert counted.photos == 4
    assert counted.top1_agreement == 0.75
    assert counted.top5_agreement == 1.0  # of four leaves, five are all
    assert counted.rollup_agreement == 0.75  # Bubo, but for the variant Strix
    assert counted.rolled_up == 4
    assert counted.server_accuracy == 0.75
    assert counted.variant_accuracy == 0.5
    assert counted.accuracy_drop == 0.25
    assert counted.largest_error == pytest.approx(0.9 - 0.1 / 3)
    assert counted.largest_sum_error == pytest.approx(0.0, abs=1e-6)


def test_a_sister_species_rolls_up_to_the_same() -> None:
    counted = tally([0, 2], [1, 3], [0, 2])

    assert (counted.top1_agreement, counted.rollup_agreement) == (0.0, 1.0)


def test_batches_add_up() -> None:
    counted = tally([0, 1], [0, 1], [0, 1])
    counted.add(answers([2]), answers([2], 0.5), np.array([2]))

    assert (counted.photos, counted.agreeing) == (3, 3)
    assert counted.largest_error == pytest.approx(0.4)


@given(data=st.data(), photos=st.integers(1, 30))
def test_the_interval_holds_the_drop_and_turns_round(data: st.DataObject, photos: int) -> None:
    classes = st.lists(st.integers(0, 3), min_size=photos, max_size=photos)
    server, variant, labels = (data.draw(classes) for _ in range(3))

    there, back = tally(server, variant, labels), tally(variant, server, labels)

    low, high = there.accuracy_drop_interval
    assert -1 <= low <= there.accuracy_drop <= high <= 1
    assert back.accuracy_drop == -there.accuracy_drop
    assert back.accuracy_drop_interval == pytest.approx((-high, -low))
    assert back.accuracy_drop_p_value == there.accuracy_drop_p_value


def test_at_the_bar_passes() -> None:
    counted = tally([0, 0, 0, 0], [0, 0, 0, 2], [0, 0, 0, 0])
    bars = Bars(min_top1_agreement=0.75, min_rollup_agreement=0.75, max_accuracy_drop=0.25)

    assert failures(counted, bars, NOTHING) == ()


def test_reasons_say_which_bar_and_by_how_much() -> None:
    counted = tally([0, 0, 0, 0], [0, 0, 0, 2], [0, 0, 0, 0])
    bars = Bars(
        min_top1_agreement=0.97,
        min_rollup_agreement=0.9,
        max_accuracy_drop=0.02,
        max_score_error=0.1,
        max_broken_taxa=0,
        max_megabytes=2.0,
        max_latency_ratio=1.0,
    )

    measured = Measured(2_500_000, broken_taxa=1, latency=Slowest(9.0, p50_ratio=1.25))

    reasons = failures(counted, bars, measured)

    low, high = counted.accuracy_drop_interval
    assert reasons == (
        "Top-1 agreement with the server must be at least 0.9700. Received: 0.7500 (3 of 4 "
        "photos), short by 0.2200.",
        "Agreement of rolled-up answers must be at least 0.9000. Received: 0.7500 (3 of 4 "
        "photos), short by 0.1500.",
        "Accuracy may drop by at most 0.0200. Received: 0.2500 (1.0000 to 0.7500; 95 % interval "
        f"{low:.4f} to {high:.4f}), over by 0.2300.",
        "A score may differ by at most 0.1. Received: 0.867.",
        "At most 0 taxa may be named worse, beyond chance. Received: 1.",
        "The file may have at most 2 MB. Received: 2.50 MB.",
        "A photo may take at most 1 times float32's time. Received: 1.25, over by 0.25.",
    )


def test_the_servers_first_taxon_must_be_among_the_best_five() -> None:
    counted = tally([0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0])
    counted.top5_agreeing = 3

    assert failures(counted, Bars(min_top5_agreement=0.75), NOTHING) == ()
    assert failures(counted, Bars(min_top5_agreement=0.98), NOTHING) == (
        "Top-5 agreement with the server must be at least 0.9800. Received: 0.7500 (3 of 4 "
        "photos), short by 0.2300.",
    )


def test_the_sixth_leaf_is_not_among_the_best_five() -> None:
    scores = np.array([[0.3, 0.25, 0.2, 0.12, 0.08, 0.05]], np.float32)
    variant = Answers(scores, np.argsort(-scores)[:, :5], np.array([NO_TAXON]))

    assert [bool(variant.hits(np.array([leaf]), 5)[0]) for leaf in (0, 4, 5)] == [True, True, False]


def test_each_setting_is_the_bar_of_its_name() -> None:
    given = {
        "min_top5_agreement": 0.93,
        "min_rollup_agreement": 0.83,
        "max_accuracy_drop": 0.07,
        "max_score_error": 0.2,
        "max_broken_taxa": 3,
        "max_megabytes": 11.0,
        "max_latency_ratio": 1.5,
        "max_p95_latency_ratio": 1.7,
        "max_latency_ms": 40.0,
    }
    settings = MobileValidationSettings(
        min_top1_agreement=0.91, min_top1_agreement_int8=0.81, **given
    )

    assert asdict(Bars.of(settings, "float16")) == {"min_top1_agreement": 0.91, **given}
    # What quantising or a lower rank does to scores is not asked of a float variant's bars.
    lossy = {"min_top1_agreement": 0.81, **given, "max_score_error": None}
    for variant in ("dynamic_range_int8", "full_int8", "fact256_float16"):
        assert asdict(Bars.of(settings, variant)) == lossy


def test_a_better_variant_passes() -> None:
    counted = tally([0, 0], [0, 1], [0, 1])

    assert counted.accuracy_drop == -0.5
    assert failures(counted, Bars(min_top1_agreement=0.5, max_accuracy_drop=0.0), NOTHING) == ()


def test_scores_that_are_no_numbers_fail_for_good() -> None:
    counted = tally([0], [0], [0])
    broken = Answers.of(np.full((1, 4), np.nan, np.float32), Suggester(TREE))
    counted.add(answers([0]), broken, np.array([0]))
    counted.add(answers([0]), answers([0]), np.array([0]))

    assert failures(counted, Bars(), NOTHING) == ("It gives scores that are not numbers.",)


def test_scores_that_do_not_sum_to_one_fail() -> None:
    counted = tally([0], [0], [0])
    logits = Answers.of(np.array([[5.0, 1.0, 0.0, 0.0]], np.float32), Suggester(TREE))
    counted.add(answers([0]), logits, np.array([0]))

    assert failures(counted, Bars(), NOTHING) == (
        "A photo's scores must sum to 1, within 0.02: the softmax is inside. Received: off by 5.",
    )


def test_a_taxon_broken_beyond_chance_is_found_and_chance_is_not() -> None:
    # Strix aluco: right 12 times, then never. Bubo bubo: 3 photos go one way, 2 the other.
    labels = [0] * 12 + [2] * 10
    server = [0] * 12 + [2] * 8 + [3] * 2
    variant = [1] * 12 + [3] * 3 + [2] * 7
    counted = tally(server, variant, labels)

    (taxon,) = broken_taxa(counted, TREE, alpha=0.05)

    assert (taxon.name, taxon.taxon_id, taxon.photos) == ("Strix aluco", 11, 12)
    assert (taxon.server_right, taxon.variant_right) == (12, 0)
    assert taxon.p_value == pytest.approx(0.5**12)


@pytest.mark.parametrize(
    ("photos", "others", "found"),
    [
        (4, 0, False),  # fewer than fewest_photos
        (5, 0, True),
        (6, 6, False),  # three other taxa are tested, in which nothing fell
        (7, 7, True),  # sure_photos
    ],
)
def test_a_taxon_is_visible_from_so_many_photos_on(photos: int, others: int, found: bool) -> None:
    # Strix aluco is lost; the variant alone is right on the others.
    labels = [0] * photos + [1, 2, 3] * others
    server = [0] * photos + [2, 1, 2] * others
    variant = [1] * photos + [1, 2, 3] * others
    counted = tally(server, variant, labels)

    broken = broken_taxa(counted, TREE, alpha=0.05)

    assert [taxon.name for taxon in broken] == (["Strix aluco"] if found else [])


def test_what_can_be_seen_is_counted() -> None:
    labels = [0] * 8 + [1] * 7 + [2] * 6 + [3] * 4
    server = [0] * 8 + [1] * 6 + [0] + [0] * 6 + [3] * 4
    visible = visible_taxa(tally(server, server, labels), alpha=0.05)

    assert visible == VisibleTaxa(fewest_photos=5, sure_photos=6, taxa=4, too_few=2, sure=2)
    assert visible.words == (
        "A taxon that a variant breaks can be found where the server names 5 photos of it rightly, "
        "and surely where it names 6 and the variant none: of 4 taxa compared, 2 have fewer than 5 "
        "such photos, 2 have 6 or more."
    )


@given(alpha=st.floats(0.001, 0.5), photos=st.integers(1, 30))
def test_no_taxon_of_fewer_photos_is_ever_found(alpha: float, photos: int) -> None:
    counted = tally([0] * photos, [1] * photos, [0] * photos)

    visible = visible_taxa(counted, alpha=alpha)

    assert bool(broken_taxa(counted, TREE, alpha=alpha)) == (photos >= visible.fewest_photos)


SIZES = {"float32": 400, "float16": 200, "int8": 100}


def test_the_smallest_that_passes_is_chosen() -> None:
    assert choose(passed=["float32", "float16"], sizes=SIZES, fixed=None).variant == "float16"
    assert choose(passed=[], sizes=SIZES, fixed=None).variant is None


def test_a_fixed_choice_stands_or_falls() -> None:
    chosen = choose(passed=["float32", "float16"], sizes=SIZES, fixed="float32")
    failed = choose(passed=["float32"], sizes=SIZES, fixed="int8")
    absent = choose(passed=["float32"], sizes=SIZES, fixed="full_int8")

    assert chosen.variant == "float32"
    assert (failed.variant, absent.variant) == (None, None)
    assert failed.reason.endswith("but it misses a bar.")
    assert absent.reason.endswith("but the bundle does not hold it.")


def test_the_worst_number_of_threads_counts() -> None:
    times = {
        "float32": {1: Latency(10.0, 10.0), 2: Latency(6.0, 8.0)},
        "int8": {1: Latency(5.0, 20.0), 2: Latency(9.0, 12.0)},
    }

    assert slowest(times) == {
        "float32": Slowest(p50_ms=10.0, p50_ratio=1.0, p95_ratio=1.0),
        "int8": Slowest(p50_ms=9.0, p50_ratio=1.5, p95_ratio=2.0),
    }
    assert slowest({"int8": times["int8"]}) == {"int8": Slowest(p50_ms=9.0)}
    assert slowest({"float32": {}, "int8": {}}) == {"float32": Slowest(), "int8": Slowest()}


@pytest.mark.parametrize(
    ("bars", "reason"),
    [
        (
            Bars(max_latency_ratio=1.2),
            "A photo may take at most 1.2 times float32's time. Received: 1.50, over by 0.30.",
        ),
        (
            Bars(max_p95_latency_ratio=1.6),
            "19 of 20 photos may take at most 1.6 times float32's time. Received: 2.00, over by "
            "0.40.",
        ),
        (
            Bars(max_latency_ms=8.5),
            "A photo may take at most 8.5 ms. Received: 9.00, over by 0.50.",
        ),
    ],
)
def test_a_slow_variant_fails_and_a_time_that_is_missing_does(bars: Bars, reason: str) -> None:
    counted = tally([0], [0], [0])
    within = Measured(latency=Slowest(p50_ms=8.0, p50_ratio=1.0, p95_ratio=1.5))
    over = Measured(latency=Slowest(p50_ms=9.0, p50_ratio=1.5, p95_ratio=2.0))

    assert failures(counted, bars, within) == ()
    assert failures(counted, bars, over) == (reason,)
    assert failures(counted, bars, NOTHING) == (
        f"{reason[: reason.index('Received')]}Received: no time of it, or none of float32, which "
        "cannot be run.",
    )
