"""The newest report at a path that stays: runs/NAME/report.html.

The law: the file there is whole at any moment; a run that is killed leaves the one before.

    keep_report(store, layout)
"""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.layout import Layout
from pipeline.store import Store

STEP, OUTPUT, PAGE = "Report", "report", "report.html"


def keep_report(store: Store, layout: Layout) -> None:
    """Copies the page of the run that has just ended well.

    Args:
        store: ML Metadata of the pipeline.
        layout: of its files.
    """
    run = store.last_good(STEP)
    assert run is not None, "the pipeline ends with the report"
    writing = layout.report.with_name(f".{layout.report.name}.unfinished")
    shutil.copyfile(Path(run.outputs[OUTPUT].uri) / PAGE, writing)
    writing.replace(layout.report)
