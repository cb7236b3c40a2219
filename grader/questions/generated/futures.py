"""Trajectories: the best of several futures, constant velocity, a penalty for the probability."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from grader.model import Question
from grader.questions.generated.form import equals, generator, listed, number, one, plus, require, text

Point = tuple[int, int]
ERRORS = ((3, 4, 5), (4, 3, 5), (0, 2, 2), (1, 0, 1), (0, 1, 1), (3, 0, 3), (0, 0, 0), (0, 0, 0))
"""Errors of a point, with their whole length."""


def _off(rng: Random) -> tuple[int, int, int]:
    """Draw the error of a point with signs, and its length."""
    x, y, length = rng.choice(ERRORS)
    return rng.choice((-1, 1)) * x, rng.choice((-1, 1)) * y, length


@generator("trajectory_prediction", level=2, skills=("metric",), kata="trajectory_prediction/min_ade_fde")
def best_of_modes(rng: Random) -> Question:
    """The smallest ADE or FDE of a few modes, which come from different modes here."""
    truth: list[Point] = [(3 * (t + 1), rng.randint(-2, 2)) for t in range(3)]
    errors = [[_off(rng) for _ in truth] for _ in range(2)]
    ades = [Fraction(sum(e[2] for e in mode), 3) for mode in errors]
    fdes = [mode[-1][2] for mode in errors]
    require((ades[0] - ades[1]) * (fdes[0] - fdes[1]) < 0)
    ends = min(fdes)
    at_best_end = ades[fdes.index(ends)]
    asked, value, which = rng.choice(
        (
            ("minADE, the smallest ADE of the two modes", min(ades), "The smaller ADE"),
            ("minFDE, the smallest FDE of the two modes", Fraction(ends), "The smaller FDE"),
            (
                "the ADE of the mode with the smaller FDE",
                at_best_end,
                "The ADE of the mode with the better end",
            ),
        )
    )
    lines = [f"- truth: `{truth}`"]
    steps = []
    for name, mode, ade in zip("AB", errors, ades, strict=True):
        track = [(x + e[0], y + e[1]) for (x, y), e in zip(truth, mode, strict=True)]
        lines.append(f"- mode {name}: `{track}`")
        lengths = [e[2] for e in mode]
        steps.append(
            f"Mode {name} is off by {listed(lengths)} m: ADE ({' + '.join(map(str, lengths))}) / 3 "
            f"{equals(ade, 2)}, FDE {lengths[-1]}."
        )
    return number(
        "An agent's points (x, y) at three future steps, in metres:\n\n"
        + "\n".join(lines)
        + f"\n\nWhat is {asked}, in metres? To two decimals.",
        value,
        why=(*steps, f"{which} is {equals(value, 2).lstrip('=≈ ')} m."),
        places=2,
        unit="m",
        slips=[v for v in (*ades, *map(Fraction, fdes), sum(ades) / 2, Fraction(sum(fdes), 2)) if v != value],
    )


@generator(
    "trajectory_prediction", level=1, skills=("numerics",), kata="trajectory_prediction/constant_velocity"
)
def constant_velocity_ahead(rng: Random) -> Question:
    """Where an agent will be that keeps the mean of its last displacements."""
    k, ahead = rng.choice((1, 2, 2, 3)), rng.choice((2, 3, 4, 5))
    moves: list[Point] = [(rng.randint(-3, 5), rng.randint(-4, 4)) for _ in range(3)]
    track: list[Point] = [(rng.randint(-5, 9), rng.randint(-5, 9))]
    for dx, dy in moves:
        track.append((track[-1][0] + dx, track[-1][1] + dy))
    x, y = track[-1]
    used = moves[-k:]
    sums = sum(dx for dx, _ in used), sum(dy for _, dy in used)
    u, v = Fraction(sums[0], k), Fraction(sums[1], k)
    require(u.denominator == v.denominator == 1 and (u, v) != (0, 0))

    def point(px: Fraction | int, py: Fraction | int) -> str:
        return f"({text(px, 2)}, {text(py, 2)})"

    answer = point(x + ahead * u, y + ahead * v)
    last, total = moves[-1], (x - track[0][0], y - track[0][1])
    plural = "displacement" if k == 1 else f"{k} displacements"
    return one(
        rng,
        f"An agent was seen at {', '.join(map(str, track))}, in metres, at equal intervals. Its velocity is "
        f"the mean of its last {plural}, which it keeps. Where is it {ahead} steps after the last position?",
        answer,
        wrong=(
            (point(x + ahead * last[0], y + ahead * last[1]), "This keeps the very last displacement alone."),
            (
                point(x + ahead * sums[0], y + ahead * sums[1]),
                "The displacements have to be averaged, not only summed.",
            ),
            (
                point(x + ahead * Fraction(total[0], 3), y + ahead * Fraction(total[1], 3)),
                "This averages over all three displacements.",
            ),
            (
                point(x + ahead * Fraction(total[0], 4), y + ahead * Fraction(total[1], 4)),
                "Four positions have three displacements, so nothing is divided by 4.",
            ),
            (point(x + u, y + v), "That is one step after the last position."),
            (
                point(x + (ahead - 1) * u, y + (ahead - 1) * v),
                "One step is missing: count from the last position.",
            ),
            (point(x - ahead * u, y - ahead * v), "That goes back in time."),
        ),
        why=(
            f"Last {plural}: {', '.join(map(str, used))}; velocity {point(u, v)} per step.",
            f"{ahead} steps on: x = {x} {plus(ahead * u)} = {text(x + ahead * u)}, "
            f"y = {y} {plus(ahead * v)} = {text(y + ahead * v)}.",
            f"So {answer}.",
        ),
    )


@generator("trajectory_prediction", level=2, skills=("metric",))
def brier_min_fde(rng: Random) -> Question:
    """The smallest FDE plus the penalty for the probability of its mode."""
    tenths = rng.choice(((1, 2, 7), (1, 3, 6), (2, 3, 5), (1, 4, 5), (2, 2, 6), (1, 1, 8)))
    chances = [Fraction(p, 10) for p in rng.sample(tenths, 3)]
    ends = [Fraction(end, 10) for end in rng.sample(range(3, 35), 3)]
    best, likely = ends.index(min(ends)), chances.index(max(chances))
    value = ends[best] + (1 - chances[best]) ** 2
    sums = [end + (1 - p) ** 2 for end, p in zip(ends, chances, strict=True)]
    rows = "\n".join(
        f"- mode {name}: FDE {text(end)} m, probability {text(p)}"
        for name, end, p in zip("ABC", ends, chances, strict=True)
    )
    slips = [
        *(ends[best], ends[best] + 1 - chances[best], ends[best] + chances[best] ** 2),
        *(sum(sums, Fraction(0)) / 3, ends[best] + (1 - chances[best] ** 2)),
    ]
    slips += [sums[likely]] if likely != best else []
    slips += [min(sums)] if min(sums) != value else []
    return number(
        f"A model predicts three modes for an agent:\n\n{rows}\n\nbrier-minFDE takes the mode with the "
        "smallest FDE and adds (1 − p)² to it, p being the probability of this mode. What is it? "
        "To two decimals.",
        value,
        why=(
            f"Mode {'ABC'[best]} has the smallest FDE, {text(ends[best])} m, and p = {text(chances[best])}.",
            f"(1 − {text(chances[best])})² = {text((1 - chances[best]) ** 2)}.",
            f"{text(ends[best])} + {text((1 - chances[best]) ** 2)} = {text(value)}.",
        ),
        places=2,
        slips=slips,
    )


GENERATORS = (best_of_modes, constant_velocity_ahead, brier_min_fde)
