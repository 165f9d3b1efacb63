"""Credits for people: a page grouped by creator, in Markdown or HTML.

Whatever a name holds, it is shown as text: it can neither format the page nor run in it, and only
http and https addresses become links.

    write_page(MARKDOWN, "Photo credits of ladybirds", ["4,185 photos"], reader.by_holder(), file)
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TextIO
from urllib.parse import quote

from pipeline.lineage.credit import Credit, HolderCredit
from pipeline.lineage.one_line import one_line

UNKNOWN_HOLDER = "Creator not known"

_MARKDOWN_SIGNS = re.compile(r"([\\`*_\[\]<>&|~#])")
_URL_SIGNS = ":/?#[]@!$&'()*+,;=%~"

_HTML_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 54em; margin: 2em auto; padding: 0 1em;
  overflow-wrap: anywhere; }}
h1 {{ font-size: 1.6em; line-height: 1.25; }}
h2 {{ font-size: 1.05em; margin: 1.75em 0 .25em; border-bottom: 1px solid #8886; }}
ul {{ margin: 0; padding: 0; list-style: none; }}
li {{ padding: .1em 0 .1em 1em; text-indent: -1em; }}
a {{ text-decoration: none; white-space: nowrap; }}
a:hover, a:focus {{ text-decoration: underline; }}
</style>
</head>
<body>
<h1>{title}</h1>
"""


class Markup(Protocol):
    """How a page is written; all arguments but those named `markup` are plain text."""

    def text(self, text: str) -> str:
        """Returns text as the page shows it."""

    def link(self, text: str, url: str) -> str:
        """Returns a link; the text alone if it leads nowhere safe."""

    def head(self, title: str, paragraphs: Sequence[str]) -> str:
        """Returns the beginning of a page."""

    def group(self, name: str, items_markup: Iterable[str]) -> Iterable[str]:
        """Yields a heading and its list."""

    def foot(self) -> str:
        """Returns the end of a page."""


@dataclass(frozen=True)
class Markdown:
    """CommonMark."""

    def text(self, text: str) -> str:
        """See `Markup`."""
        return _MARKDOWN_SIGNS.sub(r"\\\1", one_line(text))

    def link(self, text: str, url: str) -> str:
        """See `Markup`."""
        return f"[{self.text(text)}](<{_safe(url)}>)" if _is_web(url) else self.text(text)

    def head(self, title: str, paragraphs: Sequence[str]) -> str:
        """See `Markup`."""
        return "\n\n".join([f"# {self.text(title)}", *map(self.text, paragraphs)]) + "\n"

    def group(self, name: str, items_markup: Iterable[str]) -> Iterable[str]:
        """See `Markup`."""
        yield f"\n## {self.text(name)}\n\n"
        for item in items_markup:
            yield f"- {item}\n"

    def foot(self) -> str:
        """See `Markup`."""
        return ""


@dataclass(frozen=True)
class Html:
    """A page that loads nothing from elsewhere."""

    def text(self, text: str) -> str:
        """See `Markup`."""
        return html.escape(one_line(text))

    def link(self, text: str, url: str) -> str:
        """See `Markup`."""
        if not _is_web(url):
            return self.text(text)
        return f'<a href="{html.escape(_safe(url))}" rel="noopener">{self.text(text)}</a>'

    def head(self, title: str, paragraphs: Sequence[str]) -> str:
        """See `Markup`."""
        body = "".join(f"<p>{self.text(paragraph)}</p>\n" for paragraph in paragraphs)
        return _HTML_HEAD.format(title=self.text(title)) + body

    def group(self, name: str, items_markup: Iterable[str]) -> Iterable[str]:
        """See `Markup`."""
        yield f"<h2>{self.text(name)}</h2>\n<ul>\n"
        for item in items_markup:
            yield f"<li>{item}</li>\n"
        yield "</ul>\n"

    def foot(self) -> str:
        """See `Markup`."""
        return "</body>\n</html>\n"


MARKDOWN, HTML = Markdown(), Html()


def write_page(
    markup: Markup,
    title: str,
    paragraphs: Sequence[str],
    credits: Iterable[HolderCredit],
    file: TextIO,
) -> None:
    """Writes a page, a creator after the other as they come.

    Args:
        markup: MARKDOWN or HTML.
        title: of the page.
        paragraphs: what stands above the credits.
        credits: those of one creator in a row.
        file: where to.
    """
    file.write(markup.head(title, paragraphs))
    groups = itertools.groupby(credits, key=lambda item: (item.holder, item.num_photos))
    for (holder, num_photos), items in groups:
        photos = "1 photo" if num_photos == 1 else f"{num_photos:,} photos"
        name = f"{UNKNOWN_HOLDER if holder is None else holder} ({photos})"
        file.writelines(markup.group(name, (_item(markup, item.credit) for item in items)))
    file.write(markup.foot())


def _item(markup: Markup, credit: Credit) -> str:
    taxon = credit.taxon_name or f"taxon {credit.taxon_id}"
    parts = [markup.text(taxon), _linked(markup, f"photo {credit.photo_id}", credit.photo_page)]
    if credit.photo_url is not None:
        parts.append(markup.link("picture", credit.photo_url))
    if credit.observation is not None:
        parts.append(markup.link("observation", credit.observation))
    if credit.observer is not None:
        parts.append(markup.text(f"observed by {credit.observer}"))
    parts.append(_linked(markup, credit.license or "no licence known", credit.license_url))
    return ", ".join(parts)


def _linked(markup: Markup, text: str, url: str | None) -> str:
    return markup.text(text) if url is None else markup.link(text, url)


def _is_web(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def _safe(url: str) -> str:
    return quote(url, safe=_URL_SIGNS)
