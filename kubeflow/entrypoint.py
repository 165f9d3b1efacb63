"""What each container of a compiled pipeline runs: TFX's container module, with what open-source
Kubeflow leaves out supplied (see `executor_input`).

    python -m kubeflow.entrypoint --uris=mapped --executor_class_path=... \\
      --json_serialized_invocation_args='{{$}}' --json_serialized_inputs_spec_args=... [for Beam]

With --uris=kept the URIs stay as they are, for Beam runners whose workers run elsewhere and cannot
see the launcher's paths; the pipeline root must then be one that TensorFlow and Beam both know
(gs://, or a directory of a shared volume).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from kubeflow.executor_input import Json, artifacts_in, for_kubeflow, for_tfx
from schemas.errors import ConfigError, FieldmarkError

INVOCATION = "--json_serialized_invocation_args"
INPUTS_SPEC = "--json_serialized_inputs_spec_args"
CODE_SCHEME = "code:"
"""A parameter that starts so names a file of ours, wherever the image has our code."""

MAPPED, KEPT = "mapped", "kept"
USER_ERROR_EXIT_CODE = 2


def run(arguments: Sequence[str]) -> None:
    """Runs one step.

    Args:
        arguments: of the container.
    """
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor as tfx_container

    args, rest = _parser().parse_known_args(arguments)
    map_uris = args.uris == MAPPED
    invocation = for_tfx(
        json.loads(args.json_serialized_invocation_args),
        json.loads(args.json_serialized_inputs_spec_args),
        map_uris=map_uris,
    )
    _check_parameters(invocation)
    _find_code(invocation)
    _make_directories(invocation)
    args.json_serialized_invocation_args = json.dumps(invocation)
    tfx_container.main((args, rest))
    _hand_back(Path(invocation["outputs"]["outputFile"]), map_uris=map_uris)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--uris", choices=(MAPPED, KEPT), default=MAPPED)
    parser.add_argument("--executor_class_path", required=True)
    parser.add_argument(INVOCATION, required=True)
    parser.add_argument(INPUTS_SPEC, required=True)
    return parser


def _check_parameters(invocation: Json) -> None:
    """A schedule's macro that Kubeflow left as it is would be the same in every run."""
    for key, value in invocation["inputs"].get("parameterValues", {}).items():
        if isinstance(value, str) and value.startswith("[[") and value.endswith("]]"):
            raise ConfigError(
                f"{key} is {value!r}: this installation of Kubeflow does not fill it in. Give the "
                f"schedule a value with --set {key}=VALUE."
            )


def _find_code(invocation: Json) -> None:
    root = Path(__file__).parents[1]
    values = invocation["inputs"].get("parameterValues", {})
    for key, value in values.items():
        if isinstance(value, str) and value.startswith(CODE_SCHEME):
            values[key] = str(root / value.removeprefix(CODE_SCHEME))


def _make_directories(invocation: Json) -> None:
    """The launcher makes the parents only, and TFX's executors expect the directory itself."""
    for artifact in artifacts_in(invocation["outputs"]):
        if "://" not in artifact["uri"]:
            Path(artifact["uri"]).mkdir(parents=True, exist_ok=True)


def _hand_back(output_file: Path, *, map_uris: bool) -> None:
    content = json.loads(output_file.read_text(encoding="utf-8"))
    text = json.dumps(for_kubeflow(content, map_uris=map_uris))
    output_file.write_text(text, encoding="utf-8")


def main() -> None:
    """Runs the step that the command line names."""
    try:
        run(sys.argv[1:])
    except FieldmarkError as error:
        # A log of a pod is read from its end: the one line for people stands last.
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(USER_ERROR_EXIT_CODE)


if __name__ == "__main__":
    main()
