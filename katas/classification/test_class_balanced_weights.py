import torch

from grader import Kata, Rules, Source, Wanted, assert_close, one_of, regimes


@regimes("absent", "long_tailed")
def counts(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Numbers of samples; some are zero in one regime, a few dwarf the others in another."""
    found = source.integers(wanted.shape, 1, 40)
    if source.regime == "long_tailed":
        return found * 10 ** source.integers(wanted.shape, 0, 2)
    if source.regime == "absent":
        return torch.where(source.flags(wanted.shape, 0.4), 0, found)
    return found


kata = Kata(
    __file__,
    counts=counts,
    beta=one_of(None, 0.0, 0.5, 0.9, 0.99, 0.999),
    rules=Rules(empty="k", single="k"),
)
for beta in (None, 0.0, 0.9):
    kata.also("no class occurs", counts=torch.zeros(4, dtype=torch.int64), beta=beta)
    kata.also("one class occurs", counts=torch.tensor([0, 0, 7, 0]), beta=beta)
    kata.also("many samples", counts=torch.tensor([1_000_000, 20_000, 0, 300]), beta=beta)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(regime="absent")
def test_beta_zero(class_balanced_weights, counts):
    """With beta = 0 every class that occurs has the same weight."""
    found = class_balanced_weights(counts, beta=0.0)[counts > 0]
    assert_close(found, torch.full_like(found, len(counts) / max(len(found), 1)))


@kata.check
def test_beta_near_one(class_balanced_weights, counts):
    """As beta nears 1 the weights approach those of inverse frequency."""
    near, inverse = class_balanced_weights(counts, beta=0.9999), class_balanced_weights(counts, beta=None)
    close = torch.allclose(near.double(), inverse.double(), rtol=1e-2)
    assert close, "For beta = 0.9999 the weights are not near those of beta = None."


@kata.check(regime="absent")
def test_sum(class_balanced_weights, counts, beta):
    """The weights sum to the number of classes, whichever of them occur."""
    found = class_balanced_weights(counts, beta=beta)
    assert_close(found.sum(), torch.tensor(float(len(counts) if counts.any() else 0)))
