from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow.uris import ROOT_VARIABLE, map_strings, to_path, to_uri


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("minio://mlpipeline/v2/artifacts/x", "/minio/mlpipeline/v2/artifacts/x"),
        ("s3://bucket/key", "/s3/bucket/key"),
        ("gs://bucket/key", "/gcs/bucket/key"),
    ],
)
def test_paths_are_the_launchers(uri: str, path: str) -> None:
    assert to_path(uri) == path
    assert to_uri(path) == uri


@given(
    st.sampled_from(["minio", "s3", "gs"]), st.from_regex(r"[a-z0-9]+(/[^/\n]+)*", fullmatch=True)
)
def test_there_and_back(scheme: str, rest: str) -> None:
    uri = f"{scheme}://{rest}"
    assert to_uri(to_path(uri)) == uri


@given(st.text())
def test_other_texts_stay(text: str) -> None:
    if not text.startswith(("minio://", "s3://", "gs://")):
        assert to_path(text) == text


def test_a_directory_may_stand_for_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, "/sandbox/")
    assert to_path("gs://b/k") == "/sandbox/gcs/b/k"
    assert to_uri("/sandbox/gcs/b/k") == "gs://b/k"
    assert to_uri("/gcs/b/k") == "/gcs/b/k"


def test_strings_are_mapped_wherever_they_stand() -> None:
    value = {"a": ["gs://b/c", 1, None], "d": {"e": "plain"}}
    assert map_strings(value, to_path) == {"a": ["/gcs/b/c", 1, None], "d": {"e": "plain"}}
