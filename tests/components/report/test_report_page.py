from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from made_run import (
    FIRST_PHOTO,
    FIRST_TAXON,
    MEAN_NAME,
    NAMES,
    PHONE,
    PROVENANCE,
    VERDICT,
    MadeRun,
    index_row,
    make_run,
    write_evaluation,
    write_json,
    write_taxonomy,
)
from parsed_page import ParsedPage

from components.report.page import render
from components.report.sources import Sources
from schemas.photo_index import index_file, write_index


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> MadeRun:
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def page(run: MadeRun) -> ParsedPage:
    return ParsedPage(render(run.sources(), PROVENANCE))


def rows_of(page: ParsedPage, beginning: str) -> list[list[str]]:
    """The rows of the one table whose caption begins so, without its head."""
    (rows,) = [rows for caption, rows in page.tables.items() if caption.startswith(beginning)]
    return rows[1:]


def text_of(page: ParsedPage) -> str:
    (body,) = page.named("body")
    return body.text


def test_page_needs_nothing_beside_it(page: ParsedPage) -> None:
    assert page.loaded() == []
    assert not page.named("link")
    assert "@import" not in page.page
    assert "url(" not in page.page


def test_names_that_are_programs_are_shown_and_never_run(page: ParsedPage) -> None:
    assert len(page.named("script")) == 1
    assert MEAN_NAME not in page.page
    assert [row[0] for row in rows_of(page, "Every leaf") if "alert" in row[0]] == [MEAN_NAME]
    # A suspect of mislabelling comes first.
    alt = page.named("img")[0].attributes["alt"]
    assert alt == f"Photo {FIRST_PHOTO + 1}: labelled {NAMES[1]}, taken for {MEAN_NAME}"
    assert MEAN_NAME in text_of(page), "the holder's name below a picture"


def test_everything_seen_is_said_too(page: ParsedPage) -> None:
    headings = [element.name for element in page.elements if element.name in ("h1", "h2", "h3")]
    assert headings[:2] == ["h1", "h2"]
    assert headings.count("h1") == 1
    for svg in page.named("svg"):
        assert svg.attributes.get("role") == "img" or svg.attributes["aria-hidden"] == "true"
        assert "role" not in svg.attributes or len(svg.attributes["aria-label"]) > 20
    assert all(image.attributes["alt"] for image in page.named("img"))
    assert all(head.attributes.get("scope") in ("col", "row") for head in page.named("th"))
    (html,) = page.named("html")
    assert html.attributes["lang"] == "en"


def test_head_says_the_verdict_why_and_where_it_was_pushed(page: ParsedPage) -> None:
    text = text_of(page)
    assert "The model is NOT blessed." in text
    assert VERDICT["reasons"][0] in text
    assert "SavedModel: not pushed, for want of a blessing." in text
    assert "Phone bundle: pushed to pushed/mobile/17." in text
    facts = next(element.text for element in page.named("dl"))
    assert "80.0%" in facts
    assert "70.0 to 90.050 photos" in facts
    assert "78.0%" in facts
    assert "1.23 MB" in facts
    assert rows_of(page, "The bars") == [
        ["min_top1", "all photos", "top1_accuracy", "0.8", "at least 0.9", "missed by 0.1"]
    ]


def test_data_are_counted_by_split_and_licence_with_what_was_set_aside(page: ParsedPage) -> None:
    assert rows_of(page, "7 photos of 3 leaves") == [
        ["train", "4", "2 of 3", "2", "2"],
        ["val", "3", "2 of 3", "1", "2"],
    ]
    assert rows_of(page, "Photos by licence") == [["unknown", "2", "2"], ["CC-BY", "2", "1"]]
    reasons = rows_of(page, "3 photos set aside (30.00% of the export)")
    assert reasons[0] == ["in val as photo N too", "leak", "train.csv", "2"]
    assert reasons[1][3] == "1"
    assert "is in train, too: 25.00% of val" in text_of(page)


