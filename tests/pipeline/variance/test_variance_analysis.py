"""The whole analysis on simulated trainings, and what it says it cannot tell."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_runs import World, run

from pipeline.variance.analysis import Analysis, analyse
from pipeline.variance.report import content, csv_rows, report_lines
from schemas.errors import ConfigError, DataError

TAXA = 200
WORLD = World(np.linspace(0.35, 0.65, TAXA), photos=30, sampling=0.08, training=0.04)
DRAWS = 500


def analysed(*runs) -> Analysis:
    return analyse(runs, alpha=0.05)


def test_parts_of_the_spread_are_those_that_were_put_in() -> None:
    rng = np.random.default_rng(7)
    found = [analyse(WORLD.runs((2, 2, 2), rng), alpha=0.05).figures[1] for _ in range(DRAWS)]

    sampling, training = WORLD.sampling**2, WORLD.training**2
    photos = (float(np.mean(WORLD.chances * (1 - WORLD.chances))) - sampling - training) / 30
    # Two trainings, whose chances are |d| apart, differ on that share of the same photos.
    apart = 2 * WORLD.training / np.sqrt(np.pi)
    chance = training + (apart - 2 * training) / (2 * 30)
    truths = {
        "training": chance / TAXA,
        "evaluation_photos": photos / TAXA,
        # Of all that a single figure varies by, what is left.
        "sampling": (sampling + training + photos - chance - photos) / TAXA,
    }
    raw = {name: [spread.parts[name].raw for spread in found] for name in truths}
    assert np.mean(raw["evaluation_photos"]) == pytest.approx(truths["evaluation_photos"], rel=0.04)
    for name in ("training", "sampling"):
        error = np.std(raw[name]) / np.sqrt(DRAWS)
        assert abs(np.mean(raw[name]) - truths[name]) < 4 * error, name
    assert truths["sampling"] > 0.8 * sampling / TAXA


def test_on_the_same_photos_nothing_is_taken_off() -> None:
    rng = np.random.default_rng(8)
    runs = WORLD.runs((2, 2), rng, shares_photos=True)

    spread = analysed(*runs).figures[0]

    assert spread.photos is None
    values = np.array(spread.values).reshape(2, 2)
    within = ((values - values.mean(axis=1, keepdims=True)) ** 2).sum() / 2
    between = 2 * ((values.mean(axis=1) - values.mean()) ** 2).sum()
    assert spread.training.raw == pytest.approx(within)
    assert spread.sampling.raw == pytest.approx((between - within) / 2)


def test_taxa_that_vary_are_found_and_the_others_are_not() -> None:
    rng = np.random.default_rng(9)
    runs = World(np.full(TAXA, 0.8), photos=50, sampling=0, training=0).runs((1, 1), rng)
    runs[1].hits[:5] = 8  # far below the 40 that are to be expected

    taxa = analysed(*runs).taxa

    assert set(np.flatnonzero(taxa.beyond)) >= set(range(5))
    assert taxa.beyond.sum() <= 7
    assert taxa.spread[0] == pytest.approx(np.std(taxa.top1[:, 0], ddof=1))
    rest = slice(5, None)
    assert np.mean(taxa.spread[rest] ** 2) == pytest.approx(
        np.mean(taxa.photo_noise[rest] ** 2), rel=0.3
    )


@pytest.mark.parametrize(
    ("photos_of_b", "is_suspected"), [([50, 40], True), ([50, 41], False), ([40, 50], False)]
)
def test_exports_that_may_share_their_photos_are_named(
    photos_of_b: list[int], is_suspected: bool
) -> None:
    found = analysed(
        run("one", [40, 30], [50, 40], export="a"), run("two", [40, 36], photos_of_b, export="b")
    )

    assert any("perhaps the same ones" in text for text in found.cautions) == is_suspected


def test_as_many_photos_of_each_taxon_as_the_exporter_gives_are_no_suspicion() -> None:
    found = analysed(
        run("one", [40, 30], [50, 50], export="a"), run("two", [45, 36], [50, 50], export="b")
    )

    assert not any("perhaps the same ones" in text for text in found.cautions)


def test_two_exports_once_each_cannot_tell_chance_from_sampling() -> None:
    found = analysed(
        run("one", [40, 30], [50, 50], export="a"), run("two", [45, 36], [50, 50], export="b")
    )

    parts = found.figures[0].parts
    assert set(parts) == {"evaluation_photos", "sampling_and_training"}
    p = np.array([85, 66]) * np.array([15, 34]) / (100 * 99)
    noise = (50 * p).sum() / 100**2
    assert parts["evaluation_photos"].raw == pytest.approx(noise)
    assert parts["sampling_and_training"].raw == pytest.approx(0.11**2 / 2 - noise)
    assert any("chance in training cannot be told" in text for text in found.cautions)
    assert any("1 degree of freedom" in text for text in found.cautions)


def test_one_export_tells_chance_in_training_alone() -> None:
    found = analysed(run("one", [40], [50], seed=1), run("two", [46], [50], seed=2))

    assert set(found.figures[0].parts) == {"training"}
    assert found.figures[0].training.raw == pytest.approx(0.12**2 / 2)
    assert any("of one export: how much another sample" in text for text in found.cautions)


def test_estimate_below_nothing_is_nothing_and_says_so() -> None:
    runs = [
        run("a1", [400], [500], export="a"),
        run("a2", [420], [500], export="a"),
        run("b1", [401], [500], export="b"),
        run("b2", [421], [500], export="b"),
    ]

    found = analysed(*runs)

    sampling = found.figures[0].sampling
    assert sampling.raw < 0
    assert sampling.variance == 0
    (line,) = [text for text in report_lines(found) if "sampling of photos " in text][:1]
    assert "0.00 points" in line
    assert f"{1e4 * sampling.raw:.3g} points², below 0" in line
    assert content(found)["figures"]["top-1"]["parts"]["sampling"]["raw"] == sampling.raw


def test_cautions_name_what_makes_runs_no_repetitions() -> None:
    found = analysed(
        run("one", [40], [50], seed=1, network="small"),
        run("two", [46], [50], seed=1, network="large"),
        run("three", [44], [50]),
    )

    text = "\n".join(found.cautions)
    assert "one and two have the same export and the same seed, 1" in text
    assert "runs differ in trainer.network" in text
    assert "of some runs the settings are not known" in text


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([run("one", [1], [2])], "A spread takes two runs at least"),
        ([run("one", [1], [2]), run("one", [1], [2])], "'one' is given twice"),
        (
            [run("one", [1], [2]), run("two", [1], [2], photo_set="other")],
            "'two' answered other. `fieldmark evaluate MODEL",
        ),
        ([run("one", [1], [2]), run("two", [1], [3])], "of 1 taxa not as many: 2 and 3 in all"),
    ],
)
def test_runs_that_cannot_be_compared(runs: list, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        analyse(runs, alpha=0.05)
    assert message in str(error.value)


def test_other_leaves_are_named() -> None:
    one, two = run("one", [1] * 6, [2] * 6), run("two", [1] * 6, [2] * 6, first_taxon=5)

    with pytest.raises(DataError) as error:
        analysed(one, two)

    assert (
        "two: has not the leaves of 'one': only 'one' has Taxon 1 (1), Taxon 2 (2), Taxon 3 (3) "
        "and 1 more; only 'two' has Taxon 7 (7), Taxon 8 (8), Taxon 9 (9) and 1 more."
    ) in str(error.value)


def test_report_has_parts_taxa_and_cautions() -> None:
    runs = WORLD.runs((3, 2), np.random.default_rng(10))

    found = analysed(*runs)
    text = "\n".join(report_lines(found))

    assert text.startswith("5 runs of 2 exports; each its own photos\n")
    assert f"  a1  top-1 {runs[0].top1:.2%}" in text
    assert "export a, seed 1" in text
    for part in ("chance in training", "photos asked", "sampling of photos"):
        assert f"  {part}" in text
    shares = [
        f"{part.variance / found.figures[0].total:.0%}" for part in found.figures[0].parts.values()
    ]
    assert all(f"{share} of the variance" in text for share in shares)
    assert "200 taxa compared: median deviation" in text
    assert "exports have not as many runs each" in text
    header, *rows = csv_rows(found)
    assert len(rows) == TAXA
    assert header[:4] == ["taxon_id", "name", "mean_top1", "spread"]
    first = dict(zip(header, rows[0], strict=True))
    assert float(first["top1 a1"]) == pytest.approx(runs[0].hits[0] / 30, rel=1e-5)
    assert first["photos b2"] == "30"
