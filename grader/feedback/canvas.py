"""Rectangles in characters: corners to scale, lines between them, a label in the upper left corner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Box = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Canvas:
    """A window on the plane, with as many characters as it has room for."""

    left: float
    top: float
    across: float
    """Characters per unit in x."""
    down: float
    """Lines per unit in y."""
    columns: int
    rows: int

    @classmethod
    def around(cls, boxes: Sequence[Box], columns: int, rows: int) -> Canvas:
        """Return the canvas that shows all boxes in so many columns and rows, true to their proportions."""
        left, top = min(b[0] for b in boxes), min(b[1] for b in boxes)
        wide = max(max(b[2] for b in boxes) - left, 1e-9)
        high = max(max(b[3] for b in boxes) - top, 1e-9)
        # A character is about twice as high as it is wide.
        unit = min((columns - 1) / (2 * wide), (rows - 1) / high, 4.0)
        across, down = 2 * unit, unit
        return cls(left, top, across, down, round(wide * across) + 1, round(high * down) + 1)

    def draw(self, boxes: Sequence[tuple[str, Box]]) -> list[str]:
        """Return the lines of a drawing of labelled boxes, later ones over earlier ones."""
        cells = [[" "] * self.columns for _ in range(self.rows)]
        for _, (x1, y1, x2, y2) in boxes:
            a, b = self._at(x1, y1)
            c, d = self._at(x2, y2)
            for x in range(a, c + 1):
                cells[b][x] = cells[d][x] = "─"
            for y in range(b, d + 1):
                cells[y][a] = cells[y][c] = "│"
            cells[b][a], cells[b][c], cells[d][a], cells[d][c] = "┌", "┐", "└", "┘"
            if a == c or b == d:
                cells[b][a] = cells[d][c] = "•"
        for label, (x1, y1, _, _) in boxes:
            x, y = self._at(x1, y1)
            # Boxes that share a corner get their labels one after the other.
            while x < self.columns and cells[y][x].isalnum():
                x += 1
            for turn, letter in enumerate(label):
                if x + turn < self.columns:
                    cells[y][x + turn] = letter
        return ["".join(row).rstrip() for row in cells]

    def _at(self, x: float, y: float) -> tuple[int, int]:
        return round((x - self.left) * self.across), round((y - self.top) * self.down)
