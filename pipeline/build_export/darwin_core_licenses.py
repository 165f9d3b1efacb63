"""Licences as Darwin Core archives write them, by the codes that iNaturalist uses elsewhere.

>>> license_of("http://creativecommons.org/licenses/by-nc/4.0/")
'CC-BY-NC'
>>> license_of("CC0_1_0")                                  # GBIF's own spelling
'CC0'
>>> license_of("http://en.wikipedia.org/wiki/Copyright")   # iNaturalist's for all rights reserved

Sources: iNaturalist's `Photo::LICENSE_INFO`; GBIF's vocabulary of licences.
"""

from __future__ import annotations

import re
from functools import lru_cache

from schemas.licenses import license_code

_RESERVED = re.compile(r"all rights reserved|wiki/Copyright|\bUNSPECIFIED\b|^C$", re.IGNORECASE)
_PUBLIC_DOMAIN = re.compile(r"wiki/Public_domain|flickr\.com/commons/usage|^PD$", re.IGNORECASE)
_GBIF = re.compile(r"(CC0|CC_BY(?:_[A-Z]{2})*)_\d_\d")


@lru_cache(maxsize=1024)
def license_of(text: str) -> str | None:
    """Returns the code of a licence; None for all rights reserved, which is what none means.

    A licence that is none of Creative Commons' is returned as it is, without commas.
    """
    text = text.strip()
    if not text or _RESERVED.search(text):
        return None
    if _PUBLIC_DOMAIN.search(text):
        return "PD"
    if match := _GBIF.fullmatch(text):
        return match[1].replace("_", "-")
    return license_code(text, text)
