import torch

from grader import Kata, Rules, Source, Wanted, assert_close, number, regimes


@regimes("full")
def ids(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Ids with gaps, in no order; of several lanes one has a single pixel. Background but in one regime."""
    h, w = wanted.shape
    lanes = wanted.sizes["lanes"]
    names = torch.cat([torch.zeros(1).long(), source.permutation(8)[:lanes] + 1])
    which = source.integers((h * w,), int(source.regime == "full"), max(lanes - 1, 1))
    which[source.permutation(h * w)[:lanes]] = torch.arange(1, lanes + 1)
    return names[which].reshape(h, w)


@regimes("near", "far")
def emb(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """A centre for each lane and what is around it; near centres and little spread, or far and much."""
    e, h, w = wanted.shape
    centre = source.normal((e, 10), {"near": 0.5, "far": 8.0}.get(source.regime, 2.0) * (2 / e) ** 0.5)
    around = source.normal((e, h, w), {"near": 0.125, "far": 2.0}.get(source.regime, 0.75))
    return centre[:, drawn["ids"]] + around


kata = Kata(
    __file__,
    dv=number(0.25, 1.5),
    dd=number(1.5, 5),
    ids=ids,
    emb=emb,
    rules=Rules(
        sizes={"e": (2, 3, 4), "h": (3, 4, 5), "w": (5, 6, 7), "lanes": (2, 3, 4)},
        single="e h lanes",
        # float32 comes first, so that with fewer than two lanes a plain torch.zeros(()) has the right dtype.
        dtypes=(torch.float32, torch.float64),
    ),
)
kata.also("no lane", {"h": 2, "w": 3}, ids=torch.zeros(2, 3).long())
kata.also("no background, one lane", {"h": 2, "w": 3}, ids=torch.full((2, 3), 3), dv=0.5, dd=3.0)
kata.also("seven lanes", {"h": 4, "w": 6, "lanes": 7})
kata.also("no margins", dv=0.0, dd=0.0)
kata.also(
    "pixels exactly at the margins",
    {"e": 1, "h": 1, "w": 5},
    emb=torch.tensor([[[-0.5, 0.5, 2.0, 3.0, 9.0]]]),
    ids=torch.tensor([[1, 1, 5, 5, 0]]),
    dv=0.5,
    dd=2.5,
)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_well_apart(discriminative_loss, emb, ids, dv, dd):
    """Lanes within dv of their means, with means dd apart, have no loss."""
    emb = emb / emb.abs().amax() * dv / 8
    emb[0] += 2 * dd * ids
    pull, push = discriminative_loss(emb, ids, dv=dv, dd=dd)
    assert abs(float(pull)) < 1e-6, f"pull is {float(pull):.4g}, where all pixels are within dv of a mean."
    assert abs(float(push)) < 1e-6, f"push is {float(push):.4g}, where all means are dd apart."


@kata.check(times=2)
def test_names(discriminative_loss, emb, ids):
    """Which number a lane has does not matter."""
    names = torch.tensor([0, 256, 3, 1024, 2, 512, 5, 300, 13])
    before, after = discriminative_loss(emb, ids), discriminative_loss(emb, names[ids])
    assert_close(after[0], before[0], "Other ids, up to 1024, change pull.")
    assert_close(after[1], before[1], "Other ids, up to 1024, change push.")


@kata.check(times=2)
def test_moved(discriminative_loss, emb, ids):
    """Only differences count: the same number added to all embeddings changes nothing."""
    before, after = discriminative_loss(emb, ids), discriminative_loss(emb + 2, ids)
    assert_close(after[0], before[0], "Moving all embeddings changes pull.")
    assert_close(after[1], before[1], "Moving all embeddings changes push.")
