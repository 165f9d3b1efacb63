from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from components.export_example_gen import set_aside
from components.export_example_gen.set_aside import (
    LEAK,
    PLACEHOLDER,
    UNUSABLE,
    SetAsideRow,
    refuse_leaks,
    summary,
)
from schemas.errors import DataError, FieldmarkError

LIST = Path("/runs/set_aside.csv")
FILES = {split: f"{split}_data.csv" for split in ("train", "val", "test")}
write_set_aside = partial(set_aside.write_set_aside, files=FILES)
check_share = partial(set_aside.check_share, files=FILES)


def unusable(count: int, reason: str, *, split: str = "train", first: int = 2) -> list[SetAsideRow]:
    return [SetAsideRow(split, first + i, 100 + i, UNUSABLE, reason) for i in range(count)]


def test_list_stands_in_the_order_of_the_split_files(tmp_path: Path) -> None:
    rows = [
        SetAsideRow("val", 3, 30, UNUSABLE, "the file is empty"),
        SetAsideRow("train", 12, 20, LEAK, "leak: its observation is also in val, row 3"),
        SetAsideRow("train", 4, 10, UNUSABLE, 'starts with "x"'),
    ]

    write_set_aside(rows, tmp_path / "set_aside.csv")

    assert (tmp_path / "set_aside.csv").read_text() == (
        "file,row,photo_id,kind,reason\n"
        'train_data.csv,4,10,unusable,"starts with ""x"""\n'
        'train_data.csv,12,20,leak,"leak: its observation is also in val, row 3"\n'
        "val_data.csv,3,30,unusable,the file is empty\n"
    )


def test_list_of_nothing_has_its_header(tmp_path: Path) -> None:
    write_set_aside([], tmp_path / "set_aside.csv")

    assert (tmp_path / "set_aside.csv").read_text() == "file,row,photo_id,kind,reason\n"


def test_share_at_the_limit_passes_and_one_photo_more_does_not() -> None:
    check_share(unusable(2, "x"), {"train": 198}, max_share=0.01, listed_in=LIST)

    with pytest.raises(FieldmarkError):
        check_share(unusable(3, "x"), {"train": 197}, max_share=0.01, listed_in=LIST)


def test_each_split_is_judged_by_itself() -> None:
    with pytest.raises(FieldmarkError, match=r"^val_data\.csv: 2 of 10 photos cannot be used"):
        check_share(
            unusable(2, "x", split="val"), {"train": 1000, "val": 8}, max_share=0.1, listed_in=LIST
        )


def test_leaks_do_not_count_as_unusable() -> None:
    leaks = [SetAsideRow("train", i, i, LEAK, "leak") for i in range(50)]

    check_share(leaks, {"train": 1}, max_share=0, listed_in=LIST)


def test_message_names_numbers_the_three_commonest_reasons_and_the_list() -> None:
    rows = (
        unusable(4, "empty")
        + unusable(3, "missing")
        + unusable(2, "damaged")
        + unusable(1, "no picture")
    )

    with pytest.raises(FieldmarkError) as caught:
        check_share(rows, {"train": 1990}, max_share=0.002, listed_in=LIST)

    assert str(caught.value) == (
        "train_data.csv: 10 of 2,000 photos cannot be used, and export.max_unusable_share allows "
        "0.20%. Mostly: 4 x empty; 3 x missing; 2 x damaged. The whole list: /runs/set_aside.csv. "
        "Fetch or replace the photos, or raise the share."
    )


def test_split_of_which_nothing_is_left_is_refused_whatever_the_share() -> None:
    with pytest.raises(FieldmarkError, match=r"^val_data\.csv: 3 of 3 photos cannot be used"):
        check_share(
            unusable(3, "x", split="val"), {"train": 9, "val": 0}, max_share=1, listed_in=LIST
        )


def test_split_that_lost_all_its_rows_to_leaks_says_so() -> None:
    leaks = [SetAsideRow("val", 2, 9, LEAK, "leak: its observation is also in test, row 2")]

    with pytest.raises(FieldmarkError) as caught:
        check_share(leaks, {"train": 5, "val": 0}, max_share=0.01, listed_in=LIST)

    assert str(caught.value) == (
        "val_data.csv: no photo is left: it has no rows, or all of them are in another split too. "
        "The whole list: /runs/set_aside.csv. Export the splits again."
    )


def test_placeholders_do_not_count_as_unusable_and_the_summary_says_so() -> None:
    rows = [SetAsideRow("train", n, n, PLACEHOLDER, "placeholder") for n in range(30)]
    kept = {"train": 1000, "val": 20}

    check_share(rows, kept, max_share=0, listed_in=LIST)

    assert summary([*rows, *unusable(2, "x")], kept, listed_in=LIST) == (
        "1,020 photos kept (train 1,000, val 20); 32 set aside, listed in /runs/set_aside.csv; "
        "30 of them show the picture that stands in for removed photos and do not count as "
        "unusable"
    )
    assert summary([], kept, listed_in=LIST) == "1,020 photos kept (train 1,000, val 20)"


def test_split_of_placeholders_alone_says_so() -> None:
    rows = [SetAsideRow("val", 2, 9, PLACEHOLDER, "placeholder")]

    with pytest.raises(FieldmarkError, match=r"are in another split too or show a placeholder\."):
        check_share(rows, {"train": 5, "val": 0}, max_share=1, listed_in=LIST)


def test_refused_leaks_are_the_first_twenty_and_a_count() -> None:
    rows = [SetAsideRow("train", n, 100 + n, LEAK, "leak: x") for n in range(30, 1, -1)]

    with pytest.raises(DataError) as caught:
        refuse_leaks([*rows, *unusable(3, "y")], "my-export", files=FILES)

    first, *shown, more, remedy = str(caught.value).splitlines()
    assert first == "my-export: 29 rows are in two splits or under two leaves:"
    assert shown[0] == "  train_data.csv, row 2, photo 102: leak: x"
    assert len(shown) == 20
    assert more == "  ... and 9 more."
    assert remedy == " Export it again, or let export.on_leak: resolve keep one of each."


def test_no_leaks_are_not_refused() -> None:
    refuse_leaks(unusable(3, "y"), "my-export", files=FILES)
