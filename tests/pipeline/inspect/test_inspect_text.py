from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.inspect.inspection import Count, Inspection, PhotosOnDisk, to_json
from pipeline.inspect.text import counts, lines, size

REPORT = """\
export: vision export, columns of 2022
  files          taxonomy.csv, train_data.csv, val_data.csv, test_data.csv,
                 spatial_data.csv (1.0 kB)
  photos         7
  photos on disk 3 of 7; missing: 103, 105, 106, ...
  observations   5
  observers      3
  leaves         3, 2 with photos: genus 1, species 2
  taxa           5: kingdom 1, genus 2, species 2
  licences       CC-BY 4, CC0 2, unknown 1
  places         3 of 5

  split  photos  observations  leaves
  train       4             3       2
  val         1             1       1
  test        2             2       1

Photos per leaf (median 3)
    0  1  █████████████████████████
    1  0
  2–4  2  ██████████████████████████████████████████████████
  most   Aus bus 4, Aus cus 3, Dus 0
  least  Dus 0, Aus cus 3, Aus bus 4

Observations per year
  2021  1  ██████████████████████████████████████████████████
  2023  1  ██████████████████████████████████████████████████

Leaks
  1 observation in two splits
    observation 502: train row 4 (Aus bus), test row 2 (Aus cus)
  1 photo in two splits
    photo 103: train row 4 (Aus bus), test row 2 (Aus cus)
  1 observation under two leaves
    observation 502: train row 4 (Aus bus), test row 2 (Aus cus)
  1 photo under two leaves
    photo 103: train row 4 (Aus bus), test row 2 (Aus cus)

Notes
  - 4 of 7 photos are not on disk (57.1%). Fetch them with
    `fieldmark fetch-photos export`.
  - 1 leaf has no photo in any split: Dus. A model has a class for each all the
    same; export it again without them.
  - 2 leaves have fewer than 50 train photos: Aus cus 1, Aus bus 3. That is less
    than iNaturalist's exporter takes; let them roll up to their parent, or add
    photos.
  - 1 leaf has no val photo: Aus cus. Nothing tells how good the model is on
    them; export again with more val photos.
  - 1 leaf has no test photo: Aus bus. Nothing tells how good the model is on
    them; export again with more test photos.
  - Leaks do not stop a run: it keeps one copy, the farthest from training
    (test over val over train), and lists the others in set_aside.csv.

No faults.
"""


def text_of(inspection: Inspection, width: int = 80) -> str:
    return "".join(f"{line.text}\n" for line in lines(inspection, width))


def test_the_whole_report(export: Path, inspected: Callable[..., Inspection]) -> None:
    assert text_of(inspected(export)) == REPORT


@pytest.mark.parametrize("width", [1, 80, 97, 120])
def test_no_line_is_wider_than_the_output(
    export: Path, inspected: Callable[..., Inspection], width: int
) -> None:
    text = text_of(inspected(export), width)
    assert max(map(len, text.splitlines())) <= max(width, 80)
    assert "`fieldmark fetch-photos export`" in text


def test_bars_without_block_characters(export: Path, inspected: Callable[..., Inspection]) -> None:
    plain = list(lines(inspected(export), blocks=False))
    assert plain[18].text == "    0  1  " + "#" * 25
    assert not any("█" in line.text for line in plain)


def test_json_has_the_same_figures(export: Path, inspected: Callable[..., Inspection]) -> None:
    inspection = inspected(export)
    figures = json.loads(to_json(inspection))
    assert list(figures) == [
        "path", "format", "description", "files", "photos", "observations", "observers", "taxa",
        "splits", "licenses", "quality_grades", "places", "photos_on_disk", "per_taxon", "leaks",
        "notes", "faults",
    ]  # fmt: skip
    assert (figures["photos"], figures["observations"], figures["observers"]) == (7, 5, 3)
    assert figures["taxa"] == {
        "taxa": 5,
        "leaves": 3,
        "with_photos": 2,
        "ranks": [{"name": "genus", "count": 1}, {"name": "species", "count": 2}],
        "all_ranks": [
            {"name": "kingdom", "count": 1},
            {"name": "genus", "count": 2},
            {"name": "species", "count": 2},
        ],
    }
    assert figures["splits"] == [
        {"name": "train", "photos": 4, "observations": 3, "taxa": 2},
        {"name": "val", "photos": 1, "observations": 1, "taxa": 1},
        {"name": "test", "photos": 2, "observations": 2, "taxa": 1},
    ]
    assert figures["licenses"] == [
        {"name": "CC-BY", "count": 4},
        {"name": "CC0", "count": 2},
        {"name": None, "count": 1},
    ]
    assert figures["places"] == {
        "known": 3,
        "of": 5,
        "years": [{"name": "2021", "count": 1}, {"name": "2023", "count": 1}],
    }
    assert figures["photos_on_disk"] == {
        "looked_at": 7, "found": 3, "photos": 7, "missing_photo_ids": [103, 105, 106],
    }  # fmt: skip
    assert figures["per_taxon"]["bins"][2] == {"least": 2, "most": 4, "taxa": 2}
    assert figures["per_taxon"]["most"][0] == {
        "taxon_id": 11, "name": "Aus bus", "rank": "species", "photos": 4,
    }  # fmt: skip
    assert [leak["count"] for leak in figures["leaks"]] == [1, 1, 1, 1]
    assert tuple(figures["notes"]) == inspection.notes


def test_a_sample_says_so(export: Path, inspected: Callable[..., Inspection]) -> None:
    inspection = dataclasses.replace(
        inspected(export), photos_on_disk=PhotosOnDisk(2000, 1990, 5902, (4, 8, 15, 16, 23))
    )
    assert (
        "  photos on disk 1,990 of a sample of 2,000 (--all-photos looks for all);\n"
        "                 missing: 4, 8, 15, 16, 23, ...\n"
    ) in text_of(inspection)


def test_words_for_counts_and_sizes() -> None:
    assert counts([Count("CC0", 1200), Count(None, 3)]).split("\xa0") == [
        "CC0",
        "1,200, unknown",
        "3",
    ]
    many = [Count(f"rank{number}", 1) for number in range(13)]
    assert counts(many).endswith("rank9\xa01 and 3 more")
    assert [size(number) for number in (0, 999, 1000, 999_949, 999_951, 12_345_678_901_234)] == [
        "0 bytes", "999 bytes", "1.0 kB", "999.9 kB", "1.0 MB", "12,345.7 GB",
    ]  # fmt: skip
