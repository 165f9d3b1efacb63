"""A page taken apart: well nested or not, its tables, texts, pictures and everything it loads."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "img", "input", "br"}
LOADING = {"src", "href", "data", "action", "poster", "srcset"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class ParsedPage(HTMLParser):
    """Parses a page; raises where an element is closed that is not open."""

    page: str
    elements: list[Element] = field(default_factory=list)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[Element] = []
        self._rows: list[list[str]] = []
        self._caption = ""
        self.feed(self.page)
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag == "table":
            self._rows = []
        if tag == "tr":
            self._rows.append([])
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        element = self._open.pop()
        assert element.name == tag, f"</{tag}> closes <{element.name}>"
        if tag == "caption":
            self._caption = element.text
        if tag in ("td", "th"):
            self._rows[-1].append(" ".join(element.text.split()))
        if tag == "table":
            self.tables[self._caption] = self._rows

    def handle_data(self, data: str) -> None:
        names = [element.name for element in self._open]
        if "svg" in names and ("td" in names or "th" in names):
            return
        for element in self._open:
            element.text += data

    def named(self, name: str) -> list[Element]:
        return [element for element in self.elements if element.name == name]

    def loaded(self) -> list[str]:
        """Whatever the page would fetch or lead to, but anchors of its own and data."""
        found = [
            value
            for element in self.elements
            for key, value in element.attributes.items()
            if key in LOADING
        ]
        return [value for value in found if not value.startswith(("#", "data:image/jpeg;base64,"))]
