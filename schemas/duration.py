"""A time span in words.

>>> duration(200)
'3 min 20 s'
"""

from __future__ import annotations


def duration(secs: float) -> str:
    """Returns seconds as "8 s", "3 min 20 s" or "2 h 5 min"."""
    whole = round(secs)
    if whole < 60:
        return f"{secs:.1f} s" if secs < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
