"""Constant velocity: the baseline of trajectory prediction.

N agents were seen at T steps in a row. Predict where each of them goes if it keeps its velocity. Simple
as that is, it is hard to beat where people walk straight on, so every evaluation should show it.

* hist [N, T, 2] holds positions in metres, the earliest first; steps follow each other at equal
  intervals. The displacement of a step is its position minus the one before, so there are T - 1 of them.
* The velocity of an agent, in metres per step, is the mean of its last k displacements: a vector, with
  its direction. k = 1 trusts the last displacement alone, a larger k evens out noise. At least one and
  at most all T - 1 displacements can be asked for: any other k is a ValueError. So is T = 1, for which
  no k is possible.
* Return the next steps positions, [N, steps, 2], in the same coordinates as hist. The first lies one
  step after the last position of hist, the next one two steps after it, and so on.
* N may be 0, and so may steps: the result is then empty. steps is never negative.
* The result has the dtype of hist, and hist stays as it is. No gradient is asked for.

Example: an agent at (0, 0), (2, 0), (6, 2). With k = 1 its velocity is (4, 2), and the next two
positions are (10, 4) and (14, 6). With k = 2 the velocity is (3, 1), the mean of (2, 0) and (4, 2), and
the positions are (9, 3) and (12, 4).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 10
HINTS = (
    "A mean of consecutive displacements is simpler than it looks: what is left of their sum?",
    "Everything between cancels, so the velocity needs two positions of hist only. How many steps lie "
    "between them?",
    "The velocity is the last position minus the one k steps before it, divided by k. Multiply it by "
    "1, 2, ..., steps along an axis of its own and add the last position.",
)


def constant_velocity(hist: Float[Tensor, "n t 2"], steps: int, k: int = 1) -> Float[Tensor, "n steps 2"]:
    """Return the next positions of agents that keep the mean of their last k displacements."""
    hist, t = hist.detach(), hist.shape[1]
    if not 1 <= k <= t - 1:
        raise ValueError(f"k is {k}, and there are {t - 1} displacements")
    last = hist[:, -1:]  # n 1 2
    velocity = (last - hist[:, t - 1 - k, None]) / k
    ahead = torch.arange(1, steps + 1)[:, None]  # steps 1
    return last + velocity * ahead


def _check(hist, k):
    if k < 1 or k >= hist.shape[1]:
        raise ValueError("k")


def _onwards(last, velocity, steps):
    """The positions that follow ``last`` [n, 2] at a velocity [n, 2]."""
    return last[:, None] + velocity[:, None] * torch.arange(1, steps + 1, dtype=last.dtype)[:, None]


@right("with the mean of a slice of displacements, and a cumulative sum")
def cumulated(hist, steps, k=1):
    d = hist[:, 1:] - hist[:, :-1]
    if k < 1 or k > d.size(1):
        raise ValueError("k must be between 1 and T - 1")
    v = d[:, -k:].mean(dim=1, keepdim=True)
    return hist[:, -1:] + v.expand(-1, steps, -1).cumsum(1)


@right("with plain loops over agents and steps")
def looped(hist, steps, k=1):
    n, t, _ = hist.shape
    if not 0 < k < t:
        raise ValueError(f"bad k: {k}")
    out = torch.zeros(n, steps, 2, dtype=hist.dtype)
    for i in range(n):
        v = sum(hist[i, t - j] - hist[i, t - j - 1] for j in range(1, k + 1)) / k
        position = hist[i, t - 1].clone()
        for s in range(steps):
            position = position + v
            out[i, s] = position
    return out


@right("with torch.diff and einsum")
def with_einsum(hist, steps, k=1):
    if k <= 0 or k > hist.shape[-2] - 1:
        raise ValueError
    velocity = torch.diff(hist, dim=1).flip(1)[:, :k].sum(dim=1) / k
    s = torch.arange(1.0, steps + 1.0)
    return hist[:, -1].unsqueeze(1) + torch.einsum("s,nc->nsc", s.to(hist.dtype), velocity)


@right("with torch.lerp beyond its end")
def with_lerp(hist, steps, k=1):
    _check(hist, k)
    weight = 1 + torch.arange(1, steps + 1, dtype=hist.dtype).view(1, -1, 1) / k
    return torch.lerp(hist[:, [-1 - k]], hist[:, [-1]], weight)


@right("in NumPy")
def in_numpy(hist, steps, k=1):
    import numpy as np

    track = hist.numpy()
    if k not in range(1, track.shape[1]):
        raise ValueError("k")
    v = np.diff(track, axis=1)[:, -k:].mean(axis=1)
    found = np.empty((len(track), steps, 2), track.dtype)
    for s in range(steps):
        found[:, s] = track[:, -1] + (s + 1) * v
    return torch.from_numpy(found)


@wrong("starts with the last position of hist itself, one step too early")
def one_step_early(hist, steps, k=1):
    _check(hist, k)
    future = constant_velocity(hist, steps + 1, k)
    return torch.cat([hist[:, -1:], future[:, 1:-1]], dim=1)[:, :steps] if steps else future[:, :0]


@wrong("adds the velocity once, so that every prediction is the same position")
def without_cumsum(hist, steps, k=1):
    return constant_velocity(hist, 1, k).expand(-1, steps, -1)


@wrong("returns displacements from the last position instead of positions")
def relative(hist, steps, k=1):
    return constant_velocity(hist, steps, k) - hist[:, -1:]


@wrong("goes on from the first position of hist")
def from_first(hist, steps, k=1):
    return constant_velocity(hist, steps, k) - hist[:, -1:] + hist[:, :1]


@wrong("subtracts each position from the one before it, and so walks back")
def backwards(hist, steps, k=1):
    return 2 * hist[:, -1:] - constant_velocity(hist, steps, k)


@wrong("ignores k and trusts the last displacement alone")
def last_only(hist, steps, k=1):
    _check(hist, k)
    return constant_velocity(hist, steps)


@wrong("ignores k and takes the mean of all displacements")
def all_of_them(hist, steps, k=1):
    _check(hist, k)
    return constant_velocity(hist, steps, hist.shape[1] - 1)


@wrong("has another default of k")
def other_default(hist, steps, k=2):
    return constant_velocity(hist, steps, k)


@wrong("takes the mean of the first k displacements instead of the last")
def first_k(hist, steps, k=1):
    _check(hist, k)
    return _onwards(hist[:, -1], (hist[:, k] - hist[:, 0]) / k, steps)


@wrong("looks at the last k positions, between which lie only k - 1 displacements")
def k_positions(hist, steps, k=1):
    _check(hist, k)
    return _onwards(hist[:, -1], (hist[:, -1] - hist[:, -k]) / max(k - 1, 1), steps)


@wrong("divides by the number of positions, k + 1, instead of the k displacements between them")
def divided_by_positions(hist, steps, k=1):
    _check(hist, k)
    return _onwards(hist[:, -1], (hist[:, -1] - hist[:, -1 - k]) / (k + 1), steps)


@wrong("adds up the last k displacements and does not divide")
def summed(hist, steps, k=1):
    _check(hist, k)
    return _onwards(hist[:, -1], hist[:, -1] - hist[:, -1 - k], steps)


@wrong("divides by all displacements, however few of them it adds up")
def divided_by_all(hist, steps, k=1):
    _check(hist, k)
    return _onwards(hist[:, -1], (hist[:, -1] - hist[:, -1 - k]) / (hist.shape[1] - 1), steps)


@wrong("takes the one displacement k steps back instead of a mean")
def kth_displacement(hist, steps, k=1):
    _check(hist, k)
    return _onwards(hist[:, -1], hist.diff(dim=1)[:, -k], steps)


@wrong("averages the speed, and keeps the direction of the last displacement")
def mean_speed(hist, steps, k=1):
    _check(hist, k)
    d = hist.diff(dim=1)[:, -k:]
    speed = d.norm(dim=-1).mean(dim=1, keepdim=True)
    return _onwards(hist[:, -1], torch.nn.functional.normalize(d[:, -1], dim=-1) * speed, steps)


@wrong("takes the median of the last displacements, the robust variant")
def median(hist, steps, k=1):
    _check(hist, k)
    return _onwards(hist[:, -1], hist.diff(dim=1)[:, -k:].median(dim=1).values, steps)


@wrong("lets the more recent ones of the last displacements count more")
def weighted(hist, steps, k=1):
    _check(hist, k)
    weight = torch.arange(1, k + 1, dtype=hist.dtype)
    mean = (hist.diff(dim=1)[:, -k:] * weight[:, None]).sum(dim=1) / weight.sum()
    return _onwards(hist[:, -1], mean, steps)


@wrong("fits a line to the last k + 1 positions instead of averaging displacements")
def least_squares(hist, steps, k=1):
    _check(hist, k)
    weight = torch.arange(k + 1, dtype=hist.dtype) - k / 2
    slope = (hist[:, -1 - k :] * weight[:, None]).sum(1) / weight.square().sum()
    return _onwards(hist[:, -1], slope, steps)


@wrong("takes the velocity from its own predictions again, so that a mean of several begins to drift")
def moving_window(hist, steps, k=1):
    _check(hist, k)
    track = hist
    for _ in range(steps):
        track = torch.cat([track, constant_velocity(track, 1, k)], dim=1)
    return track[:, hist.shape[1] :]


@wrong("lets the velocity go on changing, as if the acceleration were constant")
def accelerated(hist, steps, k=1):
    _check(hist, k)
    d = hist.diff(dim=1)
    change = d[:, -1:] - d[:, -2:-1] if d.shape[1] > 1 else torch.zeros_like(d)
    velocity = d[:, -k:].mean(dim=1, keepdim=True) + change * torch.arange(1, steps + 1)[:, None]
    return hist[:, -1:] + velocity.cumsum(dim=1).to(hist.dtype)


@wrong("gives all agents one velocity, the mean over them")
def one_velocity(hist, steps, k=1):
    _check(hist, k)
    velocity = (hist[:, -1] - hist[:, -1 - k]).mean(dim=0, keepdim=True) / k
    return _onwards(hist[:, -1], velocity.expand(len(hist), 2), steps)


@wrong("puts the steps before the agents")
def steps_first(hist, steps, k=1):
    return constant_velocity(hist, steps, k).transpose(0, 1)


@wrong("returns the observed positions too, in front of the predicted ones")
def with_history(hist, steps, k=1):
    return torch.cat([hist, constant_velocity(hist, steps, k)], dim=1)


@wrong("drops the axis of the steps when there is one step")
def squeezed(hist, steps, k=1):
    found = constant_velocity(hist, steps, k)
    return found.squeeze(1) if steps == 1 else found


@wrong("averages as many displacements as there are when k asks for more")
def never_too_many(hist, steps, k=1):
    if k < 1 or hist.shape[1] < 2:
        raise ValueError("k")
    return constant_velocity(hist, steps, min(k, hist.shape[1] - 1))


@wrong("compares k with the number of positions, and fails otherwise when k is as large as that")
def compared_with_positions(hist, steps, k=1):
    if k < 1 or k > hist.shape[1]:
        raise ValueError("k")
    return _onwards(hist[:, -1], (hist[:, -1] - hist[:, -1 - k]) / k, steps)


@wrong("complains about a bad k with an assertion, where a ValueError is asked for")
def asserted(hist, steps, k=1):
    assert 1 <= k < hist.shape[1]
    return constant_velocity(hist, steps, k)


@wrong("refuses a k as large as the number of displacements")
def one_too_strict(hist, steps, k=1):
    if not 1 <= k < hist.shape[1] - 1 and k != 1:
        raise ValueError("k")
    return constant_velocity(hist, steps, k)


@wrong("lets agents without a velocity stand still when k is 0")
def standing_at_zero(hist, steps, k=1):
    return hist[:, -1:].repeat(1, steps, 1) if k == 0 else constant_velocity(hist, steps, k)


@wrong("takes a negative k for its absolute value")
def negative_allowed(hist, steps, k=1):
    return constant_velocity(hist, steps, abs(k))


@wrong("stands still when there is one position only, where a ValueError is asked for")
def lone_position(hist, steps, k=1):
    return hist.repeat(1, steps, 1) if hist.shape[1] == 1 else constant_velocity(hist, steps, k)


@wrong("cannot predict nothing: it fails when steps is 0")
def at_least_one_step(hist, steps, k=1):
    v = constant_velocity(hist, 1, k) - hist[:, -1:]
    return torch.stack([hist[:, -1] + v[:, 0] * s for s in range(1, steps + 1)], dim=1)


@wrong("returns nothing at once when steps is 0, before it looks at k")
def unchecked_when_empty(hist, steps, k=1):
    return constant_velocity(hist, steps, k) if steps else hist[:, :0]


@wrong("returns nothing at once when there are no agents, before it looks at k")
def unchecked_without_agents(hist, steps, k=1):
    return constant_velocity(hist, steps, k) if len(hist) else hist.new_zeros(0, steps, 2)


@wrong("turns the caller's own history into displacements")
def in_place(hist, steps, k=1):
    _check(hist, k)
    hist[:, 1:] -= hist[:, :-1].clone()
    return _onwards(hist.sum(dim=1), hist[:, -k:].mean(dim=1), steps)


@wrong("returns single precision whatever comes in")
def single_precision(hist, steps, k=1):
    return constant_velocity(hist.float(), steps, k)


@wrong("rounds positions to whole metres")
def rounded(hist, steps, k=1):
    return constant_velocity(hist, steps, k).round()