def test_training_is_told_by_stage(page: ParsedPage) -> None:
    schedule = page.tables["The schedule"]
    assert schedule[0] == [
        "Stage", "Size", "Batch", "Epochs", "Steps", "Peak rate", "Dropout", "Augmentation",
        "Label smoothing",
    ]  # fmt: skip
    assert schedule[2] == ["2", "96 px", "10", "2.0", "20", "0.002", "0.2", "0.3", "0.05"]
    assert rows_of(page, "How the stages went") == [
        ["1", "50.0%", "10", "25.0%", "20 s", "4.0 s"],
        ["2", "80.0%", "10", "25.0%", "20 s", "4.0 s"],
        ["all", "80.0%", "10", "25.0%", "40 s", "8.0 s"],
    ]
    assert "stage 2 ends early: it no longer pays" in text_of(page)
    titles = [svg.attributes.get("aria-label", "") for svg in page.named("svg")]
    assert any(t.startswith("Top-1 over the run. val: from 20% to 80%") for t in titles)


def test_evaluation_stands_with_intervals_and_by_slice(page: ParsedPage) -> None:
    assert rows_of(page, "Right at each rank") == [
        ["leaf", "50", "80.0% (70.0 to 90.0)", ""],
        ["class", "50", "97.0% (87.0 to 100.0)", ""],
    ]
    buckets = rows_of(page, "Top-1 by photos of the leaf in training")
    assert [row[0] for row in buckets] == ["0-19", "20-49", "50 and more"]
    assert buckets[0][1:] == ["16", "40.0% (30.0 to 50.0)", ""]
    assert rows_of(page, "Common ancestor")[0][1:] == [
        "70.0% (60.0 to 80.0)",
        "93.0% (83.0 to 100.0)",
    ]
    assert "top-1 changed by -6.0 percentage points (-10.0 to -2.0" in text_of(page)
    assert rows_of(page, "1 taxon fell beyond chance") == [[NAMES[0], "20", "-60.0", "0.0002"]]


def test_taxa_are_ranked_and_a_pair_is_told_once_with_both_directions(page: ParsedPage) -> None:
    assert [row[0] for row in rows_of(page, "The worst leaves")] == [NAMES[0]]
    assert [row[0] for row in rows_of(page, "The best leaves")] == [NAMES[2]]
    pairs = rows_of(page, "The strongest confusions")
    assert pairs == [
        [NAMES[0], NAMES[1], "10 of 20 (50%)", "10.0 to 60.0", "4 of 20 (20%)", "genus", "900"],
        [NAMES[1], MEAN_NAME, "9 of 20 (45%)", "10.0 to 60.0", "0 of 20 (0%)", "genus", "901"],
    ]
    assert rows_of(page, "Problem taxa") == [
        [
            NAMES[1],
            "9 of 20 (45%)",
            "300",
            "78",
            "only 4 training photos; 1 photo perhaps mislabelled (id 901)",
        ]
    ]
    every = rows_of(page, "Every leaf")
    assert every[1] == [
        NAMES[1], "Animalia", "4", "20", "33.3%", "23.3 to 43.3", "33.3%", "33.3%", "33.3%",
        f"{MEAN_NAME} (9)",
    ]  # fmt: skip


def test_phone_is_told_by_variant_thread_taxon_and_client(page: ParsedPage) -> None:
    variants = page.tables["Variants"]
    assert variants[0][:3] == ["Variant", "Size", "As the server"]
    assert variants[1][:4] == ["float16 (default)", "1.23 MB", "100.0%", "78.0%"]
    assert "+2.0 (-3.0 to +7.1)" in variants[1]
    assert variants[3] == ["full_int8", "0.70 MB", *6 * ["–"], "no"]
    assert "full_int8: Its output is not named." in text_of(page)
    assert rows_of(page, "Time of a photo") == [
        ["float16", "1", "3.21", "4.56", "0.5", "–"],
        ["dynamic_range_int8", "2", "2", "3", "0.25", "0.375"],
    ]
    assert rows_of(page, "Taxa that float16 breaks") == [[MEAN_NAME, "20", "18", "3"]]
    assert "11 more are in mobile_report.json." in text_of(page)
    assert "A taxon can be found from 5 photos on." in text_of(page)
    (client,) = rows_of(page, "Top-1 by client")
    assert client[0] == "android: as Android does, as ours on 40.0%"
    assert client[1:3] == ["50", "31.0% (20.0 to 45.0)"]


