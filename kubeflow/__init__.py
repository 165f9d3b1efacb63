"""The same pipeline, compiled for Kubeflow Pipelines. Nothing is here yet but the room."""
