import torch

from grader import Kata, Rules, Tolerance, assert_close, normal, one_of

kata = Kata(
    __file__,
    stride=one_of(1, 2),
    padding=one_of(0, 1, 2),
    dilation=one_of(1, 2),
    x=normal,
    rules=Rules(
        sizes={"b": 2, "i": (4, 5), "o": (5, 6), "k": 3, "h": 7, "w": (8, 9)},
        single="b i o k",
    ),
)
kata.also("one place", {"k": 3, "h": 3, "w": 3}, stride=2, padding=0, dilation=1)
kata.also("a stride of 3, a padding of 3", {"k": 2}, stride=3, padding=3, dilation=2)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=1)
def test_numbers(GatedConv2d, i, o, k, x):
    """With all weights 0 and all biases t, the result is ELU(t) times the sigmoid of t at every place."""
    model = GatedConv2d(i, o, k).double()
    for t, wanted in ((0.0, 0.0), (3.0, 2.857722), (-1.0, -0.170003), (-4.0, -0.017657)):
        # A bias has o values, or twice as many where it stands for both: fewer than any weight here.
        biases = {n for n, v in model.state().items() if v.numel() <= 2 * o}
        model.fill({n: torch.full_like(v, t * (n in biases)) for n, v in model.state().items()})
        found = model(x)
        told = f"With weights of 0 and biases of {t:g} the result is not {wanted:g} everywhere."
        assert_close(found, torch.full_like(found, wanted), told, tolerance=Tolerance(float64=(1e-4, 1e-4)))
