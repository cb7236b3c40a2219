"""BLEU of a corpus of captions.

How many of the words, word pairs, triples and so on in the candidates does a human also use? For every k
from 1 to n

    p[k] = matched k-grams of all candidates / k-grams of all candidates
    BP   = 1 if c >= r, else exp(1 - r / c)
    bleu = BP * (p[1] * p[2] * ... * p[n]) ^ (1 / n)

* cands is a list of candidates, each a list of tokens (strings); refs[i] is the list of the references
  of cands[i], at least one, each a list of tokens. Candidates and references may be without tokens.
* A k-gram is k tokens in a row: a candidate of L tokens has L - k + 1 of them, or none if L < k.
* Matches are clipped: a k-gram that is in a candidate m times matches at most as often as it occurs in
  that one of its own references which has it most often.
* Both counts are summed over the corpus before they are divided. It is not a mean over sentences.
* c is the number of tokens in all candidates. r adds up one reference length for each candidate: the one
  closest to the candidate's; of two equally close ones the shorter.
* If some p[k] is 0, or no candidate is long enough for a k-gram, the result is 0. Nothing is smoothed. A
  corpus without candidates has 0, too.
* Tokens hold no spaces and are compared as they are: "A" is not "a".
* n is at least 1. Lists cands and refs of different lengths raise ValueError. The lists stay as they
  are.
* The result is a number from 0 to 1.

Example: "the the the the the the the" with the references "the cat is on the mat" and "there is a cat on
the mat". The word "the" is there 7 times, but in no reference more than twice: p[1] = 2 / 7. As
c = r = 7, BLEU with n = 1 is 0.286. With n = 2 it is 0: "the the" is in no reference. A candidate of
9 tokens with one reference of 12 has BP = exp(1 - 12 / 9) = 0.717.
"""

import math
from collections import Counter

from grader import right, wrong

LEVEL = 3
MINUTES = 35
HINTS = (
    "What do you need of each sentence before anything is divided? Two counts for each k, and two lengths.",
    "Count the k-grams of a sentence as tuples in a Counter. Two Counters have an intersection, the smaller "
    "of the counts, and a union, the larger. Which of them clips, and which one joins references?",
    "For each candidate and k: the union over its references, its intersection with the candidate's counts, "
    "summed. Add to running totals for k; add lengths to c and r, r by the smallest pair (distance, length). "
    "Behind the loop: 0 if a total of matches is 0, else BP times exp of the mean logarithm.",
)


def corpus_bleu(cands: list[list[str]], refs: list[list[list[str]]], n: int = 4) -> float:
    """Return BLEU from clipped counts of 1-grams to n-grams over the whole corpus."""
    if len(cands) != len(refs):
        raise ValueError(f"{len(cands)} candidates have {len(refs)} sets of references")
    matched, total = [0] * n, [0] * n
    c = r = 0
    for cand, own in zip(cands, refs):
        for k in range(n):
            counts, most = _grams(cand, k + 1), Counter()
            for ref in own:
                most |= _grams(ref, k + 1)
            matched[k] += (counts & most).total()
            total[k] += counts.total()
        c += len(cand)
        r += min((abs(len(ref) - len(cand)), len(ref)) for ref in own)[1]
    if min(matched) == 0:
        return 0.0
    precision = math.exp(sum(math.log(m / t) for m, t in zip(matched, total)) / n)
    return precision * math.exp(min(1 - r / c, 0))


def _grams(tokens: list[str], k: int) -> Counter:
    return Counter(tuple(tokens[i : i + k]) for i in range(len(tokens) - k + 1))


# What the mistakes below are made of: counts, lengths, and how both become a number.


def _clipped(cand, own, k):
    """The matches of one candidate and its k-grams."""
    counts, most = _grams(cand, k), Counter()
    for ref in own:
        most |= _grams(ref, k)
    return (counts & most).total(), counts.total()


def _closest(cand, own):
    return min((abs(len(ref) - len(cand)), len(ref)) for ref in own)[1]


def _counted(cands, refs, n, count=_clipped):
    """Matches and k-grams of the corpus for each k."""
    if len(cands) != len(refs):
        raise ValueError
    each = [[count(cand, own, k) for cand, own in zip(cands, refs)] for k in range(1, n + 1)]
    return [(sum(m for m, _ in row), sum(t for _, t in row)) for row in each]


def _mean(counted):
    """The geometric mean of the precisions."""
    if any(m == 0 for m, _ in counted):
        return 0.0
    return math.exp(sum(math.log(m / t) for m, t in counted) / len(counted))


