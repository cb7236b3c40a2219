"""Questions with fresh numbers: generators that draw, compute and explain small exercises.

A generator is one card (``detection/~iou-two-boxes``); each of its questions carries the seed that made it
(``detection/~iou-two-boxes#7``), so that the same id always brings back the same question.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from grader.model import Question
from grader.questions.generated import (
    anomalies,
    attention,
    boxes,
    captions,
    counting,
    dense,
    distances,
    fields,
    futures,
    holes,
    lanes,
    losses,
    masks,
    motion,
    pyramids,
    ranking,
    sizes,
    upscaling,
)
from grader.questions.generated.form import Generator

__all__ = ["GENERATORS", "Generator", "make"]

_THEMES = (
    *(sizes, fields, pyramids, counting, attention, losses),
    *(boxes, masks, ranking, dense, distances, motion),
    *(lanes, futures, anomalies),
    *(upscaling, captions, holes),
)
GENERATORS: tuple[Generator, ...] = tuple(found for theme in _THEMES for found in theme.GENERATORS)
_BY_ID = {generator.id: generator for generator in GENERATORS}


def make(generator_id: str, seed: int | None = None) -> Question:
    """Make the question of a generator (``track/~name``) for a seed.

    Without a seed it is read from the id of a question, ``track/~name#seed``. Raises ``KeyError`` for a
    generator that does not exist and ``ValueError`` for an id without a seed.
    """
    card, _, tail = generator_id.partition("#")
    if card not in _BY_ID:
        raise KeyError(f"There is no generator '{card}'; grader.questions.generated.GENERATORS lists them.")
    if seed is None:
        if not tail.isdecimal():
            raise ValueError(f"'{generator_id}' names no seed; write '{card}#7' or pass one.")
        seed = int(tail)
    # The card is part of the seed, so that generators do not draw alike; text seeds are stable everywhere.
    question = _BY_ID[card].make(Random(f"{card}#{seed}"))
    return replace(question, id=f"{card}#{seed}")
