"""HTML and SVG elements, made of text that may hold anything.

The law: whatever is not Markup is text, and is escaped; so no name of a taxon, a photo or a file
can leave its place.

    >>> element("text", "<b>", x=3.0, text_anchor="end")
    Markup('<text x="3" text-anchor="end">&lt;b&gt;</text>')
"""

from __future__ import annotations

from markupsafe import Markup, escape

Attribute = str | float | None


def element(name: str, *children: str, **attributes: Attribute) -> Markup:
    """Returns an element.

    Args:
        name: of the element.
        children: Markup as it is, other text escaped.
        attributes: by name, "_" for "-", and none at the end ("class_"); None leaves one out.
    """
    opening = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{opening}>{Markup('').join(children)}</{name}>")


def _value(value: str | float) -> str:
    # A tenth of a pixel is enough for a drawing, and pages stay small.
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