def _brevity(cands, refs, length=_closest):
    c, r = sum(map(len, cands)), sum(length(cand, own) for cand, own in zip(cands, refs))
    return 1.0 if c >= r else math.exp(1 - r / c) if c else 0.0


@right("with dictionaries and plain loops")
def looped(cands, refs, n=4):
    if len(cands) != len(refs):
        raise ValueError("lengths differ")
    product, c, r = 1.0, 0, 0
    for k in range(1, n + 1):
        hits, every = 0, 0
        for i in range(len(cands)):
            seen = {}
            for j in range(len(cands[i]) - k + 1):
                gram = " ".join(cands[i][j : j + k])
                seen[gram] = seen.get(gram, 0) + 1
            for gram, times in seen.items():
                best = 0
                for ref in refs[i]:
                    found = 0
                    for j in range(len(ref) - k + 1):
                        if " ".join(ref[j : j + k]) == gram:
                            found += 1
                    best = max(best, found)
                hits += min(times, best)
                every += times
        if hits == 0:
            return 0.0
        product *= hits / every
    for cand, own in zip(cands, refs):
        c += len(cand)
        lengths = sorted(len(ref) for ref in own)
        r += min(lengths, key=lambda length: abs(length - len(cand)))
    return (1.0 if c > r else math.exp(1 - r / c)) * product ** (1 / n)


@right("with tensors of counts and a 0-d tensor for the result")
def tensors(cands, refs, n=4):
    import torch

    matched, total = torch.zeros(n), torch.zeros(n)
    c, r = torch.tensor(0.0), torch.tensor(0.0)
    for cand, own in zip(cands, refs, strict=True):
        mine = Counter(tuple(cand[i : i + k]) for k in range(1, n + 1) for i in range(len(cand) - k + 1))
        theirs = Counter()
        for ref in own:
            theirs |= Counter(tuple(ref[i : i + k]) for k in range(1, n + 1) for i in range(len(ref) - k + 1))
        for gram, times in mine.items():
            total[len(gram) - 1] += times
            matched[len(gram) - 1] += min(times, theirs[gram])
        lengths = torch.tensor(sorted(len(ref) for ref in own))
        r += lengths[(lengths - len(cand)).abs().argmin()]
        c += len(cand)
    if (matched == 0).any():
        return torch.tensor(0.0)
    return torch.exp((matched / total).log().mean() + torch.clamp(1 - r / c, max=0.0))


@right("by crossing matches off copies of the references")
def crossed_off(cands, refs, n=4):
    if len(cands) != len(refs):
        raise ValueError("one set of references for each candidate")
    logs = []
    for k in range(1, n + 1):
        hit = of = 0
        for cand, own in zip(cands, refs):
            grams = list(zip(*[cand[i:] for i in range(k)]))
            pools = [list(zip(*[ref[i:] for i in range(k)])) for ref in own]
            of += len(grams)
            for gram in grams:
                left = [pool for pool in pools if gram in pool]
                hit += bool(left)
                for pool in left:
                    pool.remove(gram)
        logs.append(math.log(hit / of) if hit else -math.inf)
    c = sum(len(cand) for cand in cands)
    r = sum(sorted(map(len, own), key=lambda x: (abs(x - len(cand)), x))[0] for cand, own in zip(cands, refs))
    return math.exp(sum(logs) / n + min(0, 1 - r / max(c, 1)))


# -- counts --------------------------------------------------------------------------------------


@wrong("does not clip, so that a word that is right once is right as often as it is said")
def unclipped(cands, refs, n=4):
    def count(cand, own, k):
        known = set().union(*(_grams(ref, k) for ref in own))
        counts = _grams(cand, k)
        return sum(m for gram, m in counts.items() if gram in known), counts.total()

    return _brevity(cands, refs) * _mean(_counted(cands, refs, n, count))


@wrong("clips by all references together, the sum of their counts")
def clipped_by_the_sum(cands, refs, n=4):
    def count(cand, own, k):
        counts = _grams(cand, k)
        return (counts & sum((_grams(ref, k) for ref in own), Counter())).total(), counts.total()

    return _brevity(cands, refs) * _mean(_counted(cands, refs, n, count))


@wrong("asks that a k-gram is in every reference")
def in_every_reference(cands, refs, n=4):
    def count(cand, own, k):
        counts = least = _grams(cand, k)
        for ref in own:
            least = least & _grams(ref, k)
        return least.total(), counts.total()

    return _brevity(cands, refs) * _mean(_counted(cands, refs, n, count))


