from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import load_config, presets
from schemas.errors import ConfigError


@pytest.mark.parametrize("preset", ["demo", "full", "ladybirds", "molluscs"])
def test_every_preset_is_complete_and_carries_its_command(preset: str) -> None:
    config = load_config(preset)
    assert config.name == preset
    text = Path("pipeline/presets", f"{preset}.yaml").read_text()
    assert f"fieldmark run {preset} --export" in text


def test_presets_are_the_four_that_the_docs_name() -> None:
    assert presets() == ["demo", "full", "ladybirds", "molluscs"]


@pytest.mark.parametrize("preset", ["ladybirds", "molluscs", "full"])
def test_batches_of_gpu_presets_divide_among_eight_replicas(preset: str) -> None:
    from components.progressive_trainer.schedule import stages

    config = load_config(preset)
    for stage in stages(config.trainer.schedule, num_photos=100_000):
        assert stage.global_batch % 8 == 0
    assert config.trainer.eval_batch % 8 == 0


def test_override_reads_yaml_values_and_goes_last() -> None:
    config = load_config(
        "demo",
        overrides=["trainer.seed=7", "evaluation.splits=[val, test]"],
        export_dir="elsewhere",
    )
    assert config.trainer.seed == 7
    assert config.evaluation.splits == ("val", "test")
    assert config.export_dir == "elsewhere"


def test_file_starts_from_a_preset_and_replaces_a_schedule_whole(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "base: ladybirds\nname: mine\ntrainer:\n  schedule:\n    stages:\n"
        "      - {image_size_px: 96, global_batch: 8, epochs: 1, learning_rate: 0.1}\n"
    )
    config = load_config(str(path))
    assert config.name == "mine"
    assert config.trainer.network == "efficientnetv2_b0"
    assert config.trainer.schedule.linear is None
    assert config.trainer.schedule.stages is not None
    assert config.trainer.schedule.stages[0].image_size_px == 96


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "trainr.seed=1",
            "demo: trainr: unknown setting. Allowed: name, export_dir, taxa_file, work_dir, "
            "push_to, export, selection, duplicates, validation, transform, trainer, evaluation, "
            "mobile_export, mobile_validation, kubeflow, beam_args. Did you mean 'trainer'?",
        ),
        (
            "trainer.schedule.linear.stages=0",
            "demo: trainer.schedule.linear.stages: Input should be greater than or equal to 1. "
            "Received: 0.",
        ),
        ("seed", "--set takes key=value, such as trainer.seed=3. Received: 'seed'."),
        ("name.x=1", "--set name.x=1: 'name' is a value, not a group of settings."),
    ],
)
def test_faulty_override_is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config("demo", overrides=[override])
    assert str(error.value) == message


def test_stages_and_linear_together_are_refused() -> None:
    stage = "{image_size_px: 32, global_batch: 1, epochs: 1, learning_rate: 1}"
    with pytest.raises(ConfigError, match="takes one of `stages`, `linear` and `preset`"):
        load_config("demo", overrides=[f"trainer.schedule.stages=[{stage}]"])


def test_unknown_config_lists_the_presets_and_the_closest() -> None:
    with pytest.raises(ConfigError) as error:
        load_config("ladybird")
    assert str(error.value) == (
        "No preset and no YAML file is called 'ladybird'. "
        "Presets: demo, full, ladybirds, molluscs. Did you mean 'ladybirds'?"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not YAML: "),
        ("- a\n", "must hold settings by name, such as 'name: molluscs'. Received: ['a']."),
        ("base: demmo\n", "base: no such preset. Allowed: demo, full, ladybirds, molluscs."),
    ],
)
def test_faulty_file_is_refused_by_name(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_config(str(path))
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_beam_never_reaches_for_a_runner_to_download() -> None:
    for preset in presets():
        args = load_config(preset).beam_args
        assert any(arg.startswith("--runner=") for arg in args)
        assert "--runner=PrismRunner" not in args
        # DirectRunner tries Prism first, unless it is told to use processes of its own.
        if "--runner=DirectRunner" in args:
            assert "--direct_running_mode=multi_processing" in args


def test_a_head_of_a_low_rank_is_not_lowered_again() -> None:
    with pytest.raises(ConfigError, match="fact256_dynamic_range_int8 would lower the rank of a"):
        load_config("full", overrides=["trainer.head_rank=256"])


def test_the_phones_default_must_be_exported() -> None:
    with pytest.raises(
        ConfigError, match=r"fact64_float16 is none of mobile_export\.variants \(fl"
    ):
        load_config("demo", overrides=["mobile_validation.default_variant=fact64_float16"])


def test_a_schedule_must_end_at_the_size_that_the_phone_asks_for() -> None:
    load_config("molluscs", overrides=["mobile_validation.input_px=299"])

    with pytest.raises(
        ConfigError,
        match=r"input_px: the models must take 299 px, but trainer\.schedule ends at 288 px",
    ):
        load_config("ladybirds", overrides=["mobile_validation.input_px=299"])
