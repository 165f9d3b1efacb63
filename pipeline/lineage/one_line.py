"""Text from an export, made safe to show: names may hold line ends and control characters.

one_line("Ada\\nLovelace")  # 'Ada Lovelace'
"""

from __future__ import annotations


def one_line(text: str) -> str:
    """Returns the text on one line, blanks joined, with "?" for what cannot be printed.

    That includes characters that reverse the direction of writing, which would show another name.
    """
    joined = " ".join(text.split())
    if joined.isprintable():
        return joined
    return "".join(character if character.isprintable() else "?" for character in joined)
