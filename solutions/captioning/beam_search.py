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

from grader import right, wrong

LEVEL = 4
MINUTES = 40
HINTS = (
    "What does a caption in the beam have to carry along: which words, which sum, which state? And how do "
    "you compare captions of different lengths?",
    "Add the sums [n, 1] to the log-probabilities [n, V] and look at all n * V numbers, divided by the "
    "length to the power alpha, together with the scores of the captions that have ended. From the place of "
    "a winner in the flattened table you get back its row and its word.",
    "Keep two lists: ended captions with their scores, and live ones with their sums as a tensor. After "
    "choosing the best, those that wrote eos move to the first list; for the rest build the rows they come "
    "from, reorder the state, and feed their words. A beam that starts with copies of a caption keeps them.",
)


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
    ended: list[tuple[float, list[int]]] = []
    live: list[list[int]] = [[]]
    tokens, sums = torch.tensor([bos]), torch.zeros(1)
    for length in range(1, max_len + 1):
        logits, state = step(tokens, state)
        totals = sums[:, None] + logits.log_softmax(dim=-1)  # [n, V]
        n, vocab = totals.numel(), totals.shape[1]
        ranks = torch.cat([totals.flatten() / length**alpha, totals.new_tensor([s for s, _ in ended])])
        best, places = (found.tolist() for found in ranks.topk(min(beam, len(ranks))))
        chosen = [(score, *divmod(i, vocab)) for score, i in zip(best, places, strict=True) if i < n]
        ended = [ended[i - n] for i in places if i >= n]
        ended += [(score, [*live[row], word]) for score, row, word in chosen if word == eos]
        going = [(score, row, word) for score, row, word in chosen if word != eos]
        live = [[*live[row], word] for _, row, word in going]
        scores = [score for score, _, _ in going]
        if not going:
            break
        rows, tokens = torch.tensor([row for _, row, _ in going]), torch.tensor([w for _, _, w in going])
        sums, state = totals[rows, tokens], reorder(state, rows)
    score, words = max([*ended, *zip(scores, live, strict=True)])
    return words, score


