"""The docs are held to the code: commands, settings and files that they name exist."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.cli import COMMANDS
from pipeline.config import presets
from pipeline.settings_reference import reference

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def test_settings_page_is_what_the_code_says() -> None:
    page = (REPOSITORY / "docs" / "configuration.md").read_text()
    assert page == reference(), "Run: python -m pipeline.settings_reference > docs/configuration.md"


def test_every_setting_has_a_meaning() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    for row in rows:
        meaning = row.rstrip(" |").rpartition(" | ")[2]
        assert meaning.endswith((".", ")")), row


def test_commands_in_the_docs_exist_and_every_command_is_in_the_readme() -> None:
    for page in PAGES:
        for name in re.findall(r"(?:^|[`/ ])fieldmark ([a-z][a-z-]+)", page.read_text(), re.M):
            assert name in COMMANDS, f"{page.name}: fieldmark {name}"
    readme = (REPOSITORY / "README.md").read_text()
    for name in COMMANDS:
        assert f"fieldmark {name}" in readme


def test_settings_in_the_readme_exist() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    known = reference()
    for key in re.findall(r"--set '?([a-z0-9_.]+)=", readme):
        assert f"`{key}" in known, key


def test_every_preset_is_in_the_readme() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in presets())


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_make_targets_in_the_readme_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    readme = (REPOSITORY / "README.md").read_text()
    for target in re.findall(r"`?make ([a-z-]+)", readme):
        assert re.search(rf"^{target}:", makefile, re.M), target
