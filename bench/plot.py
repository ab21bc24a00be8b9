"""A plot of the rates as SVG: a group of bars for each cell, on a logarithmic scale. No library."""

from __future__ import annotations

import math
from typing import Any

COLOURS = {"snakepit": "#2e7d32", "zmq_proxy": "#1565c0", "lru_broker": "#ef6c00", "push_pull": "#9e9e9e"}
BAR, GAP, LEFT, TOP, HEIGHT, LABELS = 14, 22, 80, 50, 320, 90


def plot_rates(report: dict[str, Any]) -> str:
    """The text of the SVG file."""
    cells = report["cells"]
    systems = [name for name in COLOURS if any(name in cell for cell in cells)]
    rates = [cell[name]["per_second"] for cell in cells for name in systems if name in cell]
    low, high = math.floor(math.log10(min(rates))), math.ceil(math.log10(max(rates)))
    high = max(high, low + 1)
    group = len(systems) * BAR + GAP
    width = LEFT + len(cells) * group + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{TOP + HEIGHT + LABELS}" '
        'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="18" font-size="14">Round trips per second, logarithmic</text>',
    ]
    for number, name in enumerate(systems):
        parts.append(f'<rect x="{LEFT + number * 100}" y="28" width="10" height="10" fill="{COLOURS[name]}"/>')
        parts.append(f'<text x="{LEFT + number * 100 + 14}" y="37">{name}</text>')
    for power in range(low, high + 1):
        y = TOP + HEIGHT * (high - power) / (high - low)
        parts.append(f'<line x1="{LEFT}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10**power:,}</text>')
    for place, cell in enumerate(cells):
        parts += _draw_group(cell, systems, LEFT + GAP / 2 + place * group, low, high)
    return "\n".join([*parts, "</svg>", ""])


def _draw_group(cell: dict[str, Any], systems: list[str], x: float, low: int, high: int) -> list[str]:
    parts = []
    for number, name in enumerate(systems):
        if name not in cell:
            continue
        rate = cell[name]["per_second"]
        size = HEIGHT * (math.log10(rate) - low) / (high - low)
        parts.append(
            f'<rect x="{x + number * BAR:.1f}" y="{TOP + HEIGHT - size:.1f}" width="{BAR - 2}" height="{size:.1f}" '
            f'fill="{COLOURS[name]}"><title>{name}: {rate:,.0f}/s</title></rect>'
        )
    lines = (f"{cell['payload']} B", cell["transport"], f"window {cell['window']}", f"{cell['workers']} workers")
    middle = x + len(systems) * BAR / 2
    for number, text in enumerate(lines):
        parts.append(f'<text x="{middle:.1f}" y="{TOP + HEIGHT + 18 + 14 * number}" text-anchor="middle">{text}</text>')
    return parts
