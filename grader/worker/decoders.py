"""Toy decoders that a kata hands to search: a language model of a few states, and what reorders its rows.

Both are modules whose tables are buffers, so they cross to the worker as the layers of torch.nn do.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]


class NextWord(nn.Module):
    """Answers ``step(tokens [n], state) -> (logits [n, vocab], state)``: a finite automaton over words.

    A row of the state is the automaton's place and the number of steps taken. A step goes from place p by
    word t to place ``moves[p, t]`` and returns the ``logits`` of the place it arrives at.
    """

    def __init__(self, places: int, vocab: int) -> None:
        super().__init__()
        self.places, self.vocab = places, vocab
        self.logits: Tensor
        self.moves: Tensor
        self.register_buffer("logits", torch.zeros(places, vocab))
        self.register_buffer("moves", torch.zeros(places, vocab, dtype=torch.long))

    def forward(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one step with a word for every row."""
        at, taken = state
        if not isinstance(tokens, Tensor) or tokens.dtype != torch.long or tokens.dim() != 1:
            raise ValueError(f"step takes long tokens of shape [n], one per row; got {_told(tokens)}")
        if len(tokens) != len(at):
            raise ValueError(f"step got {len(tokens)} tokens with a state of {len(at)} rows")
        at = self.moves[at, tokens]
        return self.logits[at], (at, taken + 1)

    def begin(self, at: Tensor) -> State:
        """Return the state before the first word, a row for each of these places [n]."""
        return at, torch.zeros_like(at)


class PickRows(nn.Module):
    """Answers ``reorder(state, rows [m]) -> state``: row i of the new state is row rows[i] of the old one."""

    def forward(self, state: State, rows: Tensor) -> State:
        """Pick, repeat and drop rows."""
        if not isinstance(rows, Tensor) or rows.dtype != torch.long or rows.dim() != 1:
            raise ValueError(f"reorder takes long rows of shape [m]; got {_told(rows)}")
        at, taken = state
        return at[rows], taken[rows]


def _told(value: object) -> str:
    return f"{value.dtype} {list(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
