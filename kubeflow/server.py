"""The Kubeflow Pipelines server that runs are submitted to: found, and known to be of version 2.

client = connect("https://kubeflow.museum.org", namespace="nature")
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from schemas.errors import FieldmarkError

TIMEOUT_SECS = 20
API = "/apis/v2beta1"
OLD_API = "/apis/v1beta1"


class ServerError(FieldmarkError):
    """The server cannot be reached, or refuses."""


def connect(host: str, *, namespace: str | None = None, token: str | None = None) -> Any:
    """Returns a `kfp.Client`.

    Args:
        host: URL of the server, with http:// or https://.
        namespace: of the user, where the installation has several.
        token: bearer token, where the server asks for one.

    Raises:
        ServerError: if no Kubeflow Pipelines 2 answers there.
    """
    if not host.startswith(("http://", "https://")):
        raise ServerError(f"--host takes a URL such as http://localhost:8080. Received: {host!r}.")
    host = host.rstrip("/")
    _check_version(host, token)
    # Importing kfp costs seconds, and the checks above are free.
    import kfp

    with _quiet(), said_for_people(host):
        return kfp.Client(host=host, namespace=namespace or "kubeflow", existing_token=token)


def _check_version(host: str, token: str | None) -> None:
    answer = _health(host, API, token)
    if answer.status_code in (401, 403):
        raise ServerError(
            f"{host} wants to know who you are (HTTP {answer.status_code}). "
            "Give a token with --token-file FILE."
        )
    if answer.ok and _is_json(answer):
        return
    old = _health(host, OLD_API, token)
    if old.ok and _is_json(old):
        raise ServerError(
            f"{host} runs Kubeflow Pipelines 1 ({old.json().get('tag_name', 'no version')}). "
            "Fieldmark's pipelines need version 2; ask for an upgrade of the server."
        )
    raise ServerError(
        f"{host} answers, but not as Kubeflow Pipelines 2 (HTTP {answer.status_code} for "
        f"{API}/healthz). Give the URL of Kubeflow Pipelines itself: behind Kubeflow's dashboard "
        f"that is {host}/pipeline."
    )


def _health(host: str, api: str, token: str | None) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        return requests.get(f"{host}{api}/healthz", headers=headers, timeout=TIMEOUT_SECS)
    except requests.RequestException as error:
        raise ServerError(
            f"{host} cannot be reached ({type(error).__name__}). Is the cluster up, and the port "
            "forwarded? For one on this machine: "
            "kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80"
        ) from error


def _is_json(answer: requests.Response) -> bool:
    return "json" in answer.headers.get("Content-Type", "")


@contextmanager
def said_for_people(host: str) -> Iterator[None]:
    """Turns errors of kfp's client into one line.

    Raises:
        ServerError: if the block fails in the client or the connection.
    """
    import kfp_server_api
    from urllib3.exceptions import HTTPError

    try:
        yield
    except kfp_server_api.ApiException as error:
        text = str(error.body or error.reason or "").strip()
        raise ServerError(f"{host} refuses (HTTP {error.status}): {text[:2000]}") from error
    except HTTPError as error:
        raise ServerError(f"{host} was lost: {error}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """kfp's client prints notices about itself."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


quiet = _quiet
"""For calls of the client that print."""
