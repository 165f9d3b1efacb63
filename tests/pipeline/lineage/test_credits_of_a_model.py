from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlmd_world import TAXONOMY_CSV, index_row

from pipeline.lineage.credit import Credit, HolderCredit, Totals
from pipeline.lineage.credit_csv import write_csv
from pipeline.lineage.credit_page import HTML, MARKDOWN, write_page
from pipeline.lineage.credit_reader import open_credits
from pipeline.lineage.credit_summary import credit_summary
from pipeline.lineage.trained_models import TrainedModel
from schemas.errors import ConfigError, DataError
from schemas.photo_index import IndexRow, index_file, write_index

UUID = "0a1b2c3d-0000-4000-8000-00000000000f"
HOSTILE = 'O\'Neil, "Bo" <b>*x*</b>\r\nLtd'
BY_BO = {"license": "CC-BY-NC", "rights_holder": HOSTILE, "observer": "bo"}


@pytest.fixture
def model(tmp_path: Path) -> TrainedModel:
    train = [
        index_row(9, observation_uuid=UUID, **BY_BO),
        index_row(4, taxon_id=52, license="CC0", observer="ada"),
        index_row(30, taxon_id=99, photo_url=None, observation_id=30),
        index_row(5, taxon_id=52, photo_url="javascript:alert(1)", **BY_BO),
    ]
    return model_of(tmp_path, train=train, val=[index_row(6, license="CC-BY-ND", observer="eve")])


def model_of(directory: Path, **rows: list[IndexRow]) -> TrainedModel:
    for split, of_split in rows.items():
        for number, row in enumerate(of_split):
            write_index([row], index_file(directory / "index", split, number, len(of_split)))
    (directory / "taxonomy").mkdir()
    (directory / "taxonomy" / "taxonomy.csv").write_text(TAXONOMY_CSV)
    return TrainedModel(
        run="ladybirds",
        execution_id=3,
        trained_at=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
        blessed=True,
        pushed=(),
        indexes=(directory / "index",),
        set_aside=(),
        taxonomies=(directory / "taxonomy",),
    )


def csv_of(model: TrainedModel, *splits: str) -> str:
    file = io.StringIO(newline="")
    with open_credits(model, splits) as reader:
        write_csv(reader.by_taxon(), file)
    return file.getvalue()


def page_of(model: TrainedModel, markup: object) -> str:
    file = io.StringIO(newline="")
    with open_credits(model, ["train"]) as reader:
        write_page(markup, "Photo credits of <x>", ["4 photos"], reader.by_holder(), file)
    return file.getvalue()


def test_csv_is_sorted_by_taxon_then_photo_and_quoted(model: TrainedModel) -> None:
    site = "https://www.inaturalist.org"
    url = "https://photos.example.org/photos"
    quoted = '"O\'Neil, ""Bo"" <b>*x*</b>\r\nLtd"'
    nc = "CC-BY-NC,https://creativecommons.org/licenses/by-nc/4.0/"
    assert csv_of(model, "train") == (
        "split,photo_id,photo_page,photo_url,observation,observer,rights_holder,license,"
        "license_url,taxon_id,taxon_name\n"
        f"train,4,{site}/photos/4,{url}/4/medium.jpg,{site}/observations/1004,ada,,CC0,"
        "https://creativecommons.org/publicdomain/zero/1.0/,52,Adalia bipunctata\n"
        f"train,5,{site}/photos/5,javascript:alert(1),{site}/observations/1005,bo,{quoted},"
        f"{nc},52,Adalia bipunctata\n"
        f"train,9,{site}/photos/9,{url}/9/medium.jpg,{site}/observations/{UUID},bo,{quoted},"
        f"{nc},51,Coccinella septempunctata\n"
        "train,30,,,,,,,,99,\n"
    )


def test_ids_that_may_not_be_inaturalists_are_not_linked(model: TrainedModel) -> None:
    last = csv_of(model, "train").splitlines()[-1]
    assert last == "train,30,,,,,,,,99,"


def test_splits_are_listed_together(model: TrainedModel) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_of(model, "train", "val"), newline="")))
    assert [(row["split"], row["photo_id"]) for row in rows] == [
        ("train", "4"),
        ("train", "5"),
        ("val", "6"),
        ("train", "9"),
        ("train", "30"),
    ]


letters = st.characters(codec="utf-8", exclude_characters="\0")
texts = st.none() | st.text(letters, max_size=12) | st.sampled_from(["<i>", "http://a'\"> <b"])
credits = st.builds(
    Credit,
    st.just("train"),
    st.integers(1, 99),
    *([texts] * 7),
    st.integers(1, 99),
    texts,
)


