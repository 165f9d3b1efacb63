"""The whole way, as a user goes it: run, look at what was pushed, run again, change something."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import forked
import numpy as np
import pytest
from tiny_run import REPOSITORY, STEPS, TinyRun, versions
from tiny_run import environment as ours

from serving.saved_model import load_manifest

pytestmark = [pytest.mark.pipeline, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def tiny(tiny_export: Path, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    export = tmp_path_factory.mktemp("main-job-export") / "export"
    shutil.copytree(tiny_export, export)
    return TinyRun(tmp_path_factory.mktemp("main-job"), export)


@pytest.fixture(scope="module")
def first_run(tiny: TinyRun) -> str:
    result = tiny.run()
    assert result.returncode == 0, result.stderr
    return result.stderr


def step_lines(output: str) -> dict[str, str]:
    """The line of each step, by its name."""
    found = re.findall(r"^( *\d+/\d+ (\w+) .*)$", output, re.MULTILINE)
    return {step: line for line, step in found}


def test_first_run_runs_every_step_and_says_what_it_does(first_run: str, tiny: TinyRun) -> None:
    assert "photos     120 (train" in first_run
    assert "6 leaves" in first_run
    assert "1. 32 px, batch 16" in first_run
    lines = step_lines(first_run)
    assert set(lines) == set(STEPS)
    assert all(" ran " in line and "first run" in line for line in lines.values())
    assert "compared   with none: there is no blessed model yet" in first_run
    assert "model      blessed" in first_run
    assert "phone      blessed" in first_run
    assert f"report     {tiny.root / 'report.html'}" in first_run
    page = (tiny.root / "report.html").read_text()
    assert "The model is blessed." in page
    assert "SavedModel: pushed to pushed/saved_model/" in page
    assert str(tiny.root) not in page
    assert page.count("<img ") > 0


def test_terminal_shows_nothing_of_the_libraries_and_the_log_holds_it(
    first_run: str, tiny: TinyRun
) -> None:
    for chatter in ("absl", "WARNING", "I0000", "apache_beam", "cudart"):
        assert chatter not in first_run
    log = next((tiny.root / "logs").glob("*/run.log")).read_text()
    assert "absl" in log
    # TFX would leave 52 MB of itself in the temporary directory with each Beam step.
    assert "Creating temporary sdist package" not in log
    assert str(tiny.root / "logs") in first_run


def test_pushed_saved_model_and_bundle_agree_and_the_apps_take_it(
    first_run: str, tiny: TinyRun
) -> None:
    import tensorflow as tf
    from app_answers import APPS, assert_answers_as_we_do

    from serving.app_contract import contract_faults, model_faults
    from serving.checked_bundle import load_bundle
    from serving.saved_model import load_model_taxonomy
    from serving.tflite_classifier import TFLiteClassifier

    (saved,) = versions(tiny.root / "pushed" / "saved_model")
    (version,) = versions(tiny.root / "pushed" / "mobile")
    bundle = load_bundle(version)
    model = tf.saved_model.load(str(saved))
    photo = next((tiny.export_dir / "photos").rglob("*.jpg")).read_bytes()
    served = model.signatures["predict_scores"](image=tf.constant([photo]))["scores"].numpy()
    assert served.shape == (1, 6)
    assert load_model_taxonomy(saved).num_leaves == 6
    pixels = np.random.default_rng(1).uniform(0, 255, (1, 48, 48, 3)).astype(np.float32)
    expected = model.signatures["serve_pixels"](pixels=tf.constant(pixels))["scores"].numpy()
    phone = TFLiteClassifier(bundle.model_path("float32"))
    np.testing.assert_allclose(phone.scores(pixels), expected, atol=1e-5)
    taxonomy = load_model_taxonomy(saved)
    assert contract_faults(bundle, taxonomy) == ()
    for variant in bundle.variants:
        assert model_faults(bundle, variant, taxonomy) == ()
    for app in APPS:
        assert_answers_as_we_do(app, bundle)
    # What is pushed carries what was measured, and its zip.
    assert bundle.details.default_variant is not None
    assert bundle.details.validation is not None
    assert all(entry.figures for entry in bundle.details.variants.values())
    assert bundle.directory.name.startswith("fieldmark-tiny-")
    assert (version / f"{bundle.directory.name}.zip").is_file()


def test_statistics_count_photos_as_images_and_keep_none_of_them(
    first_run: str, tiny: TinyRun
) -> None:
    from tensorflow_metadata.proto.v0 import statistics_pb2

    (file,) = (tiny.root / "artifacts").glob(
        "StatisticsGen/statistics/*/Split-train/FeatureStats.pb"
    )
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    statistics.ParseFromString(file.read_bytes())
    (image,) = [f for f in statistics.datasets[0].features if f.path.step == ["image"]]
    assert image.WhichOneof("stats") == "bytes_stats"
    # A categorical feature keeps its commonest values whole: the file would hold photos.
    assert b"JFIF" not in file.read_bytes()


def test_compiled_for_kubeflow_it_pushes_the_same_models_and_reuses_what_it_may(
    first_run: str, tiny: TinyRun, tmp_path: Path
) -> None:
    from components.pusher.identity import content_fingerprint
    from kubeflow.compile import UNCACHED, compile_pipeline
    from kubeflow.compiled import read_compiled
    from kubeflow.simulate import Simulation
    from pipeline.config import load_config

    _, config, *_ = tiny.command()
    volume = tmp_path / "volume"
    compile_pipeline(
        load_config(
            config,
            overrides=[f"kubeflow.volume.mount_path={volume}"],
            export_dir=str(tiny.export_dir),
        ),
        image="fieldmark:test",
        pipeline_root="minio://mlpipeline/root",
        export_fingerprint="f1",
    ).write(tmp_path / "pipeline.yaml")
    compiled = read_compiled(tmp_path / "pipeline.yaml")
    simulation = Simulation(tmp_path / "cluster", step_in_a_fork)
    first = simulation.run(compiled, {})
    assert set(first) == set(STEPS)
    for kind in ("saved_model", "mobile"):
        (there,) = versions(volume / "runs/tiny/pushed" / kind)
        (here,) = versions(tiny.root / "pushed" / kind)
        assert content_fingerprint(there) == content_fingerprint(here)
    blessing = first["Evaluator"].artifacts["blessing"]
    assert blessing["metadata"]["blessed"] == 1.0
    model = first["ProgressiveTrainer"].artifacts["model"]
    assert blessing["metadata"]["current_model"] == model["uri"]
    pushed = first["PushSavedModel"].artifacts["pushed_model"]
    assert pushed["metadata"]["pushed_destination"].startswith(str(volume))

    again = simulation.run(compiled, {})

    reused = {step for step, result in again.items() if result.reused}
    assert {"ExportExampleGen", "Transform", "ProgressiveTrainer", "PushMobile"} - reused <= {
        "PushMobile"  # Kubeflow takes a new blessing for another one
    }
    assert not reused & set(UNCACHED)
    assert len(versions(volume / "runs/tiny/pushed/saved_model")) == 1


def step_in_a_fork(command: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
    """Runs a container's command; made for `kubeflow.simulate.Simulation`."""
    assert list(command[:2]) == ["python", "-m"]
    code = f"from {command[2]} import main; main()"
    process = forked.Forked(
        code,
        *command[3:],
        log=log,
        environment={**ours(), **environment},
        directory=REPOSITORY,
    )
    return process.wait()


