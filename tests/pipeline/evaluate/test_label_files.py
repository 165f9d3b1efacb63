"""Files that say what outputs stand for."""

from __future__ import annotations

from pathlib import Path

import pytest
from colour_world import LEAVES, TAXONOMY_CSV

from pipeline.evaluate.labels import read_labels
from schemas.errors import DataError


def names(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "labels.txt"
    path.write_text(text)
    return [label.name for label in read_labels(path)]


@pytest.mark.parametrize(
    "text",
    [
        "Strix aluco\nCorvus\n\n",
        "Strix_aluco (Tawny owl)\nCorvus (crows)",
        "0 Strix aluco\n1 Corvus\n",
        "1: Strix aluco\r\n2: Corvus\r\n",
        "id,name\n1,Corvus\n0,Strix aluco\n",
        "\ufeffStrix aluco\nCorvus\n",
    ],
)
def test_forms_of_one_list(tmp_path: Path, text: str) -> None:
    assert names(tmp_path, text) == ["Strix aluco", "Corvus"]


def test_empty_line_in_between_is_an_output_of_nothing(tmp_path: Path) -> None:
    assert names(tmp_path, "\nStrix aluco\n") == ["", "Strix aluco"]


def test_taxonomy_gives_its_leaves_in_class_order(tmp_path: Path) -> None:
    path = tmp_path / "any.csv"
    path.write_text(TAXONOMY_CSV)

    labels = read_labels(path)

    assert [(label.name, label.taxon_id) for label in labels] == list(LEAVES.items())
    assert labels[2].ancestors == ((20, "Strix"), (10, "Strigidae"), (1, "Animalia"))
    assert labels[1].rank_level == 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty. Give a label for each output"),
        ("0 Strix aluco\n2 Corvus\n", "numbers its 2 lines, but not from 0 or 1 on without a gap"),
    ],
)
def test_faulty_lists_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        names(tmp_path, text)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_labels(tmp_path / "gone.txt")
