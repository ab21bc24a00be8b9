"""What the demo prints: progress bars while it runs, tables at the end."""

import os
import sys
import time
from collections.abc import Sequence

BAR_CELLS = 40
PAINT_INTERVAL_S = 0.1


def percentile(values: Sequence[float], percent: float) -> float:
    """Give the value that percent of the values do not exceed (nearest rank); 0 for none."""
    ordered = sorted(values)
    return ordered[max(0, round(percent / 100 * len(ordered)) - 1)] if ordered else 0.0


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under a header; columns of numbers are set to the right."""
    texts = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in texts) for column in range(len(header))]
    for number, row in enumerate(texts):
        cells = [
            cell.rjust(width) if rows and isinstance(rows[0][column], int | float) else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  " + "  ".join(cells).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))


class Progress:
    """One bar per pool on a terminal that can move its cursor; elsewhere a line at each quarter."""

    def __init__(self, totals: dict[str, int]) -> None:
        self._totals = totals
        self._done = dict.fromkeys(totals, 0)
        self._began = self._painted = time.monotonic()
        self._is_terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._lines_up = 0
        self._quarters = 0

    def share(self) -> float:
        """Give the share that is done, 0.0 to 1.0."""
        return sum(self._done.values()) / sum(self._totals.values())

    def update(self, done: dict[str, int]) -> None:
        """Take how many of each pool are done, and paint when it is time."""
        self._done = done
        now = time.monotonic()
        if self._is_terminal and (now - self._painted >= PAINT_INTERVAL_S or self.share() == 1.0):
            self._painted = now
            self._paint()
        elif not self._is_terminal and int(self.share() * 4) > self._quarters:
            self._quarters = int(self.share() * 4)
            counts = ", ".join(f"{pool} {count}/{self._totals[pool]}" for pool, count in done.items())
            print(f"  {self.share():4.0%}  {counts}", flush=True)

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        if self._lines_up:
            sys.stdout.write(f"\033[{self._lines_up}A\033[J")
            self._lines_up = 0
        print(text, flush=True)

    def _paint(self) -> None:
        seconds = max(time.monotonic() - self._began, 1e-9)
        if self._lines_up:
            sys.stdout.write(f"\033[{self._lines_up}A")
        for pool, total in self._totals.items():
            done = self._done[pool]
            cells = BAR_CELLS * done // total
            bar = "█" * cells + "░" * (BAR_CELLS - cells)
            sys.stdout.write(f"\033[2K  {pool:<8} {bar} {done:>5}/{total}  {done / seconds:7.0f} tasks/s\n")
        sys.stdout.flush()
        self._lines_up = len(self._totals)