@right("with a list of captions, each with a state of its own")
def one_by_one(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    kept = [([], 0.0, state)]
    for _ in range(max_len):
        grown = []
        for words, total, own in kept:
            if words and words[-1] == eos:
                grown.append((words, total, own))
                continue
            logits, after = step(torch.tensor([words[-1] if words else bos]), own)
            for word, p in enumerate(torch.log_softmax(logits[0], 0).tolist()):
                grown.append(([*words, word], total + p, after))
        grown.sort(key=lambda item: item[1] / len(item[0]) ** alpha, reverse=True)
        kept = grown[:beam]
        if all(words[-1] == eos for words, _, _ in kept):
            break
    words, total, _ = kept[0]
    return words, total / len(words) ** alpha


@right("with full tensors: beam rows from the start, those not in use at minus infinity")
def padded(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    state = reorder(state, torch.zeros(beam, dtype=torch.long))
    words = torch.zeros(beam, 0, dtype=torch.long)
    totals = torch.full((beam,), float("-inf"))
    totals[0] = 0.0
    ended, lengths = torch.zeros(beam, dtype=torch.bool), torch.zeros(beam, dtype=torch.long)
    last = torch.full((beam,), bos)
    for _ in range(max_len):
        logits, state = step(last, state)
        logp = torch.log_softmax(logits, dim=1)
        vocab = logp.shape[1]
        # An ended caption has one heir: itself.
        frozen = torch.full_like(logp, float("-inf"))
        frozen[:, eos] = 0.0
        grown = totals[:, None] + torch.where(ended[:, None], frozen, logp)
        length = torch.where(ended, lengths, lengths + 1)
        ranks = (grown / length[:, None].to(grown.dtype) ** alpha).flatten()
        order = ranks.argsort(descending=True)[:beam]
        rows, last = order // vocab, order % vocab
        totals, lengths, state = grown.flatten()[order], length[rows], reorder(state, rows)
        words = torch.cat([words[rows], last[:, None]], dim=1)
        ended = ended[rows] | (last == eos)
        if bool((ended | totals.isinf()).all()):
            break
    scores = totals / lengths.clamp(min=1).to(totals.dtype) ** alpha
    best = int(scores.argmax())
    return words[best, : lengths[best]].tolist(), scores[best]


@right("with a class for captions and a heap")
def heaped(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    import heapq

    class Caption:
        def __init__(self, words, total):
            self.words, self.total = words, total
            self.done = bool(words) and words[-1] == eos

        @property
        def score(self):
            return self.total / max(len(self.words), 1) ** alpha

    captions, rows = [Caption((), 0.0)], [0]
    while any(not c.done for c in captions) and max(len(c.words) for c in captions) < max_len:
        open_ones = [c for c in captions if not c.done]
        fed = torch.as_tensor([c.words[-1] if c.words else bos for c in open_ones], dtype=torch.int64)
        logits, state = step(fed, reorder(state, torch.tensor(rows)))
        logp = logits - logits.logsumexp(-1, keepdim=True)
        pool = [(c, None) for c in captions if c.done]
        for i, c in enumerate(open_ones):
            pool += [(Caption((*c.words, w), c.total + float(logp[i, w])), i) for w in range(logp.shape[1])]
        best = heapq.nlargest(beam, pool, key=lambda item: item[0].score)
        captions = [c for c, _ in best]
        rows = [i for c, i in best if not c.done]
    winner = max(captions, key=lambda c: c.score)
    return list(winner.words), winner.score


def _search(
    step, state, reorder, bos, eos, beam, max_len, alpha=0.0, *,
    logp=lambda logits: logits.log_softmax(-1),
    power=lambda total, length, alpha: total / length**alpha,
    ranked=None, pick=None, copies=1, moved=None, extend_ended=False, aside=False, stop=None,
    last=None, per_row=None, told=None, for_good=False,
):  # fmt: skip
    """Beam search with one thing at a time done otherwise, for the wrong versions."""
    ranked = ranked or power
    moved = moved or (lambda state, rows: reorder(state, rows))
    kept = [([], 0.0, False, i) for i in range(copies)]  # words, sum, ended, row of the state
    if copies > 1:
        state = reorder(state, torch.zeros(copies, dtype=torch.long))
    set_aside, ever = [], []
    for _ in range(max_len):
        live = [c for c in kept if not c[2]]
        ever += [c for c in kept if c[2] and c not in ever]
        state = moved(state, torch.tensor([row for *_, row in live]))
        logits, state = step(torch.tensor([c[0][-1] if c[0] else bos for c in live]), state)
        table = logp(logits).tolist()
        pool = list(ever) if for_good else [c for c in kept if c[2]]
        for i, (words, total, _, _) in enumerate(live):
            heirs = [
                ([*words, w], total + p, w == eos and not extend_ended, i) for w, p in enumerate(table[i])
            ]
            heirs.sort(key=lambda c: -c[1])
            pool += heirs[:per_row] if per_row else heirs
        pool.sort(key=lambda c: -ranked(c[1], len(c[0]), alpha))
        if aside:
            set_aside += [c for c in pool[:beam] if c[2]]
            pool = [c for c in pool if not c[2]]
        kept = pool[:beam]
        if all(c[2] for c in kept) or (stop is not None and stop(kept)):
            break
    kept = [*kept, *set_aside, *(ever if for_good else ())]
    if last is not None:
        kept = last(kept) or kept
    best = max(kept, key=lambda c: (pick or power)(c[1], len(c[0]), alpha))
    score = (told or power)(best[1], len(best[0]), alpha)
    return best[0], score


@wrong("forgets to reorder the state, so captions go on from the state of others")
def not_reordered(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    def moved(state, rows):
        return reorder(state, torch.arange(len(rows)).clamp(max=len(state[0]) - 1))

    return _search(step, state, reorder, bos, eos, beam, max_len, alpha, moved=moved)


@wrong("begins with as many copies of the empty caption as the beam is wide, and they stay copies")
def copies(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(step, state, reorder, bos, eos, beam, max_len, alpha, copies=beam)


@wrong("follows only the best word at every step, whatever the beam")
def greedy(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return beam_search(step, state, reorder, bos, eos, 1, max_len, alpha)


@wrong("keeps the best heir of each caption instead of the best of all heirs")
def best_of_each(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    logits, after = step(torch.tensor([bos]), state)
    table = logits.log_softmax(-1)[0].tolist()
    kept = sorted((([w], p, w == eos, 0) for w, p in enumerate(table)), key=lambda c: -c[1])[:beam]
    state = after
    for _ in range(max_len - 1):
        live = [c for c in kept if not c[2]]
        if not live:
            break
        state = reorder(state, torch.tensor([c[3] for c in live]))
        logits, state = step(torch.tensor([c[0][-1] for c in live]), state)
        best, words = logits.log_softmax(-1).max(-1)
        heirs = [
            ([*c[0], w], c[1] + p, w == eos, i)
            for i, (c, p, w) in enumerate(zip(live, best.tolist(), words.tolist(), strict=True))
        ]
        kept = [c for c in kept if c[2]] + heirs
    words, total, *_ = max(kept, key=lambda c: c[1] / len(c[0]) ** alpha)
    return words, total / len(words) ** alpha


@wrong("compares sums of log-probabilities while it searches, and divides by the length only at the end")
def late_normalised(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(
        step, state, reorder, bos, eos, beam, max_len, alpha, ranked=lambda total, length, alpha: total
    )


@wrong("chooses the caption by its sum at the end, whatever alpha is")
def chosen_by_sum(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(
        step, state, reorder, bos, eos, beam, max_len, alpha, pick=lambda total, length, alpha: total
    )


@wrong("ignores alpha: scores are never divided by the length")
def no_alpha(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return beam_search(step, state, reorder, bos, eos, beam, max_len, 0.0)


@wrong("always divides by the length itself, as if alpha were 1")
def alpha_one(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return beam_search(step, state, reorder, bos, eos, beam, max_len, 1.0)


@wrong("returns the sum of log-probabilities as the score, not divided")
def told_sum(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(
        step, state, reorder, bos, eos, beam, max_len, alpha, told=lambda total, length, alpha: total
    )


@wrong("multiplies the sum by length ** alpha instead of dividing")
def multiplied(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(
        step, state, reorder, bos, eos, beam, max_len, alpha, power=lambda total, n, alpha: total * n**alpha
    )


@wrong("counts bos in the length")
def bos_counted(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(
        step, state, reorder, bos, eos, beam, max_len, alpha,
        power=lambda total, n, alpha: total / (n + 1) ** alpha,
    )  # fmt: skip


@wrong("divides by ((5 + length) / 6) ** alpha, another penalty than the one asked for")
def other_penalty(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(
        step, state, reorder, bos, eos, beam, max_len, alpha,
        power=lambda total, n, alpha: total / ((5 + n) / 6) ** alpha,
    )  # fmt: skip


@wrong("adds logits, not log-probabilities")
def raw_logits(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(step, state, reorder, bos, eos, beam, max_len, alpha, logp=lambda logits: logits)


@wrong("takes the softmax over the captions of the beam instead of the words")
def wrong_axis(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(
        step, state, reorder, bos, eos, beam, max_len, alpha, logp=lambda logits: logits.log_softmax(0)
    )


@wrong("adds probabilities instead of their logarithms")
def probabilities(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(
        step, state, reorder, bos, eos, beam, max_len, alpha, logp=lambda logits: logits.softmax(-1)
    )


@wrong("takes the softmax over all captions and words together")
def joint_softmax(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(
        step, state, reorder, bos, eos, beam, max_len, alpha,
        logp=lambda logits: logits.flatten().log_softmax(0).view_as(logits),
    )  # fmt: skip


@wrong("uses logarithms to base two")
def base_two(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(
        step, state, reorder, bos, eos, beam, max_len, alpha,
        logp=lambda logits: logits.log_softmax(-1) / 0.6931471805599453,
    )  # fmt: skip


@wrong("goes on writing after eos")
def past_the_end(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(step, state, reorder, bos, eos, beam, max_len, alpha, extend_ended=True)


@wrong("lays ended captions aside, so that they take no place in the beam")
def set_aside(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(step, state, reorder, bos, eos, beam, max_len, alpha, aside=True)


@wrong("remembers ended captions for good, even after better ones have pushed them out of the beam")
def for_good(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(step, state, reorder, bos, eos, beam, max_len, alpha, for_good=True)


@wrong("stops as soon as one caption of the beam has ended")
def first_end(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(
        step, state, reorder, bos, eos, beam, max_len, alpha, stop=lambda kept: any(c[2] for c in kept)
    )


@wrong("stops as soon as the best caption has ended, though others might still overtake it")
def best_ends(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(step, state, reorder, bos, eos, beam, max_len, alpha, stop=lambda kept: kept[0][2])


@wrong("returns a caption that has ended even where an unfinished one has the higher score")
def only_ended(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(
        step, state, reorder, bos, eos, beam, max_len, alpha, last=lambda kept: [c for c in kept if c[2]]
    )


@wrong("returns an unfinished caption if there is one, whatever its score")
def only_live(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(
        step, state, reorder, bos, eos, beam, max_len, alpha, last=lambda kept: [c for c in kept if not c[2]]
    )


@wrong("drops captions from the beam once they have ended, so they cannot win")
def ended_lost(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    def last(kept):
        return [c for c in kept if not c[2]]

    return _search(step, state, reorder, bos, eos, beam, max_len, alpha, aside=True, last=last)


@wrong("returns the words with bos in front")
def with_bos(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    words, score = beam_search(step, state, reorder, bos, eos, beam, max_len, alpha)
    return [bos, *words], score


@wrong("returns the words without their eos")
def without_eos(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    words, score = beam_search(step, state, reorder, bos, eos, beam, max_len, alpha)
    return [w for w in words if w != eos], score


@wrong("takes one step less than max_len, as if bos were one of the words")
def one_short(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return beam_search(step, state, reorder, bos, eos, beam, max(max_len - 1, 1), alpha)


@wrong("takes a step more than max_len")
def one_long(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return beam_search(step, state, reorder, bos, eos, beam, max_len + 1, alpha)


@wrong("takes at most V captions into the beam after the first step, and never more than V at any")
def narrow(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    vocab = step(torch.tensor([bos]), state)[0].shape[1]
    return beam_search(step, state, reorder, bos, eos, min(beam, vocab), max_len, alpha)


@wrong("fails when the beam is wider than the number of candidates")
def too_wide(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    if beam > step(torch.tensor([bos]), state)[0].shape[1]:
        torch.zeros(1).topk(beam)
    return beam_search(step, state, reorder, bos, eos, beam, max_len, alpha)


@wrong("takes 2 for eos, whatever number it has")
def fixed_eos(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return beam_search(step, state, reorder, bos, 2, beam, max_len, alpha)


@wrong("takes 1 for bos, whatever number it has")
def fixed_bos(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return beam_search(step, state, reorder, 1, eos, beam, max_len, alpha)


@wrong("considers only as many words of each caption as the beam is wide, less one")
def few_heirs(step, state, reorder, bos, eos, beam, max_len, alpha=0.0):
    return _search(step, state, reorder, bos, eos, beam, max_len, alpha, per_row=max(beam - 1, 1))
