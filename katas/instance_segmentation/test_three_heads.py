import torch

from grader import Kata, Rules, Source, Wanted


def features(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Features so large that, five layers on, the last ReLU still cuts something off beside its biases."""
    return source.normal(wanted.shape, 32.0)


kata = Kata(
    __file__,
    box_feat=features,
    mask_feat=features,
    rules=Rules(
        sizes={"r": (2, 3), "ch": (5, 6), "num_classes": (2, 3)},
        empty="r",
        dtypes=(torch.float64,),
        costly=True,
    ),
)
kata.also("one region, one class", {"r": 1, "num_classes": 1})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=1)
def test_default(MaskRCNNHeads):
    """Unless told otherwise, the model reads maps of 256 channels."""
    model = MaskRCNNHeads(2)
    cls, box, mask = model(torch.zeros(0, 256, 7, 7), torch.zeros(0, 256, 14, 14))
    shapes = [tuple(t.shape) for t in (cls, box, mask)]
    assert shapes == [(0, 3), (0, 8), (0, 2, 28, 28)], f"For no regions the shapes are {shapes}."
