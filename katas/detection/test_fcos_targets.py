import torch

from grader import Kata, Rules, Source, Wanted, assert_close, regimes

_SCALE = {"large": 64, "small": 1 / 4}


@regimes("touching", "tied", "large", "nested", "degenerate", "small")
def boxes(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Overlapping boxes in a 24 pixel square, in quarters; of equal areas, tiny, or very large."""
    m = wanted.shape[0]
    if source.regime == "touching":
        start = source.integers((m, 2), 0, 3).double() * 2
        extent = 2 ** source.integers((m, 2), 1, 3).double()
    elif source.regime == "tied":
        # 2 by 8, 4 by 4 or 8 by 2, all of area 16 and around one another.
        width = 2 ** source.integers((m,), 1, 3).double()
        extent = torch.stack([width, 16 / width], dim=-1)
        start = source.integers((m, 2), 5, 7) - extent / 2
    elif source.regime == "nested":
        step = source.permutation(m).double()[:, None].expand(m, 2)
        start, extent = 8 - step, 8 + 2 * step
    else:
        # Slender and stout ones around the middle, so that most points lie in several.
        centre, extent = source.coarse((m, 2), 9, 15), source.coarse((m, 2), 2, 22)
        start = centre - extent / 2
    if source.regime == "degenerate":
        extent = torch.where(source.flags((m, 2), 0.4), torch.zeros(()).double(), extent)
    return torch.cat([start, start + extent], dim=-1) * _SCALE.get(source.regime, 1)


def labels(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Classes from 1 to 80."""
    return source.integers(wanted.shape, 1, 80)


def points(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Points in the same square: in some regimes on the edges and corners of boxes."""
    if source.regime == "touching":
        return source.integers(wanted.shape, 1, 12).double()
    if source.regime == "tied":
        return source.integers(wanted.shape, 4, 8).double()
    if source.regime == "nested":
        return source.integers(wanted.shape, 4, 18).double() + 0.5
    found = (
        source.coarse(wanted.shape, 4, 20) if source.flags((), 0.3) else source.coarse(wanted.shape, 8, 16)
    )
    if source.regime == "degenerate" and len(drawn["boxes"]):
        # The corners of the boxes themselves, in turn.
        turns = torch.arange(wanted.shape[0]) % len(drawn["boxes"])
        found = torch.where(source.flags(wanted.shape[:1])[:, None], drawn["boxes"][turns, :2], found)
    return found * _SCALE.get(source.regime, 1)


kata = Kata(
    __file__,
    boxes=boxes,
    labels=labels,
    points=points,
    rules=Rules(
        pictures={"boxes": "xyxy"}, sizes={"l": range(8, 17), "m": range(2, 8)}, empty="l m", single="l m"
    ),
)

test_contract = kata.contract()
test_values = kata.values()


@kata.check
def test_boxes_come_back(fcos_targets, points, boxes, labels):
    """A positive point less (l, t) and plus (r, b) gives back the corners of a box with its label."""
    cls, ltrb, _ = fcos_targets(points, boxes, labels)
    for point, label, sides in zip(points, cls, ltrb):
        if label > 0:
            corners = torch.cat([point - sides[:2], point + sides[2:]])
            same = (boxes - corners).abs().amax(dim=1) < 1e-6
            assert bool((same & (labels == label)).any()), (
                "A positive point's distances lead to no box of its class."
            )


@kata.check
def test_mirror(fcos_targets, points, boxes, labels):
    """Exchanging x and y exchanges l with t and r with b, and changes nothing else."""
    cls, ltrb, centerness = fcos_targets(points, boxes, labels)
    turned = fcos_targets(points.flip(1), boxes[:, [1, 0, 3, 2]], labels)
    assert_close(turned[0], cls, "Exchanging x and y changes the classes.")
    assert_close(
        turned[1], ltrb[:, [1, 0, 3, 2]], "Exchanging x and y does not exchange l with t and r with b."
    )
    assert_close(turned[2], centerness, "Exchanging x and y changes the centre-ness.")
