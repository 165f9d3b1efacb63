"""The report: one HTML page that needs nothing beside it.

The law: the page loads nothing from anywhere, and shows what the artifacts say as text, whatever
they hold. It is a function of its sources and provenance alone.

    Path("report.html").write_text(render(sources, provenance))
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from components.report.blocks import Section
from components.report.evaluation_tables import EvaluationTables
from components.report.sections.data import data_section
from components.report.sections.errors import errors_section
from components.report.sections.evaluation import evaluation_section
from components.report.sections.phone import phone_section
from components.report.sections.provenance import provenance_section
from components.report.sections.taxa import PAIRS_READ, PROBLEMS_SHOWN, taxa_section
from components.report.sections.training import training_section
from components.report.sections.verdict import verdict_section
from components.report.sources import Provenance, Sources, read_json
from components.report.taxon_names import TaxonNames
from components.report.thumbnails import confident_errors, thumbnails
from components.taxon_evaluator.judgement import VERDICT_FILE
from components.taxon_evaluator.tables.table_files import PROBLEMS_FILE
from schemas.record import TAXONOMY_FILE
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy
from serving.checked_bundle import BUNDLE_MANIFEST, find_bundle
from serving.fingerprint import EXTRAS, MANIFEST_FILE

PAGE_FILE = "report.html"
MOBILE_REPORT_FILE = "mobile_report.json"

NO_BREAK_SPACE = "\u00a0"

TEMPLATES = Path(__file__).parent / "templates"


def render(sources: Sources, provenance: Provenance) -> str:
    """Returns the page.

    Args:
        sources: what it shows.
        provenance: where that comes from.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = unbroken
    # Ours, and no data: they stand in the page as they are.
    style, script = (Markup((TEMPLATES / name).read_text()) for name in ("page.css", "page.js"))
    return environment.get_template("page.html").render(
        title=f"Report of {provenance.pipeline}",
        written=provenance.written,
        sections=sections(sources, provenance),
        style=style,
        script=script,
    )


def unbroken(text: str) -> str:
    """Returns a figure that is broken between its value and its interval, and nowhere else."""
    return text.replace(" ", NO_BREAK_SPACE).replace(f"{NO_BREAK_SPACE}(", " (")


def sections(sources: Sources, provenance: Provenance) -> list[Section]:
    """Returns the sections in order.

    Args:
        sources: what they show.
        provenance: where that comes from.
    """
    taxonomy = read_taxonomy(sources.taxonomy / TAXONOMY_FILE)
    tables = EvaluationTables(sources.evaluation) if sources.evaluation else None
    verdict = read_json(tables.directory if tables else None, VERDICT_FILE)
    phone = read_json(sources.mobile_report, MOBILE_REPORT_FILE)
    manifest = read_json(sources.model / EXTRAS if sources.model else None, MANIFEST_FILE)
    bundle = find_bundle(sources.bundle) if sources.bundle else None
    where = f"{provenance.artifacts.get('evaluation', 'the evaluation')}/tables"
    found = [
        verdict_section(
            verdict, sources.model_blessed, tables.overall if tables else {}, phone, sources.pushes
        ),
        data_section(sources, taxonomy),
        training_section(sources.history),
        evaluation_section(tables, verdict),
        taxa_section(tables, taxonomy, where),
        _errors(tables, sources, taxonomy),
        phone_section(phone),
        provenance_section(provenance, manifest, read_json(bundle, BUNDLE_MANIFEST)),
    ]
    return [section for section in found if section is not None]


def _errors(
    tables: EvaluationTables | None, sources: Sources, taxonomy: Taxonomy
) -> Section | None:
    if tables is None or not sources.examples:
        return None
    problems = tables.rows(PROBLEMS_FILE, PROBLEMS_SHOWN) if tables.has(PROBLEMS_FILE) else []
    errors = confident_errors(tables.confusions(PAIRS_READ), problems)
    pictures = thumbnails(errors, sources.photo_index, sources.examples)
    return errors_section(pictures, TaxonNames(taxonomy))


def templates_hash() -> str:
    """Returns 16 hex digits over the page's template, style and script: code that is no Python."""
    digest = hashlib.sha256()
    for path in sorted(TEMPLATES.iterdir()):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