def test_a_variant_with_a_temperature_of_its_own_shows_what_it_buys(page: ParsedPage) -> None:
    assert rows_of(page, "Calibration of the variants") == [
        ["dynamic_range_int8", "0.812", "21.7%", "3.0%", "2.5%", "1.2500", "1.1250", "1.1000"]
    ]
    assert "The other variants keep the network's temperature, 0.75." in text_of(page)


def test_bundle_without_a_variant_that_passes_says_why(run: MadeRun, tmp_path: Path) -> None:
    refused = {
        **PHONE,
        "blessed": False,
        "default_variant": None,
        "reasons": ["No variant passes."],
        "variants": {"full_int8": PHONE["variants"]["full_int8"]},
    }
    write_json(tmp_path / "mobile_report.json", refused)
    page = ParsedPage(render(run.sources(mobile_report=tmp_path), PROVENANCE))
    assert "The phone's bundle is NOT blessed." in text_of(page)
    assert "No variant passes." in text_of(page)
    assert page.tables["Variants"][1] == ["full_int8", "0.70 MB", "no"]
    assert "Calibration of the variants" not in page.tables


def test_provenance_has_settings_versions_and_places(page: ParsedPage) -> None:
    assert ["tensorflow", "2.21.0"] in rows_of(page, "Versions")
    assert ["Export's fingerprint", "f00d"] in rows_of(page, "What made it")
    assert rows_of(page, "Where things lie") == [
        ["evaluation", "artifacts/Evaluator/evaluation/18"]
    ]
    assert "name: owls\ntrainer:\n  seed: 3\n" in text_of(page)


def test_parts_that_are_missing_leave_their_sections_short(run: MadeRun) -> None:
    needed = {"taxonomy", "photo_index"}
    empty = {each.name: None for each in fields(Sources) if each.name not in needed}
    page = ParsedPage(render(run.sources(**{**empty, "examples": {}, "pushes": ()}), PROVENANCE))
    text = text_of(page)
    for said in (
        "The model was not judged.",
        "There is no history of a training.",
        "There is no evaluation.",
        "There is no report on the phone's model.",
    ):
        assert said in text
    assert "7 photos of 3 leaves" in text


def test_model_that_is_blessed_says_so_without_reasons(run: MadeRun, tmp_path: Path) -> None:
    tables = tmp_path / "tables"
    tables.mkdir()
    for path in run.tables.iterdir():
        (tables / path.name).write_bytes(path.read_bytes())
    first = {**VERDICT, "blessed": True, "reasons": [], "comparison": None, "bars": []}
    (tables / "verdict.json").write_text(json.dumps(first))
    page = ParsedPage(render(run.sources(evaluation=tmp_path, model_blessed=True), PROVENANCE))
    assert "The model is blessed." in text_of(page)
    assert "NOT blessed" not in text_of(page)
    assert "last blessed model" not in text_of(page)


@pytest.mark.parametrize("leaves", [2_000, 80_000])
def test_page_stays_small_and_lists_every_leaf_or_says_where_they_are(
    leaves: int, tmp_path: Path
) -> None:
    names = [f"Coccinella septempunctata-{number}" for number in range(leaves)]
    write_taxonomy(tmp_path / "taxonomy", names)
    rng = np.random.default_rng(1)
    taxa = FIRST_TAXON + rng.zipf(1.3, leaves) % leaves
    rows = [index_row(number, int(taxon)) for number, taxon in enumerate(taxa)]
    write_index(rows, index_file(tmp_path / "index", "train", 0, 1))
    run = MadeRun(tmp_path)
    write_evaluation(run.tables, names)
    sources = Sources(
        taxonomy=tmp_path / "taxonomy",
        photo_index=tmp_path / "index",
        evaluation=tmp_path / "evaluation",
    )
    page = render(sources, PROVENANCE)
    assert len(page.encode()) < 3_000_000
    parsed = ParsedPage(page)
    assert len(rows_of(parsed, "The worst leaves")) == 15
    every = [rows for caption, rows in parsed.tables.items() if caption == "Every leaf"]
    elsewhere = "artifacts/Evaluator/evaluation/18/tables/metrics.parquet" in text_of(parsed)
    assert (elsewhere, [len(rows) - 1 for rows in every]) == (
        (True, []) if leaves > 2_000 else (False, [leaves])
    )