def test_identical_second_run_reuses_every_step_and_pushes_nothing(
    first_run: str, tiny: TinyRun
) -> None:
    result = tiny.run()
    assert result.returncode == 0, result.stderr
    lines = step_lines(result.stderr)
    assert set(lines) == set(STEPS)
    assert all("reused" in line for line in lines.values()), result.stderr
    assert len(versions(tiny.root / "pushed" / "saved_model")) == 1
    assert len(versions(tiny.root / "pushed" / "mobile")) == 1


def test_changed_bar_judges_again_but_does_not_push_the_same_model_again(
    first_run: str, tiny: TinyRun
) -> None:
    result = tiny.run("--set", "evaluation.min_top1=0.001")
    lines = step_lines(result.stderr)
    assert "eval_config changed" in lines["Evaluator"]
    assert "reused" in lines["ProgressiveTrainer"]
    assert " ran " in lines["PushSavedModel"]
    assert len(versions(tiny.root / "pushed" / "saved_model")) == 1


def test_bar_out_of_reach_pushes_nothing_and_says_why(first_run: str, tiny: TinyRun) -> None:
    result = tiny.run("--set", "evaluation.min_top1=1.0", "--set", "name=tiny")
    assert result.returncode == 0, result.stderr
    assert "model      NOT blessed: top1_accuracy is " in result.stderr
    assert "SavedModel: not pushed, for want of a blessing" in result.stderr
    page = (tiny.root / "report.html").read_text()
    assert "The model is NOT blessed." in page
    assert "SavedModel: not pushed, for want of a blessing." in page
    assert len(versions(tiny.root / "pushed" / "saved_model")) == 1


