"""Licences by the codes that iNaturalist writes, whatever a format calls them.

>>> license_code("", "http://creativecommons.org/licenses/by-nc/4.0/")
'CC-BY-NC'
>>> license_code("Attribution-NonCommercial License", "")
'CC-BY-NC'
"""

from __future__ import annotations

import re

_LICENSE_URL = re.compile(r"creativecommons\.org/licenses/([a-z-]+)", re.IGNORECASE)
_PUBLIC_DOMAIN_URLS = {
    "creativecommons.org/publicdomain/zero": "CC0",
    "creativecommons.org/publicdomain/mark": "PD",
}
_CLAUSES = (
    ("-NC", re.compile(r"non-?commercial", re.IGNORECASE)),
    ("-SA", re.compile(r"share-?alike", re.IGNORECASE)),
    ("-ND", re.compile(r"no-?deriv", re.IGNORECASE)),
)


def license_code(name: str, url: str) -> str:
    """Returns the code that a licence's address or else its name says.

    A name that says none is returned without its commas.
    """
    if match := _LICENSE_URL.search(url):
        return f"CC-{match[1].upper()}"
    for part, code in _PUBLIC_DOMAIN_URLS.items():
        if part in url:
            return code
    if name.lower().startswith("attribution"):
        return "CC-BY" + "".join(code for code, word in _CLAUSES if word.search(name))
    return name.replace(",", "") or url.replace(",", "")
