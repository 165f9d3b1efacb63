"""Credits as CSV, quoted as RFC 4180 says: for programs, a row a photo, sorted by taxon.

write_csv(reader.by_taxon(), sys.stdout)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TextIO

from pipeline.lineage.credit import Credit

_NEEDS_QUOTES = re.compile(r'[",\r\n]')


def write_csv(credits: Iterable[Credit], file: TextIO) -> None:
    """Writes a header and a row a photo; an empty cell is what is not known.

    Args:
        credits: in the order to write.
        file: opened with newline="".
    """
    file.write(",".join(Credit._fields) + "\n")
    for credit in credits:
        file.write(",".join(map(_cell, credit)) + "\n")


def _cell(value: object) -> str:
    # Python's own writer leaves a bare carriage return unquoted where lines end with "\n".
    text = "" if value is None else str(value)
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if _NEEDS_QUOTES.search(text) else text
