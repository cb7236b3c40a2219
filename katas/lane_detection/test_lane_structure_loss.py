import torch

from grader import Kata, Rules, Source, Wanted, assert_close, regimes


@regimes("alike", "large", "no lane sure")
def logits(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Scores; in special regimes equal for many rows, in the hundreds, or with no lane far ahead."""
    found = source.normal(wanted.shape, 300.0 if source.regime == "large" else 1.5)
    if source.regime == "alike":
        same = source.flags(wanted.shape[:3], 0.7)[..., None]
        found = torch.where(same, found[:, :, :1], found)
    if source.regime == "no lane sure":
        found[..., -1] += 800.0 * source.flags(wanted.shape[:3])
    return found


kata = Kata(
    __file__,
    logits=logits,
    rules=Rules(
        sizes={"b": (2, 3), "l": (2, 3, 4), "r": (5, 6), "c": (4, 7, 8)},
        single="b l r c",
    ),
)
for rows in (1, 2, 3):
    kata.also(f"rows: {rows}", {"r": rows})
kata.also("rows: 2, one lane", {"b": 1, "l": 1, "r": 2})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


def _sure(columns: list[int], c: int) -> torch.Tensor:
    """Scores of one lane that is sure of one column per row."""
    return 1000.0 * torch.nn.functional.one_hot(torch.tensor(columns), c + 1).double()[None, None]


@kata.check(times=1)
def test_straight(lane_structure, source):
    """A straight lane has shape 0, however slanted; one that goes straight down has similarity 0 too."""
    zero, two = torch.zeros(()).double(), torch.full((), 2.0).double()
    start, step = source.integer(0, 2), source.integer(1, 2)
    slanted = _sure([start + step * r for r in range(5)], 11)
    sim, shp = lane_structure(slanted)
    assert_close(shp, zero, "A straight lane has a shape term.")
    assert_close(sim, two, "Neighbouring rows that are sure of different columns are not at a distance of 2.")
    sim, shp = lane_structure(_sure(5 * [start], 11))
    assert_close(sim, zero, "A lane that goes straight down has a similarity term.")
    assert_close(shp, zero, "A lane that goes straight down has a shape term.")


@kata.check(times=2)
def test_mirror(lane_structure, logits):
    """A mirrored road, its columns from right to left, has the same terms; so has one upside down."""
    mirrored = torch.cat([logits[..., :-1].flip(-1), logits[..., -1:]], dim=-1)
    wanted = lane_structure(logits)
    for found in (lane_structure(mirrored), lane_structure(logits.flip(2))):
        assert_close(found[0], wanted[0], "The mirrored road has another similarity.")
        assert_close(found[1], wanted[1], "The mirrored road has another shape.")


@kata.check(times=1)
def test_equal_rows(lane_structure, logits):
    """Gradients are finite where neighbouring rows are equal."""
    equal = logits[:, :, :1].expand_as(logits).clone().requires_grad_(True)
    sim, shp = lane_structure(equal)
    (sim + shp).backward()
    assert bool(equal.grad.isfinite().all()), "The gradient of equal rows is not finite."


@kata.check(times=1)
def test_few_rows(lane_structure, logits):
    """Terms without pairs or triples of rows are 0 and can still be differentiated."""
    for rows in (1, 2):
        few = logits[:, :, :rows].clone().requires_grad_(True)
        sim, shp = lane_structure(few)
        for name, term in (("sim", sim), ("shp", shp)) if rows == 1 else (("shp", shp),):
            assert float(term.detach()) == 0, f"{name} of {rows} rows is {float(term.detach()):g}."
            assert term.requires_grad, f"{name} of {rows} rows is cut off from the graph."
        (sim + shp).backward()
