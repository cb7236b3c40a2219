import itertools
import math

import torch

from grader import Kata, NextWord, Rules, Source, Wanted, number, regimes, reordering, whole

LAYERS, WIDTH = 6, 4


@regimes("ends soon", "ends late", "bos again")
def step(source: Source, wanted: Wanted, drawn: dict):
    """A decoder with new places at every step, so that the sums of two captions are hardly ever equal."""
    vocab = wanted.sizes["v"]
    made = NextWord(1 + LAYERS * WIDTH, vocab)
    made.logits = source.normal((made.places, vocab), 1.5)
    layer = (torch.arange(made.places) + WIDTH - 1) // WIDTH  # 0 for the first place, then 1, 1, 1, 1, 2, ...
    made.moves = layer[:, None].clamp(max=LAYERS - 1) * WIDTH + 1
    made.moves = made.moves + source.integers((made.places, vocab), 0, WIDTH - 1)
    made.logits[:, drawn["eos"]] += {"ends soon": 1.5, "ends late": -1.0}.get(source.regime, 0.0)
    if source.regime == "bos again":
        made.logits[:, drawn["bos"]] += 2.0
    return made


def state(source: Source, wanted: Wanted, drawn: dict):
    """The state before the first word."""
    return drawn["step"].begin(torch.zeros(1, dtype=torch.long))


def spoken(table: dict[tuple[int, ...], list[float]], vocab: int):
    """A decoder with these probabilities after each beginning; every other goes on evenly."""
    beginnings = [(), *sorted({h for h in table if h}, key=len)]
    made = NextWord(len(beginnings) + 2, vocab)
    made.logits = torch.zeros(made.places, vocab, dtype=torch.float64)
    made.moves = torch.full((made.places, vocab), made.places - 1)
    for i, history in enumerate(beginnings):
        made.logits[i + 1] = torch.tensor(table[history], dtype=torch.float64).clamp(min=1e-6).log()
        for word in range(vocab):
            if (*history, word) in beginnings:
                made.moves[i + 1, word] = beginnings.index((*history, word)) + 1
    made.moves[0] = 1
    return made


kata = Kata(
    __file__,
    bos=whole(0, 3),
    eos=lambda source, wanted, drawn: source.choice([i for i in range(4) if i != drawn["bos"]]),
    step=step,
    state=state,
    reorder=reordering,
    beam=whole(2, 4),
    max_len=whole(3, 5),
    alpha=number(0.25, 1.5),
    rules=Rules(sizes={"v": (4, 5, 6)}),
)

# Words 0 and 1, eos 2, bos 3. Greedy takes 0 first and cannot take it back.
GARDEN = spoken({(): [0.6, 0.4, 0, 0], (0,): [0.4, 0.3, 0.3, 0], (1,): [0.05, 0.05, 0.9, 0]}, 4)
# The winner is the last of six alike after two steps.
CROWD = spoken(
    {
        (): [0.32, 0.31, 0.02, 0.35],
        **{(word,): [0.45, 0.44, 0.05, 0.06] for word in (0, 1, 3)},
        (1, 1): [0.01, 0.01, 0.97, 0.01],
    },
    4,
)
# After two steps the sums prefer the caption that ended at once, the normalised scores two longer ones.
HASTY = spoken(
    {(): [0.35, 0.2, 0.4, 0.05], (0,): [0.58, 0.4, 0.01, 0.01], (0, 1): [0.95, 0.03, 0.01, 0.01]}, 4
)
# The caption that ended at once is pushed out by two that look better, until their next word.
LURED = spoken(
    {
        (): [0.35, 0.2, 0.4, 0.05],
        (0,): [0.53, 0.465, 0.0, 0.005],
        (0, 0): [0.28, 0.26, 0.22, 0.24],
        (0, 1): [0.27, 0.25, 0.21, 0.27],
    },
    4,
)
START = GARDEN.begin(torch.zeros(1, dtype=torch.long))
for label, made, beam, most, alpha in (
    ("greedy goes the wrong way", GARDEN, 2, 2, 0.0),
    ("a beam of one", GARDEN, 1, 2, 0.0),
    ("a single step", GARDEN, 2, 1, 0.0),
    ("a beam wider than the vocabulary", CROWD, 9, 3, 0.0),
    ("a beam wider than the vocabulary, normalised", CROWD, 8, 3, 1.0),
    ("an early end against longer captions", HASTY, 2, 3, 2.0),
    ("an early end against longer captions, by their sums", HASTY, 2, 3, 0.0),
    ("an ended caption that falls out of the beam", LURED, 2, 3, 1.0),
):
    kata.also(label, {"v": 4}, step=made, state=START, bos=3, eos=2, beam=beam, max_len=most, alpha=alpha)
for turn, (beam, most, alpha) in enumerate(itertools.product((1, 2, 3, 8), (1, 3, 5), (0.0, 0.7, 2.0))):
    regime = ("generic", "ends soon", "ends late")[turn % 3]
    kata.also(f"beam {beam}, {most} steps, alpha {alpha}", {}, regime, beam=beam, max_len=most, alpha=alpha)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=3)
def test_greedy(beam_search, step, state, reorder, bos, eos, max_len, alpha):
    """With a beam of one it is greedy decoding."""
    words, score = beam_search(step, state, reorder, bos, eos, 1, max_len, alpha=alpha)
    greedy, total, last = [], 0.0, bos
    while len(greedy) < max_len and last != eos:
        logits, state = step(torch.tensor([last]), state)
        best, word = logits[0].log_softmax(-1).max(-1)
        last, total = int(word), total + float(best)
        greedy.append(last)
    assert words == greedy, f"A beam of one finds {words}, greedy decoding {greedy}."
    wanted = total / len(greedy) ** alpha
    assert abs(float(score) - wanted) < 1e-5, f"The score of {words} is {wanted:.4f}, not {float(score):.4f}."


@kata.check(times=3)
def test_exhaustive(beam_search, step, state, reorder, bos, eos, alpha, v):
    """A beam that never drops a caption finds the best of all."""
    found, score = beam_search(step, state, reorder, bos, eos, v**3, 3, alpha=alpha)
    best, winner = -math.inf, []
    for words in itertools.product(range(v), repeat=3):
        total, own, last = 0.0, state, bos
        taken = words[: words.index(eos) + 1] if eos in words else words
        for word in taken:
            logits, own = step(torch.tensor([last]), own)
            total, last = total + float(logits[0].log_softmax(-1)[word]), word
        if total / len(taken) ** alpha > best:
            best, winner = total / len(taken) ** alpha, list(taken)
    assert found == winner, f"It finds {found}, but {winner} has a higher score, {best:.4f}."
    assert abs(float(score) - best) < 1e-5, f"The score of {found} is {best:.4f}, not {float(score):.4f}."