def test_another_training_starts_from_the_last_blessed_model_and_is_compared_with_it(
    first_run: str, tiny: TinyRun
) -> None:
    (pushed,) = versions(tiny.root / "pushed" / "saved_model")
    result = tiny.run("--set", "trainer.seed=2", "--set", "trainer.base_weights=last_blessed")
    assert result.returncode == 0, result.stderr
    assert "settings changed: base_weights, seed, new base_model" in result.stderr
    model_id = load_manifest(pushed)["model_id"]
    assert f"training starts from the last blessed model, {model_id}" in result.stderr
    assert "leaves: same 6" in result.stderr
    (mapping,) = (tiny.root / "artifacts").rglob("head_mapping.csv")
    assert mapping.read_text().count(",same,") == 6
    assert "LastBlessedModel" in result.stderr
    assert re.search(r"compared   on \d+ photos of 6 leaves: top-1 [+-]", result.stderr)
    assert len(list((tiny.root / "artifacts").rglob("pairs.parquet"))) == 1
    _, newest = versions(tiny.root / "pushed" / "saved_model")
    assert load_manifest(newest)["base_model"] == model_id
    again = tiny.run("--set", "trainer.seed=2", "--set", "trainer.base_weights=last_blessed")
    lines = step_lines(again.stderr)
    assert all("reused" in line for line in lines.values()), again.stderr
    history = sorted((tiny.root / "artifacts" / "ProgressiveTrainer" / "history").iterdir())
    assert len(history) == 2
    assert json.loads((history[-1] / "history.json").read_text())["epochs"]


def test_replaced_photo_is_read_again(first_run: str, tiny: TinyRun) -> None:
    photo = min((tiny.export_dir / "photos").rglob("*.jpg"))
    photo.write_bytes(photo.read_bytes() + b"\0")
    # That it could be killed there says that Transform ran: a step that is reused ends elsewhere.
    lines = step_lines(tiny.run_killed_at_the_ends_of(["Transform"]))
    assert "the export changed" in lines["ExportExampleGen"]
    assert "reused" in lines["ImportSchemaGen"]


def test_too_many_unusable_photos_fail_with_one_message(tiny_export: Path, tmp_path: Path) -> None:
    export = tmp_path / "export"
    shutil.copytree(tiny_export, export)
    for photo in sorted((export / "photos").rglob("*.jpg"))[:30]:
        photo.write_bytes(b"<html>not found</html>")
    result = TinyRun(tmp_path, export).run()
    assert result.returncode == 2
    error = result.stderr[result.stderr.index("Error: ") :]
    assert "photos cannot be used, and export.max_unusable_share allows 1.00%" in error
    assert "no picture: the file starts with b'<html>not fo'" in error
    assert "Traceback" not in result.stderr
