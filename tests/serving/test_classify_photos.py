from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_world import paint, small_model, tiny_export

from schemas.errors import ConfigError, DataError
from schemas.taxonomy import Taxonomy
from serving.answer import answers_from_scores
from serving.classify import open_classifier
from serving.suggestions import Suggester


def test_answer_sums_up_the_tree(taxonomy: Taxonomy) -> None:
    # Classes: Strix varia, Quercus alba, Strix aluco, Quercus robur, Strigina.
    scores = np.array([0.3, 0.1, 0.4, 0.05, 0.15], np.float32)

    (answer,) = answers_from_scores(Suggester(taxonomy), ["owl.jpg"], scores[None], top=2)

    assert [(leaf.name, leaf.taxon_id, leaf.rank) for leaf in answer.leaves] == [
        ("Strix aluco", 101, "species"),
        ("Strix varia", 102, "species"),
    ]
    assert [(node.name, node.rank, round(node.score, 4)) for node in answer.lineage] == [
        ("Animalia", "kingdom", 0.85),
        ("Strigidae", "family", 0.85),
        ("Strix", "genus", 0.7),
        ("Strix aluco", "species", 0.4),
    ]


def test_ties_are_named_in_class_order(taxonomy: Taxonomy) -> None:
    scores = np.full((1, 5), 0.2, np.float32)

    (answer,) = answers_from_scores(Suggester(taxonomy), ["x"], scores, top=9)

    assert [leaf.name for leaf in answer.leaves] == taxonomy.leaf_names


def test_server_and_phone_agree(saved_model: Path, bundle_dir: Path, tmp_path: Path) -> None:
    photos = [tmp_path / f"{seed}.jpg" for seed in range(6)]
    for seed, photo in enumerate(photos):
        paint(120 + 30 * seed, 140, seed=seed).save(photo)

    server = open_classifier(saved_model).classify(photos)

    # The tiny network's scores leap with every pixel; integers are the MobileValidator's question.
    for variant in ("float32", "float16", "dynamic_range_int8"):
        phone = open_classifier(bundle_dir, variant=variant, num_threads=2).classify(photos)
        for ours, theirs in zip(server, phone, strict=True):
            assert [leaf.name for leaf in ours.leaves] == [leaf.name for leaf in theirs.leaves]
            assert [leaf.score for leaf in theirs.leaves] == pytest.approx(
                [leaf.score for leaf in ours.leaves], abs=2e-3
            )


def test_newest_version_is_taken(
    saved_model: Path, taxonomy: Taxonomy, photo_path: Path, tmp_path: Path
) -> None:
    shutil.copytree(saved_model, tmp_path / "999")
    tiny_export(small_model(seed=5), taxonomy, tmp_path / "1000")
    (tmp_path / "readme.txt").touch()

    newest = open_classifier(tmp_path)

    assert newest.source == str(tmp_path / "1000")
    assert newest.classify([photo_path]) == open_classifier(tmp_path / "1000").classify(
        [photo_path]
    )
    assert newest.classify([photo_path]) != open_classifier(tmp_path / "999").classify([photo_path])


def test_newest_bundle_and_its_default_variant(bundle_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle_dir, tmp_path / "7" / bundle_dir.name)

    assert open_classifier(tmp_path).source == str(
        tmp_path / "7" / bundle_dir.name / "model_float32.tflite"
    )


@pytest.mark.parametrize(
    ("files", "received"),
    [([], "an empty directory"), (["b", "a"], "a, b"), (list("abcdef"), "a, b, c, d, e, ...")],
)
def test_no_model_there(tmp_path: Path, files: list[str], received: str) -> None:
    for name in files:
        (tmp_path / name).touch()

    with pytest.raises(ConfigError, match=rf"No model in .* Received: {received}\. Give the dir"):
        open_classifier(tmp_path)


def test_no_directory_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Received: no directory\."):
        open_classifier(tmp_path / "gone")


def test_variant_of_a_saved_model(saved_model: Path) -> None:
    with pytest.raises(ConfigError, match=r"Only a mobile bundle has variants.*'float16'"):
        open_classifier(saved_model, variant="float16")


def test_half_a_saved_model(saved_model: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(saved_model, tmp_path / "model")
    (broken / "variables" / "variables.index").unlink()

    with pytest.raises(DataError, match="cannot be loaded as a SavedModel"):
        open_classifier(broken)


@pytest.mark.parametrize(
    ("fixture", "manifest"),
    [("saved_model", "assets.extra/fieldmark.json"), ("bundle_dir", "manifest.json")],
)
def test_calibrated_scores_of_either_model(
    fixture: str,
    manifest: str,
    photo_path: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    model = shutil.copytree(request.getfixturevalue(fixture), tmp_path / "model")
    with pytest.raises(ConfigError, match=f"{model} is not calibrated: its manifest has no"):
        open_classifier(model, calibrated=True)
    content = json.loads((model / manifest).read_text())
    (model / manifest).write_text(json.dumps({**content, "temperature": 2.0}))

    plain, calibrated = (
        open_classifier(model, calibrated=asked).classify_one(photo_path).leaves
        for asked in (False, True)
    )

    assert [leaf.taxon_id for leaf in calibrated] == [leaf.taxon_id for leaf in plain]
    roots = np.sqrt([leaf.score for leaf in plain])
    np.testing.assert_allclose([leaf.score for leaf in calibrated], roots / roots.sum(), rtol=1e-5)


def test_unreadable_photo_is_named(bundle_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"")

    with pytest.raises(DataError, match=r"bad\.jpg"):
        open_classifier(bundle_dir).classify([tmp_path / "bad.jpg"])


def test_a_bundle_answers_without_tensorflow(bundle_dir: Path, photo_path: Path) -> None:
    code = (
        "import sys; from serving.classify import open_classifier; "
        f"open_classifier({str(bundle_dir)!r}).classify([{str(photo_path)!r}]); "
        "sys.exit('tensorflow' in sys.modules)"
    )

    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
