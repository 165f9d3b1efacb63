r"""Names of files in text that is UTF-8, though some names are not.

A disk of long ago holds names in Latin-1. Python keeps a byte that is no UTF-8 as half a surrogate
pair, which no file and no terminal takes.

Law: `from_text(to_text(name)) == name`, but for a name that spells such an escape out itself.

    to_text("caf\udce9.jpg")       # r"caf\udce9.jpg", which JSON reads as the name again
    from_text(r"caf\udce9.jpg")    # "caf\udce9.jpg", which opens the file
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\udc([89a-f][0-9a-f])")


def to_text(text: str) -> str:
    r"""Returns text with each byte that is no UTF-8 written as `\udc80` to `\udcff`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def from_text(text: str) -> str:
    """Returns the name that `to_text` wrote."""
    return _ESCAPE.sub(lambda found: chr(0xDC00 + int(found[1], 16)), text)
