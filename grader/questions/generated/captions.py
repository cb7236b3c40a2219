"""Captions: what BLEU counts, which caption a beam finds, and how often attention looked somewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from math import exp
from random import Random

from grader.model import Question
from grader.questions.generated.form import equals, generator, listed, number, one, require, rounded, text

_THINGS = ("a dog", "a brown dog", "two dogs", "the dog", "a man", "a small man", "a red car", "the car")
_PLACES = ("on a beach", "on the beach", "near a car", "near the man", "with a dog")


# Probabilities of three first words, in twentieths; close enough that the second word may decide.
_FIRST = ((8, 7, 5), (9, 6, 5), (9, 7, 4), (9, 8, 3), (10, 6, 4), (10, 7, 3))


def _caption(rng: Random) -> list[str]:
    """One or two things, perhaps somewhere."""
    said = " and ".join(rng.sample(_THINGS, rng.choice((1, 2, 2))))
    return (f"{said} {rng.choice(_PLACES)}" if rng.random() < 0.7 else said).split()


def _closest(length: int, others: Iterable[int]) -> int:
    """The length that is closest; of two the shorter."""
    return min((abs(other - length), other) for other in others)[1]


def _penalty(c: int, r: int) -> Fraction:
    """The brevity penalty, rounded to three decimals as the ask gives it."""
    return rounded(Fraction(exp(1 - r / c)), 3) if c < r else Fraction(1)


@generator("captioning", level=2, skills=("metric",), kata="captioning/bleu")
def bleu_of_one_caption(rng: Random) -> Question:
    """BLEU with n = 1: clipped words, and a penalty if the caption is short."""
    caption, refs = _caption(rng), [_caption(rng), _caption(rng)]
    c, lengths = len(caption), [len(ref) for ref in refs]
    require(4 <= c <= 9 and refs[0] != refs[1])
    counts, (first, second) = Counter(caption), map(Counter, refs)
    kept, total = counts & (first | second), counts & (first + second)
    found, unclipped = kept.total(), sum(n for word, n in counts.items() if word in first | second)
    r = _closest(c, lengths)
    require(2 <= found < c and max(lengths) - c <= 3 and (unclipped > found or r > c))
    penalty, precision = _penalty(c, r), Fraction(found, c)
    value = penalty * precision
    slips: list[Fraction] = [n * penalty / c for n in (unclipped, total.total()) if n != found]
    slips += [_penalty(c, other) * precision for other in lengths if _penalty(c, other) != penalty]
    if penalty < 1:
        slips.append(precision)
    given = ", ".join(f"exp(−{n}/{c}) ≈ {text(_penalty(c, c + n))}" for n in (1, 2, 3))
    by_word = ", ".join(f'"{word}" {n}' for word, n in kept.items())
    known = f"{text(penalty)} · {found}/{c}" if penalty < 1 else f"{found}/{c}"
    return number(
        f'A caption is "{" ".join(caption)}", its references are "{" ".join(refs[0])}" and '
        f'"{" ".join(refs[1])}". What is its BLEU of single words (n = 1), including the brevity penalty '
        "(closest reference length, the shorter one on ties)? To two decimals. "
        f"It may help that {given}.",
        value,
        why=(
            "A word counts at most as often as in the one reference that has it most often.",
            f"Matches: {by_word}; {found} of {c} words.",
            f"Reference lengths {listed(lengths)}: the closest to {c} is {r}, so "
            + (f"the penalty is exp(1 − {r}/{c}) ≈ {text(penalty)}." if c < r else "there is no penalty."),
            f"BLEU: {known} {equals(value, 2)}.",
        ),
        places=2,
        slips=slips,
    )


@generator("captioning", level=2, skills=("metric",), kata="captioning/bleu")
def brevity_penalty_of_corpus(rng: Random) -> Question:
    """The brevity penalty of two or three candidates with several references each."""
    sizes = [rng.randint(6, 14) for _ in range(rng.choice((2, 3)))]
    refs = [sorted(size + d for d in rng.sample((-2, -1, 1, 2, 3), rng.choice((2, 3)))) for size in sizes]
    pairs = list(zip(sizes, refs, strict=True))
    c, closest = sum(sizes), [_closest(size, own) for size, own in pairs]
    r = sum(closest)
    require(c < r or (c > r and rng.random() < 0.4))  # else most penalties would be 1

    def said(length: int) -> str:
        return f"exp(1 − {length}/{c})" if length > c else "1"

    longer = sum(min((abs(own - size), -own, own) for own in lengths)[2] for size, lengths in pairs)
    shortest, longest = (sum(pick(own) for own in refs) for pick in (min, max))
    wrong = [
        (f"exp(1 − {r}/{c})", "Candidates that are long enough get no reward above 1."),
        (
            said(longer),
            f"Of two equally close references the shorter counts; this takes the longer: r = {longer}.",
        ),
        (said(longest), f"It takes the longest reference of each, r = {longest}, not the closest."),
        (said(shortest), f"It takes the shortest reference of each, r = {shortest}, not the closest."),
        (f"exp(1 − {c}/{r})", "The two lengths have changed places."),
    ]
    rows = "; ".join(f"one of {size} words, references of {listed(own)}" for size, own in pairs)
    return one(
        rng,
        f"A corpus has {len(sizes)} candidates: {rows}. What is the brevity penalty of its BLEU, with the "
        "closest reference length of each candidate (the shorter one on ties)?",
        said(r),
        wrong=wrong,
        why=(
            f"Candidates: c = {' + '.join(map(str, sizes))} = {c}.",
            f"Closest references: r = {' + '.join(map(str, closest))} = {r}.",
            f"As c {'<' if c < r else '>'} r, the penalty is {said(r)}.",
        ),
    )


def _parts(rng: Random, whole: int) -> list[int]:
    """Three different positive numbers that add up to the whole, in any order."""
    low, high = sorted(rng.sample(range(1, whole), 2))
    parts = [low, high - low, whole - high]
    require(len(set(parts)) == 3)
    return parts


def _row(parts: Iterable[int]) -> str:
    return ", ".join(f"{word} {text(Fraction(part, 20))}" for word, part in zip("ABC", parts, strict=True))


@generator("captioning", level=2, skills=("post-processing",), kata="captioning/beam_search")
def beam_of_two(rng: Random) -> Question:
    """The caption of two words that a beam of two finds in a small table."""
    ranked = rng.sample("ABC", 3)
    first = dict(zip(ranked, rng.choice(_FIRST), strict=True))
    # The likelier the first word, the less sure its second one: so being greedy often pays badly.
    rows = dict(zip(ranked, sorted((_parts(rng, 20) for _ in "ABC"), key=max), strict=True))
    sure = {u + v: part for u in "ABC" for v, part in zip("ABC", rows[u], strict=True)}
    odds = {pair: Fraction(first[pair[0]] * part, 400) for pair, part in sure.items()}
    reached = sorted((pair for pair in odds if pair[0] != ranked[2]), key=lambda pair: -odds[pair])
    best, top, surest = reached[0], max(odds, key=odds.__getitem__), max(sure, key=sure.__getitem__)
    greedy = max((pair for pair in odds if pair[0] == ranked[0]), key=odds.__getitem__)
    require(odds[best] > odds[reached[1]] and (top == best or odds[top] > odds[best]))
    require(top != best or (best != greedy and rng.random() < 0.5))  # else the best is nearly always found
    require(top != best or max(rows[ranked[2]]) > max(rows[ranked[1]]))

    def work(pair: str) -> str:
        return (
            f"{text(Fraction(first[pair[0]], 20))} · {text(Fraction(sure[pair], 20))} = {text(odds[pair], 4)}"
        )

    wrong = [(greedy, f"Greedy decoding finds it: {work(greedy)}, less than another one in the beam.")]
    if top != best:
        wrong.append((top, f"It is the best of all, {work(top)}, but {top[0]} was third and left the beam."))
    else:
        wrong.append(
            (surest, f"Its last step is the surest of all, but {surest[0]} was third: {work(surest)}.")
        )
    wrong += [(pair, f"It is reached, but {work(pair)} is not the most.") for pair in reached[1:3]]
    after = " ".join(f"After {word}: {_row(rows[word])}." for word in "ABC")
    return one(
        rng,
        "Captions have exactly two words, each of them A, B or C. Probabilities of the first word: "
        f"{_row(first[word] for word in 'ABC')}. {after} "
        "Which caption does beam search of width 2 find?",
        " ".join(best),
        wrong=[(" ".join(pair), reason) for pair, reason in wrong],
        why=(
            f"After one word the beam holds {ranked[0]} and {ranked[1]}.",
            *(f"{' '.join(pair)}: {work(pair)}." for pair in reached[:3]),
            f"Of all that the beam reaches, {' '.join(best)} is the most probable.",
        ),
    )


@generator("captioning", level=2, skills=("loss",), kata="captioning/caption_loss")
def looks_at_each_place(rng: Random) -> Question:
    """The penalty on places that attention has not looked at once, with a padded step."""
    steps = [[Fraction(part, 10) for part in _parts(rng, 10)] for _ in range(rng.choice((3, 4)))]
    live = steps[:-1]
    seen = [sum(column, Fraction()) for column in zip(*live, strict=True)]
    everywhere = [sum(column, Fraction()) for column in zip(*steps, strict=True)]
    value = sum(((1 - s) ** 2 for s in seen), Fraction())
    require(value > 0)
    single = sum(((1 - weight) ** 2 for step in live for weight in step), Fraction())
    lines = "; ".join(f"step {i}: {listed(step)}" for i, step in enumerate(steps, start=1))
    sums = (
        f"Place {i}: {' + '.join(map(text, column))} = {text(s)}."
        for i, (column, s) in enumerate(zip(zip(*live, strict=True), seen, strict=True), start=1)
    )
    squares = " + ".join(f"(1 − {text(s)})²" for s in seen)
    return number(
        f"The attention weights of a caption over three places are: {lines}. The target of step {len(steps)} "
        "is padding, so this step does not count. What is Σ (1 − s)² over the places, where s is the weight "
        "of a place, summed over the steps that count?",
        value,
        why=(*sums, f"Penalty: {squares} = {text(value)}."),
        slips=(sum(((1 - s) ** 2 for s in everywhere), Fraction()), value / 3, single),
    )


GENERATORS = (bleu_of_one_caption, brevity_penalty_of_corpus, beam_of_two, looks_at_each_place)
