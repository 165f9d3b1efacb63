"""Settings of the anomaly gate."""

from __future__ import annotations

from schemas.settings import Settings


class ValidationSettings(Settings):
    """What happens when the records are not as the schema says."""

    fail_on_anomalies: bool = True
    """Stop the run before training if ExampleValidator finds an anomaly; else only say so."""
