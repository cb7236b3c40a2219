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

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "Which two things does the loop have to carry from one step to the next, besides the words so far? And "
    "when may the whole batch stop?",
    "Keep a boolean per row: has it ended? Ended rows get eos instead of their best word, and the loop ends "
    "when all of them are true, not the first.",
    "Start with B times bos. At each step: scores and state from step, the best word per row, eos where the "
    "row ended before, append, mark the rows that wrote eos just now, stop if none is left. Stack the steps.",
)


def greedy_decode(
    step: Callable, state: object, bos: int, eos: int, max_len: int, B: int
) -> Int64[Tensor, "b l"]:
    """Return the words that the decoder finds best one by one, a row for each image."""
    tokens = torch.full((B,), bos)
    ended = torch.zeros(B, dtype=torch.bool)
    written = []
    while len(written) < max_len and not ended.all():
        logits, state = step(tokens, state)
        tokens = logits.argmax(-1).masked_fill(ended, eos)
        ended |= tokens == eos
        written.append(tokens)
    return torch.stack(written, dim=1)


@right("with Python lists, each row on its own")
def listed(step, state, bos, eos, max_len, B):
    rows = [[] for _ in range(B)]
    last = [bos] * B
    for _ in range(max_len):
        logits, state = step(torch.tensor(last), state)
        for b in range(B):
            over = rows[b] and rows[b][-1] == eos
            last[b] = eos if over else int(logits[b].argmax())
            rows[b].append(last[b])
        if all(row[-1] == eos for row in rows):
            break
    return torch.tensor(rows)


@right("into a block of eos, cut to the longest caption at the end")
def blocked(step, state, bos, eos, max_len, B):
    out = torch.full((B, max_len), eos, dtype=torch.long)
    tokens, live, used = out.new_full((B,), bos), torch.ones(B, dtype=torch.bool), 0
    for t in range(max_len):
        scores, state = step(tokens, state)
        tokens = torch.where(live, scores.softmax(-1).max(-1).indices, eos)
        out[:, t] = tokens
        used = t + 1
        live = live & (tokens != eos)
        if not live.any():
            break
    return out[:, :used]


@right("that decodes to the end and trims afterwards")
def trimmed(step, state, bos, eos, max_len, B):
    tokens, out = torch.full((B, 1), bos, dtype=torch.int64), []
    for _ in range(max_len):
        logits, state = step(tokens[:, -1], state)
        tokens = torch.cat([tokens, logits.topk(1).indices], dim=1)
    out = tokens[:, 1:].clone()
    for row in out:
        at = (row == eos).nonzero()
        if len(at):
            row[at[0, 0] :] = eos
    longest = int(((out != eos).sum(1) + 1).clamp(max=max_len).max())
    return out[:, :longest]


@right("with recursion")
def recursive(step, state, bos, eos, max_len, B):
    def more(tokens, state, ended, left):
        if left == 0 or bool(ended.all()):
            return []
        logits, state = step(tokens, state)
        best = torch.argmax(logits, dim=1)
        best = torch.where(ended, torch.full_like(best, eos), best)
        return [best, *more(best, state, ended | (best == eos), left - 1)]

    start = torch.tensor([bos] * B)
    return torch.stack(more(start, state, torch.tensor([False] * B), max_len)).T


@wrong("stops as soon as the first row has ended")
def first_ends(step, state, bos, eos, max_len, B):
    tokens, ended, written = torch.full((B,), bos), torch.zeros(B, dtype=torch.bool), []
    while len(written) < max_len and not ended.any():
        logits, state = step(tokens, state)
        tokens = logits.argmax(-1)
        ended |= tokens == eos
        written.append(tokens)
    return torch.stack(written, dim=1)


@wrong("stops only when all rows write eos at the same step")
def together(step, state, bos, eos, max_len, B):
    tokens, written = torch.full((B,), bos), []
    for _ in range(max_len):
        logits, state = step(tokens, state)
        tokens = logits.argmax(-1)
        written.append(tokens)
        if (tokens == eos).all():
            break
    return torch.stack(written, dim=1)


@wrong("lets a row that has ended go on writing words")
def goes_on(step, state, bos, eos, max_len, B):
    tokens, ended, written = torch.full((B,), bos), torch.zeros(B, dtype=torch.bool), []
    while len(written) < max_len and not ended.all():
        logits, state = step(tokens, state)
        tokens = logits.argmax(-1)
        ended |= tokens == eos
        written.append(tokens)
    return torch.stack(written, dim=1)


@wrong("hands step the first state every time")
def stateless(step, state, bos, eos, max_len, B):
    tokens, ended, written = torch.full((B,), bos), torch.zeros(B, dtype=torch.bool), []
    while len(written) < max_len and not ended.all():
        logits, _ = step(tokens, state)
        tokens = logits.argmax(-1).masked_fill(ended, eos)
        ended |= tokens == eos
        written.append(tokens)
    return torch.stack(written, dim=1)


