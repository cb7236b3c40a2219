"""Greedy decoding and beam search against an LSTM decoder that is searched by hand."""

import itertools
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from grader.solution import load

SOLUTIONS = Path(__file__).resolve().parents[2] / "solutions" / "captioning"
greedy_decode = load(SOLUTIONS / "greedy_decode.py").namespace["greedy_decode"]
beam_search = load(SOLUTIONS / "beam_search.py").namespace["beam_search"]
VOCAB, HIDDEN, BOS, EOS = 5, 4, 1, 2

State = tuple[Tensor, Tensor]


class Decoder(nn.Module):
    """A real recurrent decoder, with a state of two tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.cell = nn.Embedding(VOCAB, HIDDEN), nn.LSTMCell(HIDDEN, HIDDEN)
        self.out = nn.Linear(HIDDEN, VOCAB)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=1.5)

    def forward(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = self.cell(self.embed(tokens), state)
        return self.out(h), (h, c)


def reorder(state: State, rows: Tensor) -> State:
    return state[0][rows], state[1][rows]


def begin(rows: int) -> State:
    return torch.randn(rows, HIDDEN), torch.randn(rows, HIDDEN)


@torch.no_grad()
def log_probability(decoder: Decoder, state: State, words: tuple[int, ...]) -> float:
    """The sum over the words of a caption, fed one by one."""
    total = 0.0
    for fed, word in zip((BOS, *words), words, strict=False):
        logits, state = decoder(torch.tensor([fed]), state)
        total += math.log(float(logits.double().softmax(-1)[0, word]))
    return total


@torch.no_grad()
@pytest.mark.parametrize("seed", range(12))
def test_every_row_takes_its_best_word(seed: int) -> None:
    torch.manual_seed(seed)
    decoder, state = Decoder(), begin(3)
    found = greedy_decode(decoder, state, BOS, EOS, 6, 3)
    for row in range(3):
        words: tuple[int, ...] = ()
        own = (state[0][row : row + 1], state[1][row : row + 1])
        while len(words) < 6 and EOS not in words:
            words += (max(range(VOCAB), key=lambda w: log_probability(decoder, own, (*words, w))),)
        assert found[row].tolist() == list(words) + [EOS] * (found.shape[1] - len(words))
    assert found.shape[1] == 6 or bool((found[:, -1] == EOS).all())


@torch.no_grad()
@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.5])
@pytest.mark.parametrize("seed", range(8))
def test_a_beam_that_drops_nothing_finds_the_best_of_all(seed: int, alpha: float) -> None:
    torch.manual_seed(seed)
    decoder, state = Decoder(), begin(1)
    words, score = beam_search(decoder, state, reorder, BOS, EOS, VOCAB**3, 3, alpha=alpha)
    captions = {
        taken[: taken.index(EOS) + 1] if EOS in taken else taken
        for taken in itertools.product(range(VOCAB), repeat=3)
    }
    scores = {c: log_probability(decoder, state, c) / len(c) ** alpha for c in captions}
    assert tuple(words) == max(scores, key=lambda c: scores[c])
    assert score == pytest.approx(scores[tuple(words)], abs=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("beam", [1, 2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_a_narrow_beam_keeps_what_a_sorted_list_keeps(seed: int, beam: int) -> None:
    torch.manual_seed(seed)
    decoder, state, alpha = Decoder(), begin(1), 0.8

    def score(words: tuple[int, ...]) -> float:
        return log_probability(decoder, state, words) / len(words) ** alpha

    kept: list[tuple[int, ...]] = [()]
    for _ in range(4):
        heirs = [c for c in kept if EOS in c]
        heirs += [(*c, w) for c in kept if EOS not in c for w in range(VOCAB)]
        kept = sorted(heirs, key=score, reverse=True)[:beam]
    words, found = beam_search(decoder, state, reorder, BOS, EOS, beam, 4, alpha=alpha)
    assert tuple(words) == kept[0]
    assert found == pytest.approx(score(kept[0]), abs=1e-5)
