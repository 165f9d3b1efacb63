from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[2] / "serving"))

from tiny_fixtures import bundle_dir, model, photo_path, saved_model, taxonomy

from pipeline.commands.classify import _bar, command, format_answer
from schemas.errors import ConfigError
from serving.answer import Answer, ScoredTaxon, Unread

__all__ = ["bundle_dir", "model", "photo_path", "saved_model", "taxonomy"]

OWL = Answer(
    path="owl.jpg",
    leaves=(
        ScoredTaxon(19893, "Strix aluco", "species", 0.8312),
        ScoredTaxon(41, "Asio otus", "species", 0.0521),
    ),
    lineage=(
        ScoredTaxon(1, "Animalia", "kingdom", 0.998),
        ScoredTaxon(19350, "Strigidae", "family", 0.95),
        ScoredTaxon(19893, "Strix aluco", "species", 0.8312),
    ),
)


def test_answer_for_people() -> None:
    assert format_answer(OWL) == (
        "owl.jpg\n"
        "  kingdom Animalia 100% > family Strigidae 95%\n"
        "   83.1%  Strix aluco  species, taxon 19893\n"
        "    5.2%  Asio otus    species, taxon 41"
    )


def test_long_branch_is_broken_into_lines() -> None:
    nodes = tuple(ScoredTaxon(n, f"Longnameidae{n}", "subfamily", 0.9) for n in range(12))

    text = format_answer(Answer("x.jpg", OWL.leaves, nodes))

    lines = text.splitlines()
    assert max(map(len, lines)) <= 96
    assert "".join(lines).count("Longnameidae") == 11
    assert lines[1].endswith(">")


def test_people_are_told_of() -> None:
    alone = Answer("x.jpg", OWL.leaves[:1], OWL.lineage, reason="people")
    why = "  There may be a person in this photo: no other taxon is suggested."

    assert format_answer(alone).splitlines()[:2] == ["x.jpg", why]
    assert format_answer(Answer("x.jpg", (), (), reason="people")) == f"x.jpg\n{why}"


def test_leaf_without_ancestors_has_no_branch() -> None:
    answer = Answer("x.jpg", OWL.leaves[:1], OWL.lineage[-1:])

    assert format_answer(answer).splitlines()[1].startswith("   83.1%")


@pytest.mark.parametrize("fixture", ["saved_model", "bundle_dir"])
def test_answers_for_each_photo(
    request: pytest.FixtureRequest, fixture: str, photo_path: Path
) -> None:
    model_dir = request.getfixturevalue(fixture)

    result = CliRunner().invoke(
        command, [str(photo_path), str(photo_path), "--model", str(model_dir), "--top", "2"]
    )

    assert result.exit_code == 0, result.output
    first, second = result.stdout.strip().split("\n\n")
    assert first == second
    assert first.splitlines()[0] == str(photo_path)
    assert len(first.splitlines()) == 4
    assert "taxon " in first


def test_json_has_a_line_a_photo(bundle_dir: Path, photo_path: Path) -> None:
    arguments = [str(photo_path), str(photo_path), "--model", str(bundle_dir), "--json"]

    result = CliRunner().invoke(command, [*arguments, "--variant", "float16"])

    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [answer["path"] for answer in answers] == [str(photo_path)] * 2
    assert len(answers[0]["leaves"]) == 5
    assert sum(leaf["score"] for leaf in answers[0]["leaves"]) == pytest.approx(1, abs=1e-3)
    assert set(answers[0]["lineage"][0]) == {"taxon_id", "name", "rank", "score"}
    assert answers[0]["lineage"][-1] == answers[0]["leaves"][0]


def test_bad_photo_is_reported_and_the_others_answered(
    bundle_dir: Path, photo_path: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no photo")
    arguments = [str(bad), str(tmp_path / "gone.jpg"), str(photo_path)]

    result = CliRunner().invoke(command, [*arguments, "--model", str(bundle_dir)])

    assert result.exit_code == 1
    first, second = result.stderr.splitlines()
    assert first.startswith(f"{bad}: cannot be read as a photo: ")
    assert second == f"{tmp_path / 'gone.jpg'}: does not exist. Check the path."
    assert result.stdout.splitlines()[0] == str(photo_path)


def test_wrong_model_is_the_users_error(photo_path: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(photo_path), "--model", str(tmp_path)])

    assert isinstance(result.exception, ConfigError)  # the top-level command prints it, exit 2
    assert f"No model in {tmp_path}" in str(result.exception)


def test_unknown_variant(bundle_dir: Path, photo_path: Path) -> None:
    result = CliRunner().invoke(
        command, [str(photo_path), "--model", str(bundle_dir), "--variant", "int4"]
    )

    assert isinstance(result.exception, ConfigError)
    assert "dynamic_range_int8, full_int8. Received: 'int4'" in str(result.exception)


def test_a_terminal_is_shown_how_many_photos_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        with _bar(iter([Unread(f"{n}.jpg", "is empty.") for n in range(16)]), 16) as shown:
            assert len(list(shown)) == 16
        on_terminal = isinstance(stream, Terminal)
        assert ("8/16" in stream.getvalue()) == ("16/16" in stream.getvalue()) == on_terminal


def test_folder_goes_to_a_file_and_is_taken_up(
    bundle_dir: Path, photo_path: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "photos", tmp_path / "answers.csv"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(photo_path.read_bytes())
    (folder / "b.jpg").write_bytes(b"no photo")
    arguments = [str(folder), "--model", str(bundle_dir), "--out", str(out)]

    first = CliRunner().invoke(command, arguments)
    (folder / "c.jpg").write_bytes(photo_path.read_bytes())
    second = CliRunner().invoke(command, [*arguments, "--resume"])

    assert (first.exit_code, second.exit_code) == (1, 0)
    assert first.stdout == f"1 photos classified: {out}; 1 could not be read\n"
    assert second.stdout == f"1 photos classified: {out} (2 stood there already)\n"
    assert [line.partition(",")[0] for line in out.read_text().splitlines()] == [
        "photo",
        *(str(folder / name) for name in ("a.jpg", "b.jpg", "c.jpg")),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--resume"],
            "--resume goes on with a file of answers, and none is named. Add --out FILE",
        ),
        (
            ["--json", "--out", "a.csv"],
            "--json prints, and --out writes to a.csv. Leave --json out",
        ),
    ],
)
def test_options_that_would_do_nothing_are_refused(options: list[str], message: str) -> None:
    result = CliRunner().invoke(command, ["owl.jpg", "--model", "gone", *options])

    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_name_that_is_no_utf8_is_printed(
    bundle_dir: Path, photo_path: Path, tmp_path: Path, options: list[str]
) -> None:
    for name in (b"caf\xe9.jpg", b"no-\xe9-photo.jpg"):
        (tmp_path / os.fsdecode(name)).write_bytes(
            photo_path.read_bytes() if name.startswith(b"caf") else b""
        )

    result = CliRunner().invoke(command, [str(tmp_path), "--model", str(bundle_dir), *options])

    assert result.exit_code == 1, result.exception
    assert r"/caf\udce9.jpg" in result.stdout
    assert r"/no-\udce9-photo.jpg: cannot be read as a photo" in result.stderr
    if options:
        assert json.loads(result.stdout)["path"] == str(tmp_path / os.fsdecode(b"caf\xe9.jpg"))
