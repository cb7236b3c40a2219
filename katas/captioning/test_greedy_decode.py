import torch

from grader import Kata, NextWord, Rules, Source, Wanted, decoder, regimes, size, whole

toy = decoder(6, vocab="v")


@regimes("ends soon", "never ends", "bos again")
def step(source: Source, wanted: Wanted, drawn: dict):
    """A decoder whose captions end at different times, at once, or never, or that likes to write bos."""
    made = toy(source, wanted, drawn)
    bos, eos = drawn["bos"], drawn["eos"]
    if source.regime == "never ends":
        made.logits[:, eos] = -9.0
        return made
    if source.regime == "ends soon":
        made.logits[:, eos] += 2.0
    if source.regime == "bos again":
        made.logits[:3, bos] += 3.0
    # From the last place on a caption ends, whatever it was.
    made.logits[-1, eos] += 6.0
    return made


def state(source: Source, wanted: Wanted, drawn: dict):
    """Each row begins at a place of its own."""
    return drawn["step"].begin(source.integers((wanted.sizes["b"],), 0, 5))


def scripted(*captions: tuple[int, ...]):
    """A decoder of five words whose rows write these captions, and the state in which they begin.

    The places of a caption stand in a row, its last word twice; what follows is the next caption.
    """
    words = [word for caption in captions for word in (*caption, caption[-1])]
    made = NextWord(len(words) + 1, 5)
    made.logits = 4.0 * torch.eye(5, dtype=torch.float64)[[0, *words]]
    at = torch.arange(len(words) + 1)
    made.moves = (at + 1).clamp(max=len(words))[:, None].repeat(1, 5)
    starts = [0]
    for caption in captions[:-1]:
        starts.append(starts[-1] + len(caption) + 1)
    return made, made.begin(torch.tensor(starts))


kata = Kata(
    __file__,
    bos=whole(0, 4),
    eos=lambda source, wanted, drawn: source.choice([i for i in range(5) if i != drawn["bos"]]),
    step=step,
    state=state,
    max_len=whole(1, 9),
    B=size("b"),
    rules=Rules(sizes={"b": (3, 4, 5), "v": (5, 6)}, single="b"),
)
for label, captions, most in (
    ("the first caption ends first", ((3, 2), (3, 4, 0, 2)), 6),
    ("the last caption ends first", ((3, 0, 4, 2), (2,)), 6),
    ("captions end one after the other", ((0, 3, 2), (2,), (4, 4, 3, 0, 2)), 9),
    ("all end together", ((0, 2), (4, 2)), 5),
    ("all end with the first word", ((2,), (2,), (2,)), 5),
    ("one is cut off", ((0, 3, 4, 0, 3), (4, 2)), 3),
    ("all are cut off", ((0, 3, 4, 0, 3), (4, 0, 2)), 2),
    ("eos is the last word allowed", ((0, 3, 2), (4, 2)), 3),
    ("a single word", ((0, 3, 2), (2,)), 1),
    ("bos is written", ((1, 3, 2), (4, 1, 1, 2)), 6),
):
    made, begin = scripted(*captions)
    rows = len(captions)
    kata.also(label, {"b": rows, "v": 5}, step=made, state=begin, bos=1, eos=2, max_len=most, B=rows)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=3)
def test_rows(greedy_decode, step, state, bos, eos, max_len, B, b):
    """Each row of a batch is what it would be alone, filled up with eos."""
    found = greedy_decode(step, state, bos, eos, max_len, B)
    for row in range(B):
        one = greedy_decode(step, tuple(s[row : row + 1] for s in state), bos, eos, max_len, 1)[0].tolist()
        filled = one + [eos] * (found.shape[1] - len(one))
        assert found[row].tolist() == filled, f"Row {row} alone is {one}, in the batch {found[row].tolist()}."


@kata.check(times=3)
def test_prefix(greedy_decode, step, state, bos, eos, max_len, B):
    """A smaller max_len cuts the same captions."""
    found = greedy_decode(step, state, bos, eos, max_len + 3, B)
    cut = greedy_decode(step, state, bos, eos, max_len, B)
    assert torch.equal(cut, found[:, :max_len]), f"With max_len = {max_len} the captions are other ones."


@kata.check(times=3)
def test_ends(greedy_decode, step, state, bos, eos, max_len, B):
    """After eos nothing but eos follows, and no step is made once all rows have ended."""
    found = greedy_decode(step, state, bos, eos, max_len, B)
    assert found.shape[1] <= max_len, f"There are {found.shape[1]} words, where {max_len} are allowed."
    over = (found == eos).long()
    assert bool((over.diff(dim=1) >= 0).all()), "A word follows after eos."
    if found.shape[1] > 1:
        assert not bool(over[:, -2].all()), "All rows had ended a step before the last one."
