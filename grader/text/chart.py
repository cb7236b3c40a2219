"""Small charts for the terminal, with and without Unicode."""

from __future__ import annotations

from collections.abc import Sequence

_LEVELS = " ▁▂▃▄▅▆▇█"
_PLAIN = " .:-=+*#@"


def spark(values: Sequence[float], *, most: float | None = None, unicode: bool = True) -> str:
    """Return one sign for each value, as high as its share of the greatest; what is not zero shows."""
    signs = _LEVELS if unicode else _PLAIN
    top = max([*values, most or 0.0], default=0.0)
    if top <= 0:
        return signs[0] * len(values)
    steps = len(signs) - 1
    return "".join(
        signs[0 if value <= 0 else max(1, round(min(1.0, value / top) * steps))] for value in values
    )


def bar(share: float, width: int, *, unicode: bool = True) -> str:
    """Return a bar that fills a share of its width."""
    full = round(max(0.0, min(1.0, share)) * width)
    return ("█" if unicode else "#") * full + ("░" if unicode else ".") * (width - full)
