from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.fingerprint import export_fingerprint
from pipeline.machine import gpu_count
from pipeline.plan import describe_plan
from schemas.errors import ConfigError
from schemas.vision_export import VisionExport


def test_plan_says_photos_taxa_stages_and_devices(tiny_export: Path) -> None:
    plan = describe_plan(load_config("demo"), VisionExport.open(tiny_export), devices="1 GPU")
    assert "photos     120 (train " in plan
    assert "of which 6 leaves (Insecta)" in plan
    assert "devices    1 GPU" in plan
    assert "1. 64 px, batch 48" in plan
    assert "3. 128 px, batch 24" in plan


def test_split_that_the_export_lacks_is_refused(tiny_export: Path) -> None:
    config = load_config("demo", overrides=["evaluation.splits=[validation]"])
    with pytest.raises(ConfigError) as error:
        describe_plan(config, VisionExport.open(tiny_export), devices="1 GPU")
    assert str(error.value) == (
        "evaluation.splits: the export has no split 'validation'. It has: train, val, test."
    )


def test_fingerprint_changes_with_a_photo_a_row_or_the_taxonomy(
    tiny_export: Path, tmp_path: Path
) -> None:
    import shutil

    export_dir = tmp_path / "export"
    shutil.copytree(tiny_export, export_dir)

    def fingerprint() -> str:
        return export_fingerprint(VisionExport.open(export_dir), photo_size="medium")

    seen = {fingerprint()}
    assert fingerprint() in seen
    photo = next((export_dir / "photos").rglob("*.jpg"))
    photo.write_bytes(photo.read_bytes() + b"\0")
    seen.add(fingerprint())
    rows = (export_dir / "train_data.csv").read_text().splitlines()
    (export_dir / "train_data.csv").write_text("\n".join(rows[:-1]) + "\n")
    seen.add(fingerprint())
    taxonomy = export_dir / "taxonomy.csv"
    taxonomy.write_text(taxonomy.read_text().replace("Coccinellidae", "Coccinellidea"))
    seen.add(fingerprint())
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("visible", "count"), [(None, 2), ("0", 1), ("0,1,2", 2), ("", 0), ("-1", 0)]
)
def test_gpus_are_counted_as_cuda_will_see_them(
    visible: str | None, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu_count(tmp_path) == count
