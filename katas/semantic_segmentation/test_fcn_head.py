from grader import Kata, Rules, Source, Wanted, assert_close


def size(source: Source, wanted: Wanted, drawn: dict) -> tuple[int, int]:
    """An output size: larger than the map for the most part, sometimes the same or smaller along an axis."""
    grown = [n + source.integer(1, 13) for n in (wanted.sizes["h"], wanted.sizes["w"])]
    if source.integer(0, 2) == 2:
        axis = source.integer(0, 1)
        grown[axis] = source.integer(1, wanted.sizes["hw"[axis]])
    return grown[0], grown[1]


kata = Kata(
    __file__,
    size=size,
    rules=Rules(
        sizes={
            "b": (2, 3),
            "in_ch": (4, 5, 6),
            "num_classes": (2, 3, 7),
            "h": range(3, 8),
            "w": range(3, 9),
        },
        single="b in_ch num_classes h w",
    ),
)
kata.also("a map of one position", {"h": 1, "w": 1}, size=(5, 4))
kata.also("225 pixels from 8, as for a map of stride 32", {"b": 1, "h": 8, "w": 1}, size=(225, 3))
kata.also("61 pixels from 7", {"b": 1, "h": 7, "w": 2}, size=(61, 5))
kata.also("a whole factor of 4", {"h": 3, "w": 5}, size=(12, 20))
kata.also("wider than high", {"h": 5, "w": 4}, size=(7, 26))
kata.also("a smaller size", {"h": 7, "w": 8}, size=(3, 5))
kata.also("the map's own size", {"h": 4, "w": 6}, size=(4, 6))
kata.also("the map's own height, wider", {"h": 4, "w": 5}, size=(4, 9))
kata.also("the map's own width, higher", {"h": 3, "w": 6}, size=(7, 6))
kata.also("one pixel", {"h": 4, "w": 3}, size=(1, 1))

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_constant(FCNHead, in_ch, num_classes, feat, size):
    """Where all positions have the same features, all pixels have the same scores."""
    head = FCNHead(in_ch, num_classes).double().eval()
    flat = feat[:, :, :1, :1].expand_as(feat).contiguous()
    scores = head(flat, size)
    assert_close(scores, scores[..., :1, :1].expand_as(scores), "A constant map does not stay constant.")
