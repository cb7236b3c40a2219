"""Beam search for one caption, with length normalisation.

Greedy decoding cannot take back a word. Beam search follows several captions at once and keeps the best.
Write it for one image.

* step(tokens, state) -> (logits, state) is one step of the decoder for n captions side by side: tokens [n]
  (long) are their last words, logits [n, V] the scores of the next ones, before any softmax. The state you
  are given has one row; step needs as many tokens as its state has rows, and returns a state of n rows.
  (The decoder you are graded with is a toy: a row of its state is at one of a few places, a word leads
  from place to place, and each place has its logits.)
* reorder(state, rows) picks rows of a state: rows [m] (long) may repeat some and leave others out; row i
  of the new state is row rows[i] of the old one. A caption that goes on needs the state of the caption it
  goes on from. Do not look inside a state.
* The log-probability of a caption is the sum over its words of the log-softmax of the logits, taken over
  the V words. Its score is that sum divided by length ** alpha, where length counts its words with eos and
  without bos. alpha = 0 compares the sums themselves, which favours short captions.
* A caption ends when it writes eos. bos stands before the first word; it is a word like the others if
  the decoder writes it.

The search:

1. The beam begins with one caption of no words.
2. Each step looks at all captions that have ended, as they are, and at every other one extended by each
   of the V words. Of all these the `beam` with the highest scores stay, or all if there are fewer.
   Captions that have ended take a place of the beam as long as they stay in it. They keep their scores and
   compete with captions of other lengths. What falls out of the beam is lost, ended or not.
3. It is over when every caption in the beam has ended, and after max_len steps in any case.

Return the words of the caption with the highest score in the beam, ended or not, as a list of ints,
without bos, with its eos if it has ended; and its score. beam, max_len >= 1 and alpha >= 0. beam may be
larger than V. Scores do not tie. No gradients are asked for.

Example: the words are a, b and eos. First a has probability 0.6, b 0.4; after a the next word is a, b or
eos with 0.4, 0.3, 0.3; after b it is eos with 0.9. beam = 1 and max_len = 2 give a a, with score
log(0.6 * 0.4) = -1.427; beam = 2 finds b eos, with score log(0.4 * 0.9) = -1.022.
"""

from collections.abc import Callable

import torch


def beam_search(
    step: Callable,
    state: object,
    reorder: Callable,
    bos: int,
    eos: int,
    beam: int,
    max_len: int,
    alpha: float = 0.0,
) -> tuple[list[int], float]:
    """Return the words of the best caption found, and its score."""
    raise NotImplementedError