@given(st.lists(credits, max_size=4))
def test_any_reader_of_csv_gets_back_what_was_written(rows: list[Credit]) -> None:
    file = io.StringIO(newline="")
    write_csv(rows, file)

    read = list(csv.reader(io.StringIO(file.getvalue(), newline=""), strict=True))

    assert read[0] == list(Credit._fields)
    assert read[1:] == [["" if cell is None else str(cell) for cell in row] for row in rows]


@settings(max_examples=30)
@given(st.lists(credits, max_size=4))
def test_whatever_a_name_holds_html_has_only_our_tags(rows: list[Credit]) -> None:
    file = io.StringIO(newline="")
    write_page(HTML, "x", [], [HolderCredit(row.creator, 1, row) for row in rows], file)
    tags = Tags()
    tags.feed(file.getvalue().partition("</head>")[2])

    assert tags.names <= {"body", "h1", "h2", "ul", "li", "a"}
    assert tags.attributes <= {"href", "rel"}
    assert all(address.startswith(("http://", "https://")) for address in tags.addresses)


class Tags(HTMLParser):
    """Collects what a browser would take for markup."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses |= {value or "" for name, value in attrs if name == "href"}

    def handle_comment(self, data: str) -> None:
        self.names.add("comment")

    def handle_pi(self, data: str) -> None:
        self.names.add("processing instruction")


def test_markdown_page(model: TrainedModel) -> None:
    site = "https://www.inaturalist.org"
    url = "https://photos.example.org/photos"
    nc = "[CC-BY-NC](<https://creativecommons.org/licenses/by-nc/4.0/>)"
    zero = "[CC0](<https://creativecommons.org/publicdomain/zero/1.0/>)"
    assert page_of(model, MARKDOWN) == (
        "# Photo credits of \\<x\\>\n\n"
        "4 photos\n"
        "\n"
        '## O\'Neil, "Bo" \\<b\\>\\*x\\*\\</b\\> Ltd (2 photos)\n\n'
        f"- Adalia bipunctata, [photo 5](<{site}/photos/5>), picture, "
        f"[observation](<{site}/observations/1005>), observed by bo, {nc}\n"
        f"- Coccinella septempunctata, [photo 9](<{site}/photos/9>), "
        f"[picture](<{url}/9/medium.jpg>), [observation](<{site}/observations/{UUID}>), "
        f"observed by bo, {nc}\n"
        "\n"
        "## ada (1 photo)\n\n"
        f"- Adalia bipunctata, [photo 4](<{site}/photos/4>), [picture](<{url}/4/medium.jpg>), "
        f"[observation](<{site}/observations/1004>), observed by ada, {zero}\n"
        "\n"
        "## Creator not known (1 photo)\n\n"
        "- taxon 99, photo 30, no licence known\n"
    )


def test_html_page(model: TrainedModel) -> None:
    head, _, body = page_of(model, HTML).partition("<body>\n")
    site = "https://www.inaturalist.org"
    url = "https://photos.example.org/photos"

    def link(text: str, to: str) -> str:
        return f'<a href="{to}" rel="noopener">{text}</a>'

    nc = link("CC-BY-NC", "https://creativecommons.org/licenses/by-nc/4.0/")
    zero = link("CC0", "https://creativecommons.org/publicdomain/zero/1.0/")
    assert "<title>Photo credits of &lt;x&gt;</title>" in head
    assert "http" not in head
    assert body == (
        "<h1>Photo credits of &lt;x&gt;</h1>\n"
        "<p>4 photos</p>\n"
        "<h2>O&#x27;Neil, &quot;Bo&quot; &lt;b&gt;*x*&lt;/b&gt; Ltd (2 photos)</h2>\n"
        "<ul>\n"
        f"<li>Adalia bipunctata, {link('photo 5', f'{site}/photos/5')}, picture, "
        f"{link('observation', f'{site}/observations/1005')}, observed by bo, {nc}</li>\n"
        f"<li>Coccinella septempunctata, {link('photo 9', f'{site}/photos/9')}, "
        f"{link('picture', f'{url}/9/medium.jpg')}, "
        f"{link('observation', f'{site}/observations/{UUID}')}, observed by bo, {nc}</li>\n"
        "</ul>\n"
        "<h2>ada (1 photo)</h2>\n"
        "<ul>\n"
        f"<li>Adalia bipunctata, {link('photo 4', f'{site}/photos/4')}, "
        f"{link('picture', f'{url}/4/medium.jpg')}, "
        f"{link('observation', f'{site}/observations/1004')}, observed by ada, {zero}</li>\n"
        "</ul>\n"
        "<h2>Creator not known (1 photo)</h2>\n"
        "<ul>\n"
        "<li>taxon 99, photo 30, no licence known</li>\n"
        "</ul>\n"
        "</body>\n"
        "</html>\n"
    )


def test_address_cannot_leave_its_link(tmp_path: Path) -> None:
    url = 'https://x/"><script>alert(1)</script> )>\n'
    model = model_of(tmp_path, train=[index_row(1, photo_url=url, observer="a")])
    assert "<script" not in page_of(model, HTML)
    assert "(<https://x/%22%3E%3Cscript%3Ealert(1)%3C/script%3E%20)%3E%0A>)" in page_of(
        model, MARKDOWN
    )


def test_totals_and_summary(model: TrainedModel) -> None:
    with open_credits(model, ["train", "val"]) as reader:
        totals = reader.totals()
    assert totals == Totals(
        {"CC-BY-NC": 2, "CC0": 1, "CC-BY-ND": 1, None: 1}, num_without_creator=1, num_observers=3
    )
    assert credit_summary(totals, ["train", "val"]) == (
        "5 photos in train and val, by 3 observers\n"
        "  CC-BY-NC             2\n"
        "  no licence           1\n"
        "  CC-BY-ND             1\n"
        "  CC0                  1\n"
        "1 photo under no licence: all rights are reserved unless the creator says otherwise.\n"
        "1 photo with neither rights holder nor observer known.\n"
        "2 photos under licences that forbid commercial use (NC).\n"
        "1 photo under licences that forbid adapted versions (ND).\n"
        "Before you sell or publish the model, settle whether such photos may be in it; Fieldmark "
        "cannot."
    )


def test_summary_of_free_licences_has_no_warning() -> None:
    totals = Totals({"CC0": 1_200, "CC-BY": 30}, num_without_creator=0, num_observers=1)
    assert credit_summary(totals, ["train"]) == (
        "1,230 photos in train, by 1 observer\n  CC0         1,200\n  CC-BY          30"
    )


def test_many_strange_licences_are_summed_up() -> None:
    strange = {f"licence {number:02d}\n": 1 for number in range(15)}
    totals = Totals(strange, num_without_creator=0, num_observers=1)
    lines = credit_summary(totals, ["train"]).splitlines()
    assert lines[1] == "  licence 00                 1"
    assert lines[13] == "  3 other licences           3"


def test_export_without_credits_says_so_and_lists_all_the_same(tmp_path: Path) -> None:
    model = model_of(tmp_path, train=[index_row(1)])
    with open_credits(model, ["train"]) as reader:
        totals = reader.totals()
    assert not totals.has_credits
    assert credit_summary(totals, ["train"]) == (
        "1 photo in train\n"
        "The export carried no credits: neither licences, nor rights holders, nor observers. "
        "iNaturalist's own vision exports have none; what `fieldmark build-export` makes has them. "
        "Each photo is listed with its id and address, where its page names whom to credit."
    )
    assert (
        csv_of(model, "train")
        .splitlines()[1]
        .startswith(
            "train,1,https://www.inaturalist.org/photos/1,https://photos.example.org/photos/1/"
        )
    )


def test_split_without_photos_is_an_empty_list(tmp_path: Path) -> None:
    model = model_of(tmp_path, train=[index_row(1)])
    (model.indexes[0] / "Split-val").mkdir()
    with open_credits(model, ["val"]) as reader:
        assert credit_summary(reader.totals(), ["val"]) == "0 photos in val"
        assert list(reader.by_taxon()) == []


def test_unknown_split(model: TrainedModel) -> None:
    with pytest.raises(ConfigError) as caught, open_credits(model, ["trian"]):
        pass
    assert str(caught.value) == (
        "--splits: the model's export has no such split. It has: train, val. Received: 'trian'. "
        "Did you mean 'train'?"
    )


def test_model_without_index(model: TrainedModel) -> None:
    with (
        pytest.raises(ConfigError) as caught,
        open_credits(replace(model, indexes=()), ["train"]),
    ):
        pass
    assert str(caught.value) == (
        "The model ladybirds, execution 3 (trained 2026-05-04 03:02 UTC) was trained before "
        "Fieldmark kept an index of its photos, so whom to credit is not known. Run the pipeline "
        "again, and take the model it trains."
    )


def test_index_that_was_deleted(model: TrainedModel, tmp_path: Path) -> None:
    with (
        pytest.raises(DataError) as caught,
        open_credits(replace(model, indexes=(tmp_path / "gone",)), ["train"]),
    ):
        pass
    assert str(caught.value) == (
        f"{tmp_path}/gone: is gone: the index of the photos this model was trained on. Put it back "
        "from a copy, or run the pipeline again."
    )
