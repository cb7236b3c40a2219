import math

import torch

from grader import Kata, Rules, Source, Wanted, assert_close, backbone, logits, normal, regimes


def fhw(source: Source, wanted: Wanted, drawn: dict) -> tuple[int, int]:
    """Height and width of the pooled map."""
    return wanted.sizes["fh"], wanted.sizes["fw"]


@regimes("no lane", "all lanes")
def targets(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Columns, about a third of them no lane; none or all in two regimes."""
    cells = wanted.sizes["cells"]
    found = source.integers(wanted.shape, 0, cells - 1)
    share = {"no lane": 1.0, "all lanes": 0.0}.get(source.regime, 0.35)
    return found.masked_fill(source.flags(wanted.shape, share), cells)


kata = Kata(
    __file__,
    backbone=backbone("feat_ch"),
    fhw=fhw,
    x=normal,
    outputs=logits,
    targets=targets,
    rules=Rules(
        sizes={
            "b": (2, 3),
            "lanes": (2, 3),
            "rows": (4, 5),
            "fh": (4, 5),
            "fw": (6, 7),
            "feat_ch": (6, 7),
            "cells": (8, 9),
            "h": (10, 12, 14),
            "w": (11, 17, 19),
            "hidden": (15, 16),
        },
        single="b",
        layouts=False,
        gradients_of="x outputs",
    ),
)
kata.also("a map that already has the size", {"h": 8, "w": 11, "fh": 4, "fw": 6})
kata.also("a map lower and narrower than asked for", {"h": 5, "w": 6})
kata.also("a map lower and wider than asked for", {"h": 4, "w": 19})
kata.also("a map of one position", {"h": 1, "w": 2})
kata.also("one lane, one row, one column", {"b": 1, "lanes": 1, "rows": 1, "cells": 1})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()
test_training = kata.trains(
    "RowAnchorNet", "lane_loss", sizes={"b": 2, "h": 9, "w": 11}, steps=10, lr=0.05, to=0.7
)


@kata.check(times=2)
def test_stages(RowAnchorNet, backbone, feat_ch, fhw, lanes, rows, cells, hidden, x):
    """Each stage has its shape: the map, one vector per image, the scores of every lane and row."""
    model = RowAnchorNet(backbone, feat_ch, fhw, lanes, rows, cells, hidden).double().eval()
    b, _, h, w = x.shape
    features, scores = model.encode(x), model(x)
    small = ((h + 1) // 2, (w + 1) // 2)
    assert features.shape == (b, feat_ch, *small), f"encode gives {tuple(features.shape)}."
    vector = model.compress(features)
    assert vector.shape == (b, 8 * fhw[0] * fhw[1]), f"compress gives {tuple(vector.shape)}."
    found = model.classify(vector)
    assert found.shape == (b, lanes, rows, cells + 1), f"classify gives {tuple(found.shape)}."
    assert_close(found, scores, "classify of compress of encode is not what forward gives.")


@kata.check(times=1)
def test_large(RowAnchorNet, backbone, feat_ch, fhw, lanes, rows, cells, hidden, source):
    """Nothing in the head is bounded: ten times as large a vector gives ten times as large scores."""
    model = RowAnchorNet(backbone, feat_ch, fhw, lanes, rows, cells, hidden).double().eval()
    # So large that biases do not matter.
    vector = 1e9 * source.normal((2, 8 * fhw[0] * fhw[1]))
    found, other = model.classify(vector), model.classify(10 * vector)
    assert_close(other / 1e10, found / 1e9, "The scores do not grow with the vector.")


@kata.check(times=1)
def test_sizes(RowAnchorNet, backbone, feat_ch, fhw, lanes, rows, cells, hidden, x):
    """One model takes images of several sizes, and an even map gives the same vector at any size."""
    model = RowAnchorNet(backbone, feat_ch, fhw, lanes, rows, cells, hidden).double().eval()
    for image in (x, x[:, :, 2:, 3:], x[:, :, :5].repeat(1, 1, 3, 2)):
        found = tuple(model(image).shape)
        assert found == (len(x), lanes, rows, cells + 1), f"A second image size gives {found}."
    colour = torch.linspace(-1, 1, feat_ch).double()[None, :, None, None]
    wanted = model.compress(colour.expand(1, -1, *fhw).contiguous())
    for h, w in ((2 * fhw[0] + 1, 3 * fhw[1] - 1), (2, 1)):
        found = model.compress(colour.expand(1, -1, h, w).contiguous())
        assert_close(found, wanted, f"An even map of {h} x {w} gives another vector.")


@kata.check(times=1, regime="no lane")
def test_no_lane(lane_loss, outputs, targets, cells):
    """An empty road teaches as much as a full one: with equal scores, the loss is log(cells + 1)."""
    outputs = torch.zeros_like(outputs, requires_grad=True)
    loss = lane_loss(outputs, targets)
    assert_close(loss.detach(), torch.tensor(math.log(cells + 1)).double(), "The loss of an empty road.")
    loss.backward()
    assert bool((outputs.grad[..., -1] < 0).all()), "Nothing raises the score of no lane."
