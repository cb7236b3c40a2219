import torch
from torch.nn import functional as F

from grader import Kata, Rules, Tolerance, assert_close, one_of

kata = Kata(
    __file__,
    f=one_of(2, 4, 6, 8),
    rules=Rules(single="ch", dtypes=(torch.float64,)),
)
kata.also("the first stage of FCN-16s", {"ch": 21}, f=2)
kata.also("three channels, a factor of 4", {"ch": 3}, f=4)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=3)
def test_interpolates(bilinear_deconv, ch, f, source):
    """Away from the border the layer does what F.interpolate does."""
    x = source.normal((2, ch, 4, 5)).float()
    wanted = F.interpolate(x, scale_factor=f, mode="bilinear", align_corners=False)
    with torch.no_grad():
        found = bilinear_deconv(ch, f)(x)
    assert found.shape == wanted.shape, "The layer does not multiply height and width by f."
    inner = (..., slice(f // 2, -(f // 2)), slice(f // 2, -(f // 2)))
    sentence = "Away from the border the layer does not interpolate as F.interpolate does."
    assert_close(found[inner], wanted[inner], sentence, tolerance=Tolerance())
