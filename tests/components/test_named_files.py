from __future__ import annotations

import json
from pathlib import Path

from components.mobile_exporter.config import MobileExportSettings
from components.named_files import contents
from components.progressive_trainer.config import TrainerSettings
from serving.fingerprint import EXTRAS, MANIFEST_FILE


def test_settings_name_paths_and_neither_words_nor_what_is_not_read() -> None:
    assert TrainerSettings().named_files == {}
    assert TrainerSettings(base_weights="imagenet", first_base_weights="a.h5").named_files == {}
    start = {"base_weights": "last_blessed", "first_base_weights": "a.h5", "synonyms": "s.csv"}
    assert TrainerSettings.model_validate(start).named_files == {
        "trainer.first_base_weights": "a.h5",
        "trainer.synonyms": "s.csv",
    }
    assert MobileExportSettings().named_files == {}
    assert MobileExportSettings(geo_thresholds="geo.csv").named_files == {
        "mobile_export.geo_thresholds": "geo.csv"
    }


def test_no_file_has_no_contents() -> None:
    assert contents({}) == ""


def test_contents_follow_content_and_setting_and_not_the_path(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("same")
    two.write_text("same")

    assert len(contents({"a": str(one)})) == 16
    assert contents({"a": str(one)}) == contents({"a": str(two)}) != contents({"b": str(one)})
    two.write_text("other")
    assert contents({"a": str(one)}) != contents({"a": str(two)})


def test_pushed_model_counts_by_its_id(tmp_path: Path) -> None:
    extras = tmp_path / EXTRAS
    extras.mkdir()
    (tmp_path / "saved_model.pb").write_text("")

    def of_model(model_id: str, note: str) -> str:
        manifest = {"model_id": model_id, "image_size_px": 32, "num_leaves": 2, "note": note}
        manifest |= {"preprocessing": "", "signatures": []}
        (extras / MANIFEST_FILE).write_text(json.dumps(manifest))
        return contents({"trainer.base_weights": str(tmp_path)})

    assert of_model("a", "first") == of_model("a", "second") != of_model("b", "first")
