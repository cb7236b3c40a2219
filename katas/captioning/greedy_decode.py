"""Greedy decoding of a batch of captions.

A caption is written word by word: the decoder gives scores for the next word, you take the highest,
and feed it back in. A whole batch is decoded together, and its captions end at different times.

* step(tokens, state) -> (logits, state) is one step of the decoder for all rows: tokens [B] (long) are
  the words just written, logits [B, V] the scores of the next ones. It works on all B rows at every
  call, and needs as many tokens. (The decoder you are graded with is a toy: a row of its state is at one
  of a few places, a word leads from place to place, and each place has its scores.)
* state is whatever the decoder has to remember. Do not look inside: hand step the state you were given
  first, and from then on the one that the call before returned.
* The first tokens are bos in every row. Each next word is the one with the highest score.
* A row that has written eos has ended: from then on it writes eos, whatever the scores say. What is fed
  back for it does not matter to the other rows.
* Decoding stops as soon as every row has written eos, and after max_len words in any case.

The result is long [B, L]: the words written, without bos. L is the number of words of the longest
caption, its eos included, so L <= max_len; shorter captions are filled up with eos. A caption that was
cut off at max_len has no eos. max_len is at least 1, and so is B. No gradients are asked for.

Example: with bos = 1 and eos = 2, one image gets the caption 5 7 2 and the other 4 2. The result is
[[5, 7, 2], [4, 2, 2]], after three calls of step. With max_len = 2 it is [[5, 7], [4, 2]].
"""

from collections.abc import Callable

import torch
from jaxtyping import Int64
from torch import Tensor


def greedy_decode(
    step: Callable, state: object, bos: int, eos: int, max_len: int, B: int
) -> Int64[Tensor, "b l"]:
    """Return the words that the decoder finds best one by one, a row for each image."""
    raise NotImplementedError
