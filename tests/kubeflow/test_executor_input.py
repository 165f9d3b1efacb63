"""What open-source Kubeflow leaves out or writes otherwise, put right both ways."""

from __future__ import annotations

import yaml

from kubeflow.artifact_types import class_path
from kubeflow.executor_input import for_kubeflow, for_tfx

TAXONOMY = "title: fieldmark.Taxonomy\ntype: object\n"
EXAMPLES = "title: tfx.Examples\ntype: object\n"


def artifact(**more: object) -> dict[str, object]:
    return {"uri": "minio://b/root/7", "name": "7", "type": {"instanceSchema": ""}, **more}


def one(executor_input: dict, part: str, key: str) -> dict:
    (found,) = executor_input[part]["artifacts"][key]["artifacts"]
    return found


def made(
    artifact_in: dict | None = None, out: dict | None = None, *, map_uris: bool = True
) -> dict:
    given = {
        "inputs": {
            "parameterValues": {"pushed_dir": "gs://stays/as/it/is"},
            "artifacts": {"taxonomy": {"artifacts": [artifact_in or artifact()]}},
        },
        "outputs": {"artifacts": {"model": {"artifacts": [out or artifact(name="")]}}},
    }
    spec = {"artifacts": {"taxonomy": {"artifactType": {"instanceSchema": TAXONOMY}}}}
    return for_tfx(given, spec, map_uris=map_uris)


def test_input_without_a_type_gets_the_specs_with_its_import_path() -> None:
    schema = yaml.safe_load(one(made(), "inputs", "taxonomy")["type"]["instanceSchema"])
    assert schema == {"title": "components.artifacts.Taxonomy", "type": "object"}


def test_type_that_is_given_stands() -> None:
    given = artifact(type={"instanceSchema": EXAMPLES})
    kind = one(made(given), "inputs", "taxonomy")["type"]
    assert yaml.safe_load(kind["instanceSchema"])["title"] == "tfx.Examples"


def test_types_of_ours_are_found_wherever_they_are() -> None:
    assert class_path("fieldmark.NearDuplicates") == (
        "components.duplicate_gate.artifact.NearDuplicates"
    )
    assert class_path("tfx.Model") == "tfx.Model"


def test_output_without_a_name_gets_its_uri_for_one() -> None:
    assert one(made(), "outputs", "model")["name"] == "minio://b/root/7"
    assert one(made(), "inputs", "taxonomy")["name"] == "7"


def test_artifacts_and_their_metadata_are_mapped_and_parameters_are_not() -> None:
    given = artifact(metadata={"current_model": "minio://b/m", "count": 3.0})
    result = made(given)
    assert one(result, "inputs", "taxonomy")["uri"] == "/minio/b/root/7"
    assert one(result, "inputs", "taxonomy")["metadata"] == {
        "current_model": "/minio/b/m",
        "count": 3.0,
    }
    assert result["inputs"]["parameterValues"] == {"pushed_dir": "gs://stays/as/it/is"}


def test_uris_stay_where_workers_elsewhere_must_see_them() -> None:
    result = made(map_uris=False)
    assert one(result, "inputs", "taxonomy")["uri"] == "minio://b/root/7"
    assert for_kubeflow({"artifacts": {"m": {"artifacts": [{"uri": "/minio/x"}]}}}, map_uris=False)[
        "artifacts"
    ]["m"]["artifacts"] == [{"uri": "/minio/x", "metadata": {}}]


def test_wrapped_metadata_is_unwrapped() -> None:
    given = artifact(metadata={"names": {"list": ["a"]}, "of": {"struct": {"b": 1}}, "c": {"d": 2}})
    metadata = one(made(given), "inputs", "taxonomy")["metadata"]
    assert metadata == {"names": ["a"], "of": {"b": 1}, "c": {"d": 2}}


def test_output_goes_back_with_uris_and_without_nulls_and_names() -> None:
    written = {
        "artifacts": {
            "blessing": {
                "artifacts": [
                    {
                        "name": "minio://b/root/8",
                        "uri": "/minio/b/root/8",
                        "metadata": {"current_model": "/s3/b/m", "note": None, "blessed": 1.0},
                    }
                ]
            }
        },
        "parameterValues": {"x": "y"},
    }
    back = for_kubeflow(written, map_uris=True)
    assert back["parameterValues"] == {"x": "y"}
    assert back["artifacts"]["blessing"]["artifacts"] == [
        {
            "uri": "minio://b/root/8",
            "metadata": {"current_model": "s3://b/m", "blessed": 1.0},
        }
    ]