@wrong("matches against the first reference only")
def first_reference(cands, refs, n=4):
    def count(cand, own, k):
        return _clipped(cand, own[:1], k)

    return _brevity(cands, refs) * _mean(_counted(cands, refs, n, count))


@wrong("takes the one reference with the most matches, instead of the best one for each k-gram")
def best_reference(cands, refs, n=4):
    def count(cand, own, k):
        return max(_clipped(cand, [ref], k) for ref in own)

    return _brevity(cands, refs) * _mean(_counted(cands, refs, n, count))


@wrong("matches against the references of the whole corpus")
def foreign_references(cands, refs, n=4):
    everything = [ref for own in refs for ref in own]

    def count(cand, own, k):
        return _clipped(cand, everything, k)

    return _brevity(cands, refs) * _mean(_counted(cands, refs, n, count))


@wrong("counts every k-gram once, however often it is there")
def distinct(cands, refs, n=4):
    def count(cand, own, k):
        known = set().union(*(_grams(ref, k) for ref in own))
        return len(set(_grams(cand, k)) & known), len(_grams(cand, k))

    return _brevity(cands, refs) * _mean(_counted(cands, refs, n, count))


@wrong("clips every k-gram to one match")
def one_match(cands, refs, n=4):
    def count(cand, own, k):
        known = set().union(*(_grams(ref, k) for ref in own))
        return len(set(_grams(cand, k)) & known), _grams(cand, k).total()

    return _brevity(cands, refs) * _mean(_counted(cands, refs, n, count))


@wrong("divides by the k-grams of the references, which is a recall")
def recall(cands, refs, n=4):
    def count(cand, own, k):
        most = Counter()
        for ref in own:
            most |= _grams(ref, k)
        return _clipped(cand, own, k)[0], most.total()

    return _brevity(cands, refs) * _mean(_counted(cands, refs, n, count))


@wrong("divides by the number of tokens for every k")
def by_tokens(cands, refs, n=4):
    def count(cand, own, k):
        return _clipped(cand, own, k)[0], len(cand)

    return _brevity(cands, refs) * _mean(_counted(cands, refs, n, count))


@wrong("lets a candidate that is too short for a k-gram have one")
def one_at_least(cands, refs, n=4):
    def count(cand, own, k):
        return _clipped(cand, own, k)[0], max(len(cand) - k + 1, 1)

    return _brevity(cands, refs) * _mean(_counted(cands, refs, n, count))


@wrong("subtracts from the number of k-grams where a candidate is shorter than k - 1")
def below_zero(cands, refs, n=4):
    def count(cand, own, k):
        return _clipped(cand, own, k)[0], len(cand) - k + 1

    return _brevity(cands, refs) * _mean([(m, max(t, 1)) for m, t in _counted(cands, refs, n, count)])


@wrong("stops before the last k-gram of every sentence")
def one_short(cands, refs, n=4):
    def count(cand, own, k):
        return _clipped(cand[:-1], [ref[:-1] for ref in own], k)

    return _brevity(cands, refs) * _mean(_counted(cands, refs, n, count))


@wrong("ignores the order of the tokens in a k-gram")
def without_order(cands, refs, n=4):
    def bags(tokens, k):
        return Counter(tuple(sorted(tokens[i : i + k])) for i in range(len(tokens) - k + 1))

    def count(cand, own, k):
        counts, most = bags(cand, k), Counter()
        for ref in own:
            most |= bags(ref, k)
        return (counts & most).total(), counts.total()

    return _brevity(cands, refs) * _mean(_counted(cands, refs, n, count))


@wrong("joins the tokens of a k-gram without a space, so that different ones look the same")
def joined(cands, refs, n=4):
    def strings(tokens, k):
        return Counter("".join(tokens[i : i + k]) for i in range(len(tokens) - k + 1))

    def count(cand, own, k):
        counts, most = strings(cand, k), Counter()
        for ref in own:
            most |= strings(ref, k)
        return (counts & most).total(), counts.total()

    return _brevity(cands, refs) * _mean(_counted(cands, refs, n, count))


@wrong("turns all tokens to lower case")
def lowered(cands, refs, n=4):
    lower = [[[token.lower() for token in ref] for ref in own] for own in refs]
    return corpus_bleu([[token.lower() for token in cand] for cand in cands], lower, n)


@wrong("takes letters for tokens")
def letters(cands, refs, n=4):
    return corpus_bleu([list(" ".join(x)) for x in cands], [[list(" ".join(x)) for x in y] for y in refs], n)


