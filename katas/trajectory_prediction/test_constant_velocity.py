import torch

from grader import Kata, Rules, Source, Wanted, assert_close, regimes


@regimes("everything", "standing")
def k(source: Source, wanted: Wanted, drawn: dict) -> int:
    """Some of the displacements; in one regime all of them."""
    most = wanted.sizes["t"] - 1
    return most if source.regime == "everything" else source.integer(1, most)


def hist(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Tracks of about a metre a step, far from straight, anywhere; in one regime many do not move."""
    n = wanted.shape[0]
    moves = source.normal(wanted.shape, 1.0)
    if source.regime == "standing":
        moves = moves * source.flags((n, 1, 1))
    return moves.cumsum(dim=1) + source.normal((n, 1, 2), 16.0)


kata = Kata(
    __file__,
    k=k,
    hist=hist,
    rules=Rules(
        sizes={"n": (2, 3, 4), "t": (4, 5, 6), "steps": (3, 7, 8)}, empty="n steps", single="n steps"
    ),
)
kata.also("two positions", {"t": 2}, k=1)
kata.also("three positions, k = 2", {"t": 3}, k=2)
kata.also("k = T", {"t": 4}, k=4)
kata.also("k = T + 5", {"t": 4}, k=9)
kata.also("k = 0", {"t": 4}, k=0)
kata.also("k = -2", {"t": 4}, k=-2)
kata.also("one position", {"t": 1}, k=1)
kata.also("k = T, and no steps", {"t": 4, "steps": 0}, k=4)
kata.also("k = 0, and no agents", {"n": 0, "t": 4}, k=0)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=3)
def test_straight(constant_velocity, n, t, steps, source):
    """Uniform motion along a line goes on exactly, whatever k is."""
    start, velocity = source.normal((n, 1, 2), 8.0), source.normal((n, 1, 2), 1.0)
    track = start + velocity * torch.arange(t + steps).double()[:, None]
    for k in (1, t // 2, t - 1):
        found = constant_velocity(track[:, :t], steps, k=k)
        assert_close(found, track[:, t:], f"With k = {k} uniform motion is not continued.")


@kata.check(times=2)
def test_memory(constant_velocity, hist, steps, k):
    """Only the last k + 1 positions count: what an agent did before changes nothing."""
    found, other = constant_velocity(hist, steps, k=k), constant_velocity(hist[:, -k - 1 :], steps, k=k)
    assert_close(other, found, "Positions from before the last k displacements change the prediction.")
