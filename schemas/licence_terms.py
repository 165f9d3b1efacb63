"""Licence codes as iNaturalist and the competition sets write them, and what each forbids.

licence_url("CC-BY-NC")       # 'https://creativecommons.org/licenses/by-nc/4.0/'
forbids_commerce("cc by-nc")  # True
"""

from __future__ import annotations

import re

DEFAULT_VERSION = "4.0"
"""Of Creative Commons, where a code says none: what iNaturalist offers."""

_PUBLIC_DOMAIN = {
    "CC0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "PD": "https://creativecommons.org/publicdomain/mark/1.0/",
}
_CREATIVE_COMMONS = re.compile(r"CC-(BY(?:-NC)?(?:-SA|-ND)?)(?:-(\d\.\d))?")
_RESERVED = ("C", "©", "ALL-RIGHTS-RESERVED", "COPYRIGHT")


def licence_code(text: str | None) -> str | None:
    """Returns a licence as iNaturalist writes it, upper case with hyphens; None for none.

    "All rights reserved" is no licence. A text that is no known code is returned as it is.
    """
    stripped = (text or "").strip()
    code = re.sub(r"[\s_-]+", "-", stripped).upper().removesuffix("-INT")
    if not code or code in _RESERVED:
        return None
    known = code in _PUBLIC_DOMAIN or _CREATIVE_COMMONS.fullmatch(code)
    return code if known else stripped


def licence_url(text: str | None) -> str | None:
    """Returns the address of a licence's text; None for none, or one that is not known."""
    code = licence_code(text)
    if code is None:
        return None
    if match := _CREATIVE_COMMONS.fullmatch(code):
        kind, version = match[1].lower(), match[2] or DEFAULT_VERSION
        return f"https://creativecommons.org/licenses/{kind}/{version}/"
    return _PUBLIC_DOMAIN.get(code)


def forbids_commerce(text: str | None) -> bool:
    """Returns whether a licence allows no commercial use (NC)."""
    return _has_clause(text, "NC")


def forbids_adaptation(text: str | None) -> bool:
    """Returns whether a licence allows no adapted versions to be shared (ND)."""
    return _has_clause(text, "ND")


def _has_clause(text: str | None, clause: str) -> bool:
    match = _CREATIVE_COMMONS.fullmatch(licence_code(text) or "")
    return match is not None and clause in match[1].split("-")