# -- pooling and means ---------------------------------------------------------------------------


@wrong("takes the mean of the BLEU of the sentences")
def sentence_by_sentence(cands, refs, n=4):
    if len(cands) != len(refs):
        raise ValueError
    each = [corpus_bleu([cand], [own], n) for cand, own in zip(cands, refs)]
    return sum(each) / len(each) if each else 0.0


@wrong("takes the mean of the sentences' precisions before the geometric mean")
def precision_by_sentence(cands, refs, n=4):
    if len(cands) != len(refs):
        raise ValueError
    rows = [[_clipped(cand, own, k) for cand, own in zip(cands, refs)] for k in range(1, n + 1)]
    shares = [(sum(m / t if t else 0.0 for m, t in row), len(row)) for row in rows]
    return _brevity(cands, refs) * _mean(shares)


@wrong("leaves candidates shorter than n out altogether")
def short_left_out(cands, refs, n=4):
    if len(cands) != len(refs):
        raise ValueError
    long = [(cand, own) for cand, own in zip(cands, refs) if len(cand) >= n]
    return corpus_bleu([cand for cand, _ in long], [own for _, own in long], n)


@wrong("takes the arithmetic mean of the precisions")
def arithmetic(cands, refs, n=4):
    counted = _counted(cands, refs, n)
    if any(m == 0 for m, _ in counted):
        return 0.0
    return _brevity(cands, refs) * sum(m / t for m, t in counted) / n


@wrong("multiplies the precisions without taking the root")
def without_root(cands, refs, n=4):
    return _brevity(cands, refs) * _mean(_counted(cands, refs, n)) ** n


@wrong("stops at 4-grams, however large n is")
def four_at_most(cands, refs, n=4):
    return corpus_bleu(cands, refs, min(n, 4))


@wrong("always takes the fourth root, whatever n is")
def fourth_root(cands, refs, n=4):
    return _brevity(cands, refs) * _mean(_counted(cands, refs, n)) ** (n / 4)


@wrong("takes the root of the penalty, too")
def penalty_in_the_root(cands, refs, n=4):
    return _brevity(cands, refs) ** (1 / n) * _mean(_counted(cands, refs, n))


@wrong("ignores n")
def always_four(cands, refs, n=4):
    return corpus_bleu(cands, refs)


@wrong("counts k-grams of n tokens only")
def longest_only(cands, refs, n=4):
    return _brevity(cands, refs) * _mean(_counted(cands, refs, n)[-1:])


@wrong("stops at n - 1")
def up_to_n(cands, refs, n=4):
    return _brevity(cands, refs) * _mean(_counted(cands, refs, max(n - 1, 1)))


@wrong("leaves precisions of 0 out of the mean")
def zeros_left_out(cands, refs, n=4):
    counted = [(m, t) for m, t in _counted(cands, refs, n) if m]
    return _brevity(cands, refs) * _mean(counted) if counted else 0.0


@wrong("leaves out every k for which there are no k-grams at all")
def nothing_to_count(cands, refs, n=4):
    counted = [(m, t) for m, t in _counted(cands, refs, n) if t]
    return _brevity(cands, refs) * _mean(counted) if counted else 0.0


@wrong("takes a precision for 1 where there are no k-grams at all")
def perfect_if_none(cands, refs, n=4):
    counted = [(m, t) if t else (1, 1) for m, t in _counted(cands, refs, n)]
    return _brevity(cands, refs) * _mean(counted)


@wrong("adds one to both counts from the second k on, as a smoothed BLEU does")
def smoothed(cands, refs, n=4):
    counted = [(m + bool(i), t + bool(i)) for i, (m, t) in enumerate(_counted(cands, refs, n))]
    return _brevity(cands, refs) * _mean(counted)


@wrong("adds a small constant inside the logarithm, so that a precision of 0 is not the end")
def floored(cands, refs, n=4):
    counted = _counted(cands, refs, n)
    logs = [math.log((m / t if t else 0.0) + 1e-9) for m, t in counted]
    return _brevity(cands, refs) * math.exp(sum(logs) / n)


@wrong("fails when a precision is 0")
def never_zero(cands, refs, n=4):
    counted = _counted(cands, refs, n)
    return _brevity(cands, refs) * math.exp(sum(math.log(m) - math.log(t) for m, t in counted) / n)


# -- brevity -------------------------------------------------------------------------------------


