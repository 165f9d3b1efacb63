"""A compiled pipeline of two steps, small enough to read."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

IMAGE = "registry.example/fieldmark:1"
ANY = {"instanceSchema": "title: tfx.Artifact\ntype: object\n"}


def shell(script: str) -> dict[str, Any]:
    """A container that runs a script of Python; its argument is the ExecutorInput."""
    return {"container": {"image": IMAGE, "command": ["python", "-c", script], "args": ["{{$}}"]}}


def package(first: str = "", second: str = "") -> dict[str, Any]:
    """The PipelineSpec; each step runs a script."""
    return {
        "schemaVersion": "2.1.0",
        "sdkVersion": "test",
        "pipelineInfo": {"name": "tiny"},
        "defaultPipelineRoot": "minio://bucket/root",
        "root": {
            "inputDefinitions": {
                "parameters": {
                    "export_dir": {"parameterType": "STRING", "defaultValue": "/data"},
                    "export_fingerprint": {"parameterType": "STRING"},
                }
            },
            "dag": {
                "tasks": {
                    "second": {
                        "taskInfo": {"name": "second"},
                        "componentRef": {"name": "second"},
                        "dependentTasks": ["first"],
                        "cachingOptions": {"enableCache": True},
                        "inputs": {
                            "artifacts": {
                                "found": {
                                    "taskOutputArtifact": {
                                        "producerTask": "first",
                                        "outputArtifactKey": "made",
                                    }
                                }
                            }
                        },
                    },
                    "first": {
                        "taskInfo": {"name": "first"},
                        "componentRef": {"name": "first"},
                        "cachingOptions": {"enableCache": True},
                        "inputs": {
                            "parameters": {
                                "fingerprint": {"componentInputParameter": "export_fingerprint"},
                                "count": {"runtimeValue": {"constant": 3}},
                            }
                        },
                    },
                }
            },
        },
        "components": {
            "first": {
                "executorLabel": "first_executor",
                "inputDefinitions": {
                    "parameters": {
                        "fingerprint": {"parameterType": "STRING"},
                        "count": {"parameterType": "NUMBER_INTEGER"},
                    }
                },
                "outputDefinitions": {"artifacts": {"made": {"artifactType": ANY}}},
            },
            "second": {
                "executorLabel": "second_executor",
                "inputDefinitions": {"artifacts": {"found": {"artifactType": ANY}}},
                "outputDefinitions": {"artifacts": {"copied": {"artifactType": ANY}}},
            },
        },
        "deploymentSpec": {
            "executors": {"first_executor": shell(first), "second_executor": shell(second)}
        },
    }


def write(path: Path, spec: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump_all([copy.deepcopy(spec), {"platforms": {"kubernetes": {}}}]))
    return path
