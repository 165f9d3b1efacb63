"""Curves of accuracy against training time as a small SVG, a line a training.

Path("curves.svg").write_text(svg({"fixed": [[(40.0, 0.2), (80.0, 0.4)]], "journal": [...]}))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 26, 34
COLOURS = ("#555555", "#d1495b", "#2a7f9e", "#6a994e", "#b07d2b")

Curve = Sequence[tuple[float, float]]


def svg(arms: Mapping[str, Sequence[Curve]], title: str) -> str:
    """Returns an SVG document.

    Args:
        arms: of each arm its trainings, each as (seconds, accuracy 0..1) in order of time.
        title: stands above the curves.
    """
    points = [point for curves in arms.values() for curve in curves for point in curve]
    longest_secs = max(point[0] for point in points)
    highest = min(1.0, -(-max(point[1] for point in points) // 0.1) * 0.1)

    def place(secs: float, accuracy: float) -> tuple[float, float]:
        x = LEFT + (WIDTH - LEFT - RIGHT) * secs / longest_secs
        return x, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * accuracy / highest

    parts = [_text(LEFT, 16, title, bold=True)]
    for tenth in range(round(highest * 10) + 1):
        y = place(0, tenth / 10)[1]
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e4e4e4"/>')
        parts.append(_text(LEFT - 6, y + 4, f"{tenth * 10} %", anchor="end"))
    for secs in range(0, int(longest_secs) + 1, _round_step(longest_secs)):
        parts.append(_text(place(secs, 0)[0], HEIGHT - 18, str(secs), anchor="middle"))
    parts.append(_text(WIDTH - RIGHT, HEIGHT - 4, "training seconds", anchor="end"))
    for (name, curves), colour, row in zip(arms.items(), COLOURS, range(len(arms)), strict=False):
        for curve in curves:
            line = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in curve)
            parts.append(
                f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
            )
        y = HEIGHT - BOTTOM - 12 - 15 * (len(arms) - 1 - row)
        parts.append(_text(WIDTH - RIGHT - 6, y, name, anchor="end", colour=colour, bold=True))
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{inside}\n</svg>\n'
    )


def _round_step(longest: float) -> int:
    """Of 10, 20, 50, 100, ... the smallest that gives at most 8 marks."""
    return next(
        step * 10**power
        for power in range(1, 9)
        for step in (1, 2, 5)
        if longest / (step * 10**power) <= 8
    )


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    colour: str = "#333",
    bold: bool = False,
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"'
    weight = ' font-weight="bold"' if bold else ""
    return f"<text {place}{weight}>{text}</text>"
