import torch

from grader import Kata, Rules, Source, Wanted, assert_close, regimes


def labels(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Labels, about a third of them anomalies; both classes occur where there is room for them."""
    found = source.flags(wanted.shape, 0.35).long()
    if len(found) > 1:
        one, other = source.permutation(len(found))[:2]
        found[one], found[other] = 0, 1
    return found


@regimes("tied", "all tied", "separate", "large", "near")
def scores(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Scores somewhat higher for anomalies: a few values, one, no overlap, huge ones, neighbours."""
    n, anomaly = wanted.shape, drawn["labels"]
    if source.regime == "all tied":
        return torch.full(n, 0.25).double()
    if source.regime == "tied":
        return source.integers(n, -1, 1).double() + 0.5 * anomaly * source.flags(n)
    if source.regime == "separate":
        return source.numbers(n, 0, 1) + 2 * anomaly * source.choice((-1, 1))
    found = source.normal(n) + anomaly
    if source.regime == "large":
        return found * 2.0**12
    return 1 + found * 2.0**-10 if source.regime == "near" else found


kata = Kata(
    __file__,
    labels=labels,
    scores=scores,
    rules=Rules(sizes={"n": range(9, 20)}, empty="n", single="n"),
)
kata.also("anomalies only", {"n": 4}, labels=torch.ones(4).long())
kata.also("normal samples only", {"n": 4}, labels=torch.zeros(4).long())
kata.also("one pair", scores=torch.tensor([0.5, 0.25]), labels=torch.tensor([1, 0]))
kata.also("one pair that ties", scores=torch.tensor([0.5, 0.5]), labels=torch.tensor([0, 1]))
_close = 0.75 + torch.tensor([3, 1, 2, 0, 4, 4]).double() * 2.0**-40
kata.also("scores that differ by very little", scores=_close, labels=torch.tensor([1, 0, 1, 0, 0, 1]))
kata.also(
    "scores that differ by very little, and two far away",
    scores=torch.cat([_close, torch.tensor([5.0, -3.0]).double()]),
    labels=torch.tensor([1, 0, 1, 0, 0, 1, 0, 1]),
)
kata.also(
    "scores as large as logits may be",
    scores=torch.tensor([900.0, 800, 700, -700, -800, 600, 600]),
    labels=torch.tensor([1, 0, 1, 1, 0, 0, 1]),
)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=3)
def test_monotone(auroc, scores, labels):
    """Only the order counts: scores that are shifted, stretched or cubed have the same AUROC."""
    before = float(auroc(scores, labels))
    for told, other in (
        ("a shift and a scale", 3 * scores + 5),
        ("a scale of 2^-30", scores * 2.0**-30),
        ("the third power", scores**3),
    ):
        assert_close(float(auroc(other, labels)), before, f"{told.capitalize()} changes the result.")


@kata.check(times=2, regime="tied")
def test_negated(auroc, scores, labels):
    """Scores turned round have one minus the AUROC, ties or not, and so have labels turned round."""
    found = float(auroc(scores, labels))
    assert_close(float(auroc(-scores, labels)), 1 - found, "The negative scores do not give one minus it.")
    assert_close(float(auroc(scores, 1 - labels)), 1 - found, "Swapped labels do not give one minus it.")


@kata.check(times=2, regime="tied")
def test_order(auroc, scores, labels, source):
    """The order in which the samples come changes nothing."""
    found, p = float(auroc(scores, labels)), source.permutation(len(scores))
    assert_close(
        float(auroc(scores[p], labels[p])), found, "Another order of the samples gives another result."
    )


@kata.check(times=1)
def test_guess(auroc, scores, labels):
    """When all scores are equal the result is 0.5."""
    found = float(auroc(torch.full_like(scores, 0.25), labels))
    assert abs(found - 0.5) < 1e-6, f"Equal scores have an AUROC of {found:.3f}."