@wrong("feeds bos again at every step instead of the word just written")
def same_word(step, state, bos, eos, max_len, B):
    tokens, ended, written = torch.full((B,), bos), torch.zeros(B, dtype=torch.bool), []
    while len(written) < max_len and not ended.all():
        logits, state = step(torch.full((B,), bos), state)
        tokens = logits.argmax(-1).masked_fill(ended, eos)
        ended |= tokens == eos
        written.append(tokens)
    return torch.stack(written, dim=1)


@wrong("returns the captions with bos in front")
def with_bos(step, state, bos, eos, max_len, B):
    return torch.cat([torch.full((B, 1), bos), greedy_decode(step, state, bos, eos, max_len, B)], dim=1)


@wrong("always writes max_len words, filled up with eos")
def to_the_end(step, state, bos, eos, max_len, B):
    found = greedy_decode(step, state, bos, eos, max_len, B)
    return torch.nn.functional.pad(found, (0, max_len - found.shape[1]), value=eos)


@wrong("counts bos as one of the max_len words, so long captions are a word short")
def one_short(step, state, bos, eos, max_len, B):
    return greedy_decode(step, state, bos, eos, max(max_len - 1, 1), B)


@wrong("writes one word more than max_len when captions do not end")
def one_long(step, state, bos, eos, max_len, B):
    return greedy_decode(step, state, bos, eos, max_len + 1, B)


@wrong("drops the final eos of the longest caption")
def no_eos(step, state, bos, eos, max_len, B):
    found = greedy_decode(step, state, bos, eos, max_len, B)
    return found[:, :-1] if found.shape[1] > 1 and (found[:, -1] == eos).all() else found


@wrong("fills captions that have ended with 0 instead of eos")
def zeros_after(step, state, bos, eos, max_len, B):
    found = greedy_decode(step, state, bos, eos, max_len, B)
    after = (found == eos).long().cumsum(1) - (found == eos).long() > 0
    return found.masked_fill(after, 0)


@wrong("takes 2 for eos, whatever number it has")
def fixed_eos(step, state, bos, eos, max_len, B):
    return greedy_decode(step, state, bos, 2, max_len, B)


@wrong("takes 1 for bos, whatever number it has")
def fixed_bos(step, state, bos, eos, max_len, B):
    return greedy_decode(step, state, 1, eos, max_len, B)


@wrong("returns a word per row and per step with the steps first")
def steps_first(step, state, bos, eos, max_len, B):
    return greedy_decode(step, state, bos, eos, max_len, B).T


@wrong("chooses the word with the lowest score")
def worst(step, state, bos, eos, max_len, B):
    return greedy_decode(lambda t, s: _negated(step(t, s)), state, bos, eos, max_len, B)


@wrong("samples words instead of taking the best")
def sampled(step, state, bos, eos, max_len, B):
    tokens, ended, written = torch.full((B,), bos), torch.zeros(B, dtype=torch.bool), []
    while len(written) < max_len and not ended.all():
        logits, state = step(tokens, state)
        tokens = torch.multinomial(logits.softmax(-1), 1)[:, 0].masked_fill(ended, eos)
        ended |= tokens == eos
        written.append(tokens)
    return torch.stack(written, dim=1)


@wrong("skips the first word: the result of feeding bos is thrown away")
def skips_first(step, state, bos, eos, max_len, B):
    logits, state = step(torch.full((B,), bos), state)
    tokens = logits.argmax(-1)
    ended, written = tokens == eos, []
    while len(written) < max_len and not ended.all():
        logits, state = step(tokens, state)
        tokens = logits.argmax(-1).masked_fill(ended, eos)
        ended |= tokens == eos
        written.append(tokens)
    return torch.stack(written or [tokens], dim=1)


@wrong("never lets a caption end with its first word")
def at_least_two(step, state, bos, eos, max_len, B):
    tokens, ended, written = torch.full((B,), bos), torch.zeros(B, dtype=torch.bool), []
    while len(written) < max_len and not ended.all():
        logits, state = step(tokens, state)
        if not written:
            logits = logits.clone()
            logits[:, eos] = float("-inf")
        tokens = logits.argmax(-1).masked_fill(ended, eos)
        ended |= tokens == eos
        written.append(tokens)
    return torch.stack(written, dim=1)


@wrong("never writes bos, even where it has the highest score")
def bans_bos(step, state, bos, eos, max_len, B):
    def banned(tokens, state):
        logits, state = step(tokens, state)
        logits = logits.clone()
        logits[:, bos] = float("-inf")
        return logits, state

    return greedy_decode(banned, state, bos, eos, max_len, B)


@wrong("gives the words as floats")
def floats(step, state, bos, eos, max_len, B):
    return greedy_decode(step, state, bos, eos, max_len, B).float()


@wrong("decides for the whole batch: the first row's end ends the others")
def first_row(step, state, bos, eos, max_len, B):
    found = greedy_decode(step, state, bos, eos, max_len, B)
    ends = (found[0] == eos).nonzero()
    return found[:, : int(ends[0, 0]) + 1] if len(ends) else found


def _negated(answer):
    return -answer[0], answer[1]
