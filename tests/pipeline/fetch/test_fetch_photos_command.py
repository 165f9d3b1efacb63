from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from photo_server import PhotoServer

from pipeline.cli import fieldmark
from pipeline.commands.fetch_photos import check_urls, chosen_splits
from schemas.errors import ConfigError
from schemas.vision_export import VisionExport

MakeExport = Callable[..., VisionExport]


def run(*arguments: object) -> Any:
    """Runs the command as `main` does, and returns (exit code, output)."""
    result = CliRunner().invoke(
        fieldmark,
        ["fetch-photos", *map(str, arguments), "--rate", "100000"],
        standalone_mode=False,
    )
    assert result.exception is None, result.exception
    return result.return_value, result.stdout


def test_says_what_it_did_and_ends_with_zero(make_export: MakeExport) -> None:
    export = make_export()
    assert run(export.directory, "--splits", "val") == (
        0,
        f"2 photos fetched (0.0 MB), 0 were there already: {export.directory}/photos\n",
    )
    assert run(export.directory) == (
        0,
        f"5 photos fetched (0.0 MB), 2 were there already: {export.directory}/photos\n",
    )


def test_ends_with_one_if_some_could_not_be_fetched(
    make_export: MakeExport, server: PhotoServer
) -> None:
    export = make_export()
    server.script["/photos/2/medium.jpg"] = [(410, {}, b"")]
    assert run(export.directory) == (
        1,
        f"6 photos fetched (0.0 MB), 0 were there already: {export.directory}/photos\n"
        f"1 can never be fetched; {export.directory}/fetch_failures.csv says why. "
        "The pipeline sets them aside.\n"
        f"  photo 2: HTTP 410 ({server.url}/photos/2/medium.jpg)\n",
    )


def test_splits(make_export: MakeExport) -> None:
    export = make_export()
    assert chosen_splits(export, None) == ("train", "val")
    assert chosen_splits(export, "val, train,val") == ("val", "train")
    with pytest.raises(ConfigError) as caught:
        chosen_splits(export, "train,vall")
    assert str(caught.value) == (
        "--splits: the export has no such split. It has: train, val. Received: 'vall'. "
        "Did you mean 'val'?"
    )


def test_an_export_that_does_not_say_where_its_photos_are(make_export: MakeExport) -> None:
    directory = make_export().directory
    for split in ("train", "val"):
        (directory / f"{split}_data.csv").write_text("id,filename,labels,texts\n")
    export = VisionExport.open(directory)
    with pytest.raises(ConfigError) as caught:
        check_urls(export, ("train",), None)
    assert str(caught.value) == (
        f"{directory}/train_data.csv has no column photo_url, so where its photos are published is "
        "unknown. Give --url-prefix URL to fetch <URL>/<photo_id>/<size>.<ext>."
    )
    check_urls(export, ("train",), "http://mirror/p")
