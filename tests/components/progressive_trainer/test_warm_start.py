from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.progressive_trainer.networks import build_network
from components.progressive_trainer.warm_start import (
    in_words,
    warm_start,
    write_head_mapping,
)
from schemas.errors import ConfigError
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy
from serving.saved_model import export_saved_model, is_exported_model

pytestmark = pytest.mark.usefixtures("thin_network")

OLD = (
    "parent_taxon_id,taxon_id,rank_level,leaf_class_id,name\n,5,20,,Genus\n5,51,10,1,Ga\n"
    "5,52,10,0,Gb\n"
)
NEW = (
    "parent_taxon_id,taxon_id,rank_level,leaf_class_id,name\n,5,20,,Genus\n,9,20,3,Other\n"
    "5,51,10,0,Ga\n5,53,10,1,Gc\n5,54,10,2,Gd\n"
)


def taxonomy(folder: Path, text: str) -> Taxonomy:
    (folder / "taxonomy.csv").write_text(text)
    return read_taxonomy(folder / "taxonomy.csv")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[np.ndarray]]:
    folder = tmp_path_factory.mktemp("old")
    model = build_network("small", num_leaves=2, base_weights="none")
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 0.5, weight.shape) for weight in model.get_weights()])
    directory = folder / "model"
    export_saved_model(
        model, taxonomy(folder, OLD), image_size_px=32, directory=directory, manifest={}
    )
    return str(directory), model.get_weights()


def test_backbone_is_taken_over_and_rows_go_by_taxon(
    exported: tuple[str, list[np.ndarray]], tmp_path: Path
) -> None:
    directory, old = exported
    model = build_network("small", num_leaves=4, base_weights="none")
    fresh = model.get_weights()
    new = taxonomy(tmp_path, NEW)

    sources = warm_start(model, new, directory, synonyms={52: (53,)})

    weights = model.get_weights()
    for ours, theirs in zip(weights[:-2], old[:-2], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    kernel, old_kernel = weights[-2], old[-2]
    np.testing.assert_array_equal(kernel[:, 0], old_kernel[:, 1])
    np.testing.assert_array_equal(kernel[:, 1], old_kernel[:, 0])
    np.testing.assert_allclose(kernel[:, 2], old_kernel.mean(axis=1), atol=1e-6)
    np.testing.assert_array_equal(kernel[:, 3], fresh[-2][:, 3])
    assert in_words(sources) == "same 1, synonym 1, relatives 1, new 1"
    write_head_mapping(sources, new, tmp_path / "head_mapping.csv")
    assert (tmp_path / "head_mapping.csv").read_text() == (
        "leaf_class_id,taxon_id,name,from,by_taxon_id,rows\n"
        "0,51,Ga,same,51,1\n"
        "1,53,Gc,synonym,52,1\n"
        "2,54,Gd,relatives,5,2\n"
        "3,9,Other,new,0,0\n"
    )


def test_full_head_starts_from_a_low_rank_one(tmp_path: Path) -> None:
    old = build_network("small", num_leaves=2, base_weights="none", head_rank=3)
    tree = taxonomy(tmp_path, OLD)
    directory = str(tmp_path / "model")
    export_saved_model(old, tree, image_size_px=32, directory=directory, manifest={})
    model = build_network("small", num_leaves=2, base_weights="none")

    warm_start(model, tree, directory, synonyms={})

    photos = np.random.default_rng(1).uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(model(photos), old(photos), atol=1e-5)


def test_other_backbone_is_refused(exported: tuple[str, list[np.ndarray]], tmp_path: Path) -> None:
    directory, old = exported
    model = build_network("mobilenet_025", num_leaves=4, base_weights="none")
    with pytest.raises(ConfigError) as error:
        warm_start(model, taxonomy(tmp_path, NEW), directory, synonyms={})
    assert str(error.value).startswith(
        f"trainer.base_weights: the model in {directory} is not a mobilenet_025: it has "
        f"{len(old) - 2} weights of a backbone where "
    )
    assert str(error.value).endswith("Set trainer.network to the network that it was trained with.")


def test_only_a_saved_model_is_one(exported: tuple[str, list[np.ndarray]], tmp_path: Path) -> None:
    assert is_exported_model(exported[0])
    assert not is_exported_model(str(tmp_path))
    assert not is_exported_model("imagenet")