@wrong("has no penalty for brevity")
def without_penalty(cands, refs, n=4):
    return _mean(_counted(cands, refs, n))


@wrong("takes the closest of two equally close lengths that comes first")
def first_on_ties(cands, refs, n=4):
    def length(cand, own):
        return min(map(len, own), key=lambda x: abs(x - len(cand)))

    return _brevity(cands, refs, length) * _mean(_counted(cands, refs, n))


@wrong("takes the longer of two equally close lengths")
def longer_on_ties(cands, refs, n=4):
    def length(cand, own):
        return min(map(len, own), key=lambda x: (abs(x - len(cand)), -x))

    return _brevity(cands, refs, length) * _mean(_counted(cands, refs, n))


@wrong("compares with the shortest reference, as another BLEU does")
def shortest(cands, refs, n=4):
    return _brevity(cands, refs, lambda cand, own: min(map(len, own))) * _mean(_counted(cands, refs, n))


@wrong("compares with the longest reference")
def longest(cands, refs, n=4):
    return _brevity(cands, refs, lambda cand, own: max(map(len, own))) * _mean(_counted(cands, refs, n))


@wrong("compares with the first reference's length")
def first_length(cands, refs, n=4):
    return _brevity(cands, refs, lambda cand, own: len(own[0])) * _mean(_counted(cands, refs, n))


@wrong("compares with the mean length of the references")
def mean_length(cands, refs, n=4):
    def length(cand, own):
        return sum(map(len, own)) / len(own)

    return _brevity(cands, refs, length) * _mean(_counted(cands, refs, n))


@wrong("compares with all references together")
def all_lengths(cands, refs, n=4):
    return _brevity(cands, refs, lambda cand, own: sum(map(len, own))) * _mean(_counted(cands, refs, n))


@wrong("punishes every sentence by itself and takes the mean of the penalties")
def penalty_by_sentence(cands, refs, n=4):
    each = [_brevity([cand], [own]) for cand, own in zip(cands, refs)]
    return sum(each) / max(len(each), 1) * _mean(_counted(cands, refs, n))


@wrong("rewards candidates that are longer than their references")
def rewarded(cands, refs, n=4):
    c, r = sum(map(len, cands)), sum(_closest(cand, own) for cand, own in zip(cands, refs))
    return math.exp(1 - r / c) * _mean(_counted(cands, refs, n)) if c else _mean(_counted(cands, refs, n))


@wrong("turns the ratio of lengths round")
def ratio_turned(cands, refs, n=4):
    c, r = sum(map(len, cands)), sum(_closest(cand, own) for cand, own in zip(cands, refs))
    return (1.0 if c >= r else math.exp(1 - c / r)) * _mean(_counted(cands, refs, n))


@wrong("punishes length and not brevity")
def verbosity(cands, refs, n=4):
    c, r = sum(map(len, cands)), sum(_closest(cand, own) for cand, own in zip(cands, refs))
    return (1.0 if c <= r else math.exp(1 - r / c)) * _mean(_counted(cands, refs, n))


@wrong("takes the ratio of the lengths itself for the penalty")
def plain_ratio(cands, refs, n=4):
    c, r = sum(map(len, cands)), sum(_closest(cand, own) for cand, own in zip(cands, refs))
    return min(c / r if r else 1.0, 1.0) * _mean(_counted(cands, refs, n))


# -- the call ------------------------------------------------------------------------------------


@wrong("pairs candidates and references as far as they go, and drops the rest silently")
def dropped(cands, refs, n=4):
    m = min(len(cands), len(refs))
    return corpus_bleu(cands[:m], refs[:m], n)


@wrong("fails for a corpus without candidates")
def never_empty(cands, refs, n=4):
    if len(cands) == len(refs) == 0:
        return 0 / len(cands)
    return corpus_bleu(cands, refs, n)


@wrong("fails for a candidate without tokens")
def never_blank(cands, refs, n=4):
    assert all(cands)
    return corpus_bleu(cands, refs, n)


@wrong("returns per cent")
def per_cent(cands, refs, n=4):
    return 100 * corpus_bleu(cands, refs, n)


@wrong("rounds to two digits")
def rounded(cands, refs, n=4):
    return round(corpus_bleu(cands, refs, n), 2)


@wrong("crosses matches off the caller's own references")
def in_place(cands, refs, n=4):
    found = corpus_bleu(cands, refs, n)
    for cand, own in zip(cands, refs):
        for token in cand:
            for ref in own:
                if token in ref:
                    ref.remove(token)
    return found
