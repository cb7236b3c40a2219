"""The lane accuracy of the TuSimple benchmark.

A lane is a row of numbers, its x in pixels at each of R fixed image rows. pred [P, R] are the predicted
lanes of one image, gt [G, R] the true ones, in no particular order. A negative x, whatever number it is,
says that the lane has no point at this row; x = 0 is a point.

* A row of a predicted and a true lane is right if both have a point there and |x - x'| < thr, strictly,
  or if neither has one. Where only one of them has a point the row is wrong.
* The score of a true lane is the largest share of right rows, of all R rows, that any prediction
  reaches: its best prediction counts. If there is no prediction, the score is 0.
* A true lane is matched if its score is at least 0.85. One prediction may be the best of several true
  lanes, and then matches them all.

Return (acc, fp, fn), each a float or a 0-d tensor:

    acc   mean of the scores of all true lanes, matched or not; 0 if G is 0
    fp    (P - matched) / P, 0 if P is 0      matched counts true lanes, so fp can be negative
    fn    (G - matched) / G, 0 if G is 0

* P and G may be 0; R is at least 1. thr is greater than 0 and at most 100.
* The official script does more: it widens thr for slanted lanes, leaves out the worst of five true lanes
  and gives up on too many predictions. Here thr is the same for all lanes, and all lanes count.
* pred and gt stay as they are. All tensors are on the CPU.

Example, R = 4, thr = 20. gt: (100, 110, 120, -2) and (300, 310, 320, 330). pred: (105, 130, 119, -2) and
(-2, -2, -2, -2). The first prediction is 5, 20 and 1 px off the first true lane, so three rows of four
are right (20 is not less than 20, and neither has a point in the last). The second true lane shares no
right row with either prediction. So the scores are 3/4 and 0, nothing is matched: (0.375, 1.0, 1.0).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 3
MINUTES = 25
HINTS = (
    "Write down when one row is right, for one prediction and one true lane: there are four cases of point "
    "and no point. What does the difference of two missing points say?",
    "Pair all predictions with all true lanes by broadcasting. Of the matrix of shares you need one number "
    "for each true lane. What is it where there is no prediction?",
    "A row is right where both are present and near, or where both are missing. Average over rows, take the "
    "largest over predictions (with a row of zeros added, so that there is one), count those of 0.85 and "
    "more, and keep every denominator at 1 or above.",
)


def tusimple(
    pred: Float[Tensor, "p r"], gt: Float[Tensor, "g r"], thr: float = 20.0
) -> tuple[float, float, float]:
    """Return the accuracy, the rate of false positives and the rate of false negatives of an image."""
    score = _shares(pred, gt, thr).amax(dim=0)
    matched = int((score >= 0.85).sum())
    n_pred, n_gt = len(pred), len(gt)
    acc = score.sum().item() / max(n_gt, 1)
    return acc, (n_pred - matched) / max(n_pred, 1), (n_gt - matched) / max(n_gt, 1)


def _shares(pred: Float[Tensor, "p r"], gt: Float[Tensor, "g r"], thr: float) -> Tensor:
    """Return the share of right rows of every pair, and a last row of zeros: no prediction."""
    seen_pred, seen_gt = pred[:, None] >= 0, gt >= 0
    near = (pred[:, None] - gt).abs() < thr  # p g r
    correct = torch.where(seen_pred & seen_gt, near, ~seen_pred & ~seen_gt)
    return torch.cat([correct.double().mean(dim=-1), torch.zeros(1, len(gt)).double()])


def _rates(score, n_pred, at_least=0.85):
    """The three numbers from the score of each true lane."""
    n_gt, matched = len(score), int((score >= at_least).sum())
    acc = score.sum().item() / max(n_gt, 1)
    return acc, (n_pred - matched) / max(n_pred, 1), (n_gt - matched) / max(n_gt, 1)


def _best(correct):
    """The score of each true lane from right rows p g r."""
    share = correct.double().mean(-1)
    return torch.cat([share, share.new_zeros(1, share.shape[1])]).amax(0)


def _correct(pred, gt, thr):
    p = pred[:, None]
    return torch.where((p >= 0) & (gt >= 0), (p - gt).abs() < thr, (p < 0) & (gt < 0))


@right("in NumPy, with missing points moved to -100, as the official script does")
def moved_away(pred, gt, thr=20.0):
    import numpy as np

    pred, gt = pred.numpy(), gt.numpy()
    scores, fn, matched = [], 0, 0
    for g in gt:
        g = np.where(g >= 0, g, -100)
        shares = [np.mean(np.abs(np.where(p >= 0, p, -100) - g) < thr) for p in pred]
        best = max(shares) if shares else 0.0
        if best < 0.85:
            fn += 1
        else:
            matched += 1
        scores.append(best)
    acc = sum(scores) / max(len(gt), 1)
    fp = (len(pred) - matched) / len(pred) if len(pred) else 0.0
    return float(acc), fp, fn / max(len(gt), 1)


@right("in plain Python, with counts compared as whole numbers")
def counted(pred, gt, thr=20.0):
    P, G, n = pred.tolist(), gt.tolist(), gt.shape[1]
    best = []
    for g in G:
        most = 0
        for p in P:
            rows = 0
            for a, b in zip(p, g):
                if a < 0 or b < 0:
                    rows += a < 0 and b < 0
                else:
                    rows += abs(a - b) < thr
            most = max(most, rows)
        best.append(most)
    matched = sum(100 * m >= 85 * n for m in best)
    acc = sum(best) / (n * len(G)) if G else 0
    fp = (len(P) - matched) / len(P) if P else 0
    fn = (len(G) - matched) / len(G) if G else 0
    return acc, fp, fn


@right("with the cases of no lanes first, in float32 and as 0-d tensors")
def cases_first(pred, gt, thr=20.0):
    zero, one = torch.tensor(0.0), torch.tensor(1.0)
    P, G = pred.size(0), gt.size(0)
    if G == 0:
        return zero, (one if P else zero), zero
    if P == 0:
        return [zero, zero, one]
    a, b = pred.unsqueeze(1).expand(P, G, -1), gt.unsqueeze(0).expand(P, G, -1)
    both, none = (a >= 0) & (b >= 0), (a < 0) & (b < 0)
    hit = (both & (torch.abs(a - b) < thr)) | none
    best = hit.float().mean(dim=2).max(dim=0).values
    matched = (best >= 0.85).float().sum()
    return best.mean(), (P - matched) / P, 1 - matched / G


@right("with missing points as infinite, and their number counted apart")
def infinite(pred, gt, thr=20.0):
    inf = float("inf")
    p, g = pred.masked_fill(pred < 0, inf), gt.masked_fill(gt < 0, -inf)
    scores = []
    for lane, raw in zip(g, gt):
        share = 0.0
        for q, q_raw in zip(p, pred):
            hits = ((q - lane).abs() < thr).sum() + ((q_raw < 0) & (raw < 0)).sum()
            share = max(share, hits.item() / len(lane))
        scores.append(share)
    matched = len([s for s in scores if s >= 0.85])
    return (
        sum(scores) / max(1, len(scores)),
        (len(pred) - matched) / max(1, len(pred)),
        (len(gt) - matched) / max(1, len(gt)),
    )


@wrong("compares missing points like any other number")
def raw_numbers(pred, gt, thr=20.0):
    return _rates(_best((pred[:, None] - gt).abs() < thr), len(pred))


@wrong("counts a row as right only where both lanes have a point")
def both_present(pred, gt, thr=20.0):
    return _rates(_best(_correct(pred, gt, thr) & (gt >= 0)), len(pred))


@wrong("leaves rows without a true point out of the share")
def true_rows_only(pred, gt, thr=20.0):
    count = (gt >= 0).sum(-1)
    share = (_correct(pred, gt, thr) & (gt >= 0)).sum(-1) / count.clamp(min=1)
    return _rates(torch.cat([share, torch.zeros(1, len(gt))]).amax(0).double(), len(pred))


@wrong("counts a row as right wherever the true lane has no point, whatever is predicted there")
def free_where_missing(pred, gt, thr=20.0):
    return _rates(_best(_correct(pred, gt, thr) | (gt < 0)), len(pred))


@wrong("counts a row as right wherever the prediction has no point")
def free_where_silent(pred, gt, thr=20.0):
    return _rates(_best(_correct(pred, gt, thr) | (pred[:, None] < 0)), len(pred))


@wrong("marks missing points with NaN, so that a row without any point is wrong")
def as_nan(pred, gt, thr=20.0):
    p, g = pred.masked_fill(pred < 0, torch.nan), gt.masked_fill(gt < 0, torch.nan)
    return _rates(_best((p[:, None] - g).abs() <= thr), len(pred))


@wrong("takes x = 0 for a missing point")
def zero_is_missing(pred, gt, thr=20.0):
    return tusimple(pred.where(pred > 0, -1), gt.where(gt > 0, -1), thr)


@wrong("takes only -2 for a missing point")
def only_minus_two(pred, gt, thr=20.0):
    p = pred[:, None]
    gone, void = p == -2, gt == -2
    return _rates(_best(torch.where(gone | void, gone & void, (p - gt).abs() < thr)), len(pred))


@wrong("moves missing points to -50, to which a point may still be near when thr is large")
def moved_too_little(pred, gt, thr=20.0):
    return _rates(
        _best((pred.where(pred >= 0, -50)[:, None] - gt.where(gt >= 0, -50)).abs() < thr), len(pred)
    )


@wrong("counts a point exactly thr away as right")
def at_threshold(pred, gt, thr=20.0):
    p = pred[:, None]
    near = (p - gt).abs() <= thr
    return _rates(_best(torch.where((p >= 0) & (gt >= 0), near, (p < 0) & (gt < 0))), len(pred))


@wrong("forgets that a distance has no sign")
def signed(pred, gt, thr=20.0):
    p = pred[:, None]
    return _rates(_best(torch.where((p >= 0) & (gt >= 0), p - gt < thr, (p < 0) & (gt < 0))), len(pred))


@wrong("takes a lane whose score is exactly 0.85 for unmatched")
def above_only(pred, gt, thr=20.0):
    return _rates(_best(_correct(pred, gt, thr)), len(pred), at_least=0.8500001)


@wrong("takes a lane for matched from a score of 0.5 on")
def half_is_enough(pred, gt, thr=20.0):
    return _rates(_best(_correct(pred, gt, thr)), len(pred), at_least=0.5)


@wrong("averages over the matched lanes only")
def matched_only(pred, gt, thr=20.0):
    _, fp, fn = tusimple(pred, gt, thr)
    score = _best(_correct(pred, gt, thr))
    kept = score[score >= 0.85]
    return (kept.mean().item() if len(kept) else 0.0), fp, fn


@wrong("scores a lane that is not matched as 0")
def unmatched_is_zero(pred, gt, thr=20.0):
    _, fp, fn = tusimple(pred, gt, thr)
    score = _best(_correct(pred, gt, thr))
    return (score * (score >= 0.85)).sum().item() / max(len(gt), 1), fp, fn


@wrong("returns the share of matched lanes as the accuracy")
def share_of_matched(pred, gt, thr=20.0):
    _, fp, fn = tusimple(pred, gt, thr)
    return (1 - fn if len(gt) else 0.0), fp, fn


@wrong("averages over all pairs instead of the best prediction of each true lane")
def all_pairs(pred, gt, thr=20.0):
    share = _correct(pred, gt, thr).double().mean(-1)
    return _rates(share.mean(0) if len(pred) else torch.zeros(len(gt)).double(), len(pred))


@wrong("takes the best true lane of each prediction, instead of the best prediction of each true lane")
def best_for_predictions(pred, gt, thr=20.0):
    _, fp, fn = tusimple(pred, gt, thr)
    share = _correct(pred, gt, thr).double().mean(-1)
    best = share.amax(1) if len(gt) else torch.zeros(len(pred)).double()
    return (best.mean().item() if len(pred) else 0.0), fp, fn


@wrong("compares lanes in the order in which they come")
def in_order(pred, gt, thr=20.0):
    share = _correct(pred, gt, thr).double().mean(-1)
    least = min(len(pred), len(gt))
    score = torch.zeros(len(gt)).double()
    score[:least] = share.diagonal()[:least]
    return _rates(score, len(pred))


@wrong("lets a prediction serve one true lane only")
def one_to_one(pred, gt, thr=20.0):
    share = _correct(pred, gt, thr).double().mean(-1)
    score = torch.zeros(len(gt)).double()
    for _ in range(min(share.shape)):
        p, g = divmod(int(share.argmax()), len(gt))
        score[g] = share[p, g]
        share[p], share[:, g] = -1, -1
    return _rates(score, len(pred))


@wrong("counts the predictions that match no true lane as false positives")
def unused_predictions(pred, gt, thr=20.0):
    acc, _, fn = tusimple(pred, gt, thr)
    used = (_correct(pred, gt, thr).double().mean(-1) >= 0.85).any(1)
    return acc, (int((~used).sum()) / len(pred) if len(pred) else 0.0), fn


@wrong("counts a prediction that matches several true lanes once among the matched")
def counted_once(pred, gt, thr=20.0):
    acc, fp, fn = tusimple(pred, gt, thr)
    share = _correct(pred, gt, thr).double().mean(-1)
    if share.numel():
        best, which = share.max(0)
        fp = (len(pred) - len(which[best >= 0.85].unique())) / len(pred)
    return acc, fp, fn


@wrong("does not let the rate of false positives be negative")
def clamped(pred, gt, thr=20.0):
    acc, fp, fn = tusimple(pred, gt, thr)
    return acc, max(fp, 0.0), fn


@wrong("counts only four of five or more true lanes, and leaves out the worst, as the official script does")
def four_of_five(pred, gt, thr=20.0):
    acc, fp, fn = tusimple(pred, gt, thr)
    score = _best(_correct(pred, gt, thr))
    if len(gt) > 4:
        missed = int((score < 0.85).sum())
        acc, fn = (score.sum() - score.min()).item() / 4, max(missed - 1, 0) / 4
    return acc, fp, fn


@wrong("widens thr for slanted lanes, as the official script does")
def slanted(pred, gt, thr=20.0):
    slope = torch.diff(gt, dim=-1).abs().mean(-1, keepdim=True).nan_to_num(0) / 10
    widened = thr * (1 + slope.square()).sqrt()
    return _rates(_best(_correct(pred, gt, widened)), len(pred))


@wrong("gives up where there are over two predictions more than true lanes, as the official script does")
def too_many(pred, gt, thr=20.0):
    return (0.0, 0.0, 1.0) if len(pred) > len(gt) + 2 else tusimple(pred, gt, thr)


@wrong("divides both rates by the number of true lanes")
def over_true(pred, gt, thr=20.0):
    acc, fp, fn = tusimple(pred, gt, thr)
    return acc, fp * len(pred) / max(len(gt), 1), fn


@wrong("divides both rates by the number of predictions")
def over_predicted(pred, gt, thr=20.0):
    acc, fp, fn = tusimple(pred, gt, thr)
    return acc, fp, fn * len(gt) / max(len(pred), 1)


@wrong("returns how many lanes are wrong instead of rates")
def numbers(pred, gt, thr=20.0):
    acc, fp, fn = tusimple(pred, gt, thr)
    return acc, fp * len(pred), fn * len(gt)


@wrong("returns the two rates the other way round")
def swapped(pred, gt, thr=20.0):
    acc, fp, fn = tusimple(pred, gt, thr)
    return acc, fn, fp


@wrong("returns percent")
def percent(pred, gt, thr=20.0):
    return tuple(100 * value for value in tusimple(pred, gt, thr))


@wrong("fails where there is no prediction, because a maximum is taken of nothing")
def fails_without_prediction(pred, gt, thr=20.0):
    score = _correct(pred, gt, thr).double().mean(-1).max(dim=0).values
    return _rates(score, len(pred))


@wrong("returns zeros where there is no prediction, as if nothing had been missed")
def nothing_missed(pred, gt, thr=20.0):
    return (0.0, 0.0, 0.0) if len(pred) == 0 else tusimple(pred, gt, thr)


@wrong("divides by zero where there is no true lane")
def fails_without_lane(pred, gt, thr=20.0):
    _, fp, fn = tusimple(pred, gt, thr)
    return _best(_correct(pred, gt, thr)).mean().item(), fp, fn


@wrong("gives an image without true lanes the accuracy 1")
def perfect_without_lane(pred, gt, thr=20.0):
    acc, fp, fn = tusimple(pred, gt, thr)
    return (acc if len(gt) else 1.0), fp, fn


@wrong("returns no false positives where there is no true lane")
def nothing_false(pred, gt, thr=20.0):
    return tusimple(pred, gt, thr) if len(gt) else (0.0, 0.0, 0.0)


@wrong("always allows 20 px, whatever thr says")
def fixed_threshold(pred, gt, thr=20.0):
    return tusimple(pred, gt)


@wrong("has another default of thr")
def other_default(pred, gt, thr=15.0):
    return tusimple(pred, gt, thr)


@wrong("moves missing points in the caller's own tensors")
def in_place(pred, gt, thr=20.0):
    pred[pred < 0] = -100
    gt[gt < 0] = -100
    return tusimple(pred, gt, thr)
