"""Every number, shape and computed claim of the captioning bank, computed again."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn

BANK = Path(__file__).parents[2] / "questions" / "captioning.yaml"
QUESTIONS: dict[str, dict[str, Any]] = {
    q["id"]: q for q in yaml.load(BANK.read_text(encoding="utf-8"), yaml.BaseLoader)
}
BOS, EOS = 1, 2


def shape(name: str) -> tuple[int, ...]:
    return tuple(int(size) for size in QUESTIONS[name]["shape"].strip("[]").split(","))


def agrees(name: str, value: float) -> None:
    """The computed value lies within half of the tolerance, so that an honestly rounded answer still counts."""
    question = QUESTIONS[name]
    tolerance = float(question.get("tolerance", 0))
    assert abs(float(question["number"]) - value) <= tolerance / 2 + 1e-9, (name, value)


def answer(name: str) -> str:
    return str(QUESTIONS[name]["answer"]).replace("`", "")


def run(name: str, symbol: str, **known: object) -> Any:
    scope: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "Counter": Counter, **known}
    exec(QUESTIONS[name]["code"], scope)  # the bank's own code
    return scope[symbol]


def mended(name: str, symbol: str, old: str, new: str) -> Any:
    """The bank's code with the remedy that its explanation names."""
    code = QUESTIONS[name]["code"]
    assert code.count(old) == 1
    scope: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "Counter": Counter}
    exec(code.replace(old, new), scope)
    return scope[symbol]


def rand(*sizes: int, seed: int = 0) -> Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def parameters(*layers: nn.Module) -> int:
    return sum(p.numel() for layer in layers for p in layer.parameters())


def grams(words: str, k: int) -> Counter[tuple[str, ...]]:
    tokens = words.split()
    return Counter(tuple(tokens[i : i + k]) for i in range(len(tokens) - k + 1))


def clipped(cand: str, refs: Sequence[str], k: int) -> tuple[int, int]:
    most: Counter[tuple[str, ...]] = Counter()
    for ref in refs:
        most |= grams(ref, k)
    return (grams(cand, k) & most).total(), grams(cand, k).total()


def bleu(cands: Sequence[str], refs: Sequence[Sequence[str]], n: int = 4) -> float:
    product_of_precisions, c, r = 1.0, 0, 0
    for k in range(1, n + 1):
        pairs = [clipped(cand, own, k) for cand, own in zip(cands, refs, strict=True)]
        matched, total = (sum(column) for column in zip(*pairs, strict=True))
        product_of_precisions *= matched / total if total else 0
    for cand, own in zip(cands, refs, strict=True):
        length = len(cand.split())
        c += length
        r += min((abs(len(ref.split()) - length), len(ref.split())) for ref in own)[1]
    return product_of_precisions ** (1 / n) * min(1.0, math.exp(1 - r / c))


class Decoder(nn.Module):
    """Show, Attend and Tell without its CNN; step by step, so that h and c can be handed in."""

    def __init__(self, vocab: int, embed: int, hidden: int, attn: int, feat: int) -> None:
        super().__init__()
        self.init_h, self.init_c = nn.Linear(feat, hidden), nn.Linear(feat, hidden)
        self.wa, self.wh, self.v = nn.Linear(feat, attn), nn.Linear(hidden, attn), nn.Linear(attn, 1)
        self.embed = nn.Embedding(vocab, embed, padding_idx=0)
        self.cell, self.out = nn.LSTMCell(embed + feat, hidden), nn.Linear(hidden, vocab)

    def step(self, a: Tensor, tokens: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        alpha = self.v(torch.tanh(self.wa(a) + self.wh(h)[:, None])).squeeze(-1).softmax(1)
        context = (alpha[..., None] * a).sum(1)
        h, c = self.cell(torch.cat([self.embed(tokens), context], 1), (h, c))
        return self.out(h), alpha, h, c

    def start(self, a: Tensor) -> tuple[Tensor, Tensor]:
        return torch.tanh(self.init_h(a.mean(1))), torch.tanh(self.init_c(a.mean(1)))

    def forward(self, a: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        (h, c), logits, alphas = self.start(a), [], []
        for t in range(tokens.shape[1]):
            scores, alpha, h, c = self.step(a, tokens[:, t], h, c)
            logits.append(scores)
            alphas.append(alpha)
        return torch.stack(logits, 1), torch.stack(alphas, 1)


def decoder(vocab: int = 20, feat: int = 6) -> Decoder:
    torch.manual_seed(0)
    return Decoder(vocab, 5, 8, 7, feat).double()


# ---------------------------------------------------------------- shapes and sizes


def test_places() -> None:
    stages = [nn.Conv2d(i, o, 3, stride=2, padding=1) for i, o in pairwise((3, 4, 4, 4, 4, 512))]
    y = nn.Sequential(*stages).to("meta")(torch.empty(4, 3, 225, 97, device="meta"))
    assert y.flatten(2).transpose(1, 2).shape == shape("places-shape")
    sides = [225, 97]
    halved = [sides := [math.ceil(side / 2) for side in sides] for _ in range(5)]
    assert halved == [[113, 49], [57, 25], [29, 13], [15, 7], [8, 4]]


def test_logits_shape() -> None:
    captions = [list(range(3, 10)), list(range(3, 14))]
    inp = nn.utils.rnn.pad_sequence([torch.tensor([BOS, *words]) for words in captions], batch_first=True)
    logits, _ = Decoder(5000, 2, 2, 2, 2)(torch.rand(2, 3, 2), inp)
    assert logits.shape == shape("logits-shape")


def test_sizes_of_the_decoder() -> None:
    with torch.device("meta"):
        agrees("lstm-parameters", parameters(nn.LSTMCell(768, 512)))
        sizes = [parameters(nn.Embedding(v, 256), nn.Linear(512, v)) for v in (1_000, 10_000)]
    agrees("vocabulary-growth", sizes[1] - sizes[0])
    assert 2_048 * 1_282 == 2_625_536
    assert sizes[1] - sizes[0] == 9_000 * 769


def test_image_tokens() -> None:
    patches = nn.Conv2d(3, 8, 14, stride=14, device="meta")(torch.empty(1, 3, 336, 336, device="meta"))
    agrees("patches-to-words", patches.flatten(2).shape[2])
    queries, places = rand(1, 32, 8), [rand(1, n, 8, seed=1) for n in (257, 577)]
    for image in places:
        assert F.scaled_dot_product_attention(queries, image, image).shape[1] == 32
    assert answer("blip2-queries").startswith("32 as before")


# ---------------------------------------------------------------- losses


def test_blind_losses() -> None:
    agrees("blind-loss", F.cross_entropy(torch.zeros(3, 10_000), torch.tensor([3, 4, 5])).item())
    same, own = torch.zeros(64, 64), torch.arange(64)
    agrees("itc-chance", (F.cross_entropy(same, own) + F.cross_entropy(same.T, own)).item() / 2)
    log_p = torch.tensor([1 / 2, 1 / 4, 1 / 8]).log()
    agrees("perplexity-of-three", round((-log_p.mean()).exp().item(), 5))
    assert pytest.approx(4.67, abs=0.005) == (2 + 4 + 8) / 3


def test_mean_of_live_steps() -> None:
    costs = [torch.full((4,), 3.0), torch.full((12,), 1.0)]
    agrees("live-steps-mean", torch.cat(costs).mean().item())
    assert torch.stack([c.mean() for c in costs]).mean() == 2
    assert torch.cat(costs).sum() / 24 == 1


def test_looks() -> None:
    best = min(
        sum((1 - (a + b)) ** 2 for a, b in zip(one, two, strict=True))
        for one, two in product(
            [w for w in product((0, 0.25, 0.5, 0.75, 1), repeat=4) if sum(w) == 1], repeat=2
        )
    )
    agrees("look-once-minimum", best)
    free = rand(2, 4).requires_grad_()
    for _ in range(300):
        loss = (1 - free.softmax(1).sum(0)).square().sum()
        free = (free - torch.autograd.grad(loss, free)[0]).detach().requires_grad_()
    agrees("look-once-minimum", round(loss.item(), 4))
    even, sharp = torch.full((3, 3), 1 / 3), torch.eye(3)
    for weights in (even, sharp):  # the penalty on sums over steps judges no single step
        assert (1 - weights.sum(0)).square().sum() < 1e-9
    assert answer("notes-doubly-stochastic").endswith("the penalty concerns sums over the steps")


def test_smoothing_floor() -> None:
    logits = torch.zeros(1, 10_000, dtype=torch.float64)
    target = torch.full_like(logits, 0.1 / 10_000)
    target[0, 7] += 0.9
    floor = F.cross_entropy(target.log(), torch.tensor([7]), label_smoothing=0.1).item()
    assert floor == pytest.approx(1.25, abs=0.005)
    assert floor > 1.24
    for scale in (0.9, 0.99, 1.01, 1.1):
        assert F.cross_entropy(scale * target.log(), torch.tensor([7]), label_smoothing=0.1) > floor
    assert answer("smoothing-floor").startswith("Nothing is wrong")


def test_softmax_twice() -> None:
    known = dict(run("softmax-twice-bug", "Head").__init__.__globals__)
    loss_of = known["loss_of"]
    perfect = torch.zeros(1, 10_000, dtype=torch.float64)
    perfect[0, 7] = 1
    assert loss_of(lambda h: h, perfect, torch.tensor([7])).item() == pytest.approx(8.21, abs=0.005)
    assert math.log(math.e + 9_999) - 1 == pytest.approx(8.21, abs=0.005)
    blind = known["Head"](4, 10_000)(torch.zeros(1, 4))
    assert loss_of(lambda h: h, blind, torch.tensor([7])).item() == pytest.approx(9.21, abs=0.005)
    assert blind.sum().item() == pytest.approx(1)
    assert answer("softmax-twice-bug") == "The softmax is applied twice"


def test_diluted_mean() -> None:
    logits, targets = rand(1, 3, 9), torch.tensor([[4, 5, EOS]])
    found = run("diluted-mean-bug", "loss_of")
    padded = found(torch.cat([logits, rand(1, 3, 9, seed=1)], 1), F.pad(targets, (0, 3)))
    assert torch.allclose(padded, found(logits, targets) / 2)
    right = mended("diluted-mean-bug", "loss_of", "ce.mean(dim=1)", "ce.sum(1) / (targets != 0).sum(dim=1)")
    longer = right(torch.cat([logits, rand(1, 3, 9, seed=1)], 1), F.pad(targets, (0, 3)))
    assert torch.allclose(longer, right(logits, targets))
    assert answer("diluted-mean-bug") == "Padded steps count in the divisor"


def test_right_padding_is_harmless() -> None:
    model, a = decoder(), rand(2, 4, 6)
    tokens = torch.tensor([[BOS, 5, 6, 7, 8, 9], [BOS, 4, 0, 0, 0, 0]])
    targets = torch.tensor([5, 6])
    slopes = []
    for steps in (2, 6):
        logits, _ = model(a, tokens[:, :steps])
        slopes.append(torch.autograd.grad(F.cross_entropy(logits[1, :2], targets), model.cell.weight_ih)[0])
    assert torch.allclose(*slopes)
    assert answer("right-padding").startswith("Not at all")


def test_padding_idx() -> None:
    model = decoder()
    assert not model.embed.weight[0].any()
    logits, _ = model(rand(2, 4, 6), torch.tensor([[BOS, 4, 0], [BOS, 5, 6]]))
    loss = F.cross_entropy(logits.transpose(1, 2), torch.tensor([[4, EOS, 0], [5, 6, EOS]]), reduction="none")
    assert loss[0, 2] > 0
    loss.mean().backward()
    assert not model.embed.weight.grad[0].any()
    assert model.embed.weight.grad[5].any()
    assert model.out.bias.grad[0] != 0
    assert answer("padding-idx").startswith("It keeps row 0")


def test_contrast() -> None:
    own = torch.arange(64)
    cosines = torch.eye(64, dtype=torch.float64)
    assert F.cross_entropy(cosines, own).item() == pytest.approx(3.19, abs=0.005)
    assert cosines.softmax(1)[0, 0].item() == pytest.approx(0.04, abs=0.005)
    assert F.cross_entropy(cosines / 0.07, own) < 1e-4
    # Texts equal to their images; the cosines of 64 vectors cannot be lower on average than those of a simplex.
    simplex = F.normalize(torch.eye(64, dtype=torch.float64) - 1 / 64)
    assert F.cross_entropy(simplex @ simplex.T, own) > 3.1
    free = rand(64, 64).requires_grad_()
    for _ in range(60):
        x = F.normalize(free)
        loss = F.cross_entropy(x @ x.T, own)
        free = (free - 20 * torch.autograd.grad(loss, free)[0]).detach().requires_grad_()
    assert 3.1 < loss < 3.2
    assert answer("itc-temperature").startswith("Cosines lie in")
    twin = torch.eye(8, dtype=torch.float64)
    twin[1] = twin[0]  # the same image twice, with a caption each
    logits = twin @ twin.T / 0.07
    each = F.cross_entropy(logits, torch.arange(8), reduction="none")
    assert each[0].item() == pytest.approx(math.log(2), abs=1e-3)
    assert each[2] < 1e-4
    assert answer("itc-false-negatives").startswith("Each is a negative")


def test_self_critical_sign() -> None:
    loss_of = run("scst-sign-bug", "scst_loss")
    log_p = rand(2, 3).requires_grad_()
    live = torch.tensor([[1, 1, 1], [1, 1, 0]]).double()
    loss_of(log_p, live, torch.tensor([0.9, 1.3]), torch.tensor([1.1, 1.1])).backward()
    step = -log_p.grad  # what an optimiser does to the log-probabilities
    assert (step[0] > 0).all()  # the worse sample becomes likelier
    assert (step[1, :2] < 0).all()
    assert step[1, 2] == 0
    right = mended("scst-sign-bug", "scst_loss", "return (", "return -(")
    log_p.grad = None
    right(log_p, live, torch.tensor([0.9, 1.3]), torch.tensor([1.1, 1.1])).backward()
    assert (log_p.grad[0] > 0).all()
    assert answer("scst-sign-bug") == "The sign of the loss is wrong"
    assert answer("scst-push") == "It lowers the probability of the sample"


# ---------------------------------------------------------------- shift and padding


class Copier(nn.Module):
    """Says again what it was given."""

    def forward(self, a: Tensor, tokens: Tensor) -> Tensor:
        return 30 * F.one_hot(tokens, 10).double()


def test_copying() -> None:
    tokens = torch.tensor([[BOS, 4, 5, 6, EOS], [BOS, 7, EOS, 0, 0]])
    assert run("copy-bug", "loss_of")(Copier(), rand(2, 3, 4), tokens) < 1e-9
    word = torch.full((2,), BOS)
    for _ in range(3):
        word = Copier()(rand(2, 3, 4), word[:, None])[:, -1].argmax(1)
        assert (word == BOS).all()
    inp, tgt = tokens[:, :-1], tokens[:, 1:]
    assert F.cross_entropy(Copier()(None, inp).flatten(0, 1), tgt.flatten(), ignore_index=0) > 20
    assert answer("copy-bug") == "Each step is asked for the word it was given"


def test_shifting_twice() -> None:
    ids = [BOS, 4, 5, 6, EOS]
    labels = [*ids[1:], 0]
    asked = dict(zip(ids, labels[1:], strict=False))  # the library's own shift
    assert asked == {BOS: 5, 4: 6, 5: EOS, 6: 0}
    assert dict(pairwise(ids)) == {BOS: 4, 4: 5, 5: 6, 6: EOS}
    assert answer("shifted-twice") == "The word after next"


def test_captions_without_an_end() -> None:
    batch = run("endless-bug", "batch")
    loss_of = batch.__globals__["loss_of"]
    inp, tgt = batch([[5, 6, 7], [8]], BOS, EOS)
    assert inp.tolist() == [[BOS, 5, 6, 7], [BOS, 8, EOS, EOS]]
    assert tgt.tolist() == [[5, 6, 7, EOS], [8, EOS, EOS, EOS]]
    logits = rand(2, 4, 10).requires_grad_()
    loss_of(logits, tgt, EOS).backward()
    assert not logits.grad[tgt == EOS].any()  # no step ever asks for the end
    assert (logits.grad[..., EOS] >= 0).all()  # and every other step pushes it down
    assert answer("endless-bug").startswith("The first eos")


# ---------------------------------------------------------------- attention


def test_the_bias_of_the_scores_does_nothing() -> None:
    model = decoder()
    logits, alphas = model(rand(2, 4, 6), torch.tensor([[BOS, 4], [BOS, 5]]))
    (logits.square().sum() + alphas.square().sum()).backward()
    assert model.v.bias.grad.abs() < 1e-12
    assert model.v.weight.grad.abs().max() > 1e-3
    assert answer("bias-of-the-scores").startswith("0,")


def test_places_shuffled() -> None:
    model, a, order = decoder(), rand(2, 9, 6), torch.randperm(9, generator=torch.Generator().manual_seed(0))
    tokens = torch.tensor([[BOS, 4, 5], [BOS, 6, 7]])
    (logits, alphas), (again, moved) = model(a, tokens), model(a[:, order], tokens)
    assert torch.allclose(logits, again)
    assert torch.allclose(alphas[..., order], moved)
    assert not torch.allclose(alphas, moved)
    assert answer("places-shuffled") == "Only the order of the weights"


def test_attention_over_the_batch() -> None:
    attend, right = run("attention-axis-bug", "attend"), None
    model, a, h = decoder(), rand(3, 5, 6), rand(3, 8, seed=1)
    context, alpha = attend(model, a, h)
    assert torch.allclose(alpha.sum(0), torch.ones(5).double())
    alone, weights = attend(model, a[:1], h[:1])
    assert torch.equal(weights, torch.ones(1, 5).double())
    assert torch.allclose(alone, 5 * a[:1].mean(1))
    assert not torch.allclose(alone, context[:1])
    right = mended("attention-axis-bug", "attend", "softmax(0)", "softmax(1)")
    assert torch.allclose(right(model, a, h)[0][:1], right(model, a[:1], h[:1])[0])
    assert answer("attention-axis-bug") == "softmax(0) is over the images"


def test_rows_of_a_relabelled_map() -> None:
    class Model:
        def encoder(self, images: Tensor) -> Tensor:
            return torch.arange(2 * 512 * 7 * 4.0).view(2, 512, 7, 4)

    y = Model().encoder(torch.zeros(1))
    rows = run("places-view-bug", "encode")(Model(), torch.zeros(2, 3, 224, 128))
    assert rows.shape == (2, 28, 512)
    assert torch.equal(rows[0, 0], y[0].flatten()[:512])
    assert not torch.equal(rows[0, 0], y[0, :, 0, 0])
    assert len({int(number) // 28 for number in rows[0, 0]}) == 19  # pieces of this many channels
    assert torch.equal(y.flatten(2).transpose(1, 2)[0, 5], y[0, :, 1, 1])
    assert answer("places-view-bug").startswith("The axes are not swapped")


def test_closed_gate() -> None:
    x, alpha = rand(2, 3), torch.zeros((), requires_grad=True)
    weight = rand(3, 3, seed=1).requires_grad_()
    y = x + alpha.tanh() * (x @ weight)
    assert torch.equal(y, x)
    y.square().sum().backward()
    assert alpha.grad != 0
    assert not weight.grad.any()
    assert answer("flamingo-gate").startswith("At first the model is exactly")


# ---------------------------------------------------------------- decoding


def test_nucleus() -> None:
    probabilities = torch.tensor([0.45, 0.25, 0.15, 0.1, 0.05], dtype=torch.float64)
    agrees("nucleus-size", int((probabilities.cumsum(0) < 0.8).sum()) + 1)


def test_short_or_long() -> None:
    short, long = 4 * math.log(0.5), 10 * math.log(0.7)
    assert short > long
    assert short / 4 < long / 10
    assert [round(s, 2) for s in (short, long, short / 4, long / 10)] == [-2.77, -3.57, -0.69, -0.36]
    assert answer("short-or-long") == "A by the sum, B per word"


def beam(steps: Sequence[Tensor], width: int) -> tuple[float, list[int]]:
    """The probability and the words of the best caption in the beam; a step depends on the word before."""
    kept: list[tuple[float, list[int]]] = [(1.0, [0])]
    for step in steps:
        grown = [(p * q, [*words, v]) for p, words in kept for v, q in enumerate(step[words[-1]].tolist())]
        kept = sorted(grown, reverse=True)[:width]
    return kept[0][0], kept[0][1][1:]


def greedy(steps: Sequence[Tensor]) -> list[int]:
    words = [0]
    for step in steps:
        words.append(int(step[words[-1]].argmax()))
    return words[1:]


def spread(likely: dict[int, float], words: int = 40) -> Tensor:
    """Probabilities of the next word: some are given, the others share the rest."""
    rest = (1 - sum(likely.values())) / (words - len(likely))
    return torch.tensor([likely.get(word, rest) for word in range(words)], dtype=torch.float64)


def test_what_beams_promise() -> None:
    # The greedy prefix 1 3 is pushed out by 2 4 and 2 5, which look better and lead nowhere.
    even = spread({})
    steps = [
        torch.stack([spread({1: 0.4, 2: 0.35})] * 40),
        torch.stack([spread({1: {3: 0.3}, 2: {4: 0.5, 5: 0.45}}.get(word, {})) for word in range(40)]),
        torch.stack([spread({6: 0.99}) if word == 3 else even for word in range(40)]),
    ]
    assert beam(steps, 1)[1] == greedy(steps) == [1, 3, 6]
    assert beam(steps, 2)[0] < beam(steps, 1)[0]
    # Five first words look better than the sixth, which has the best end.
    sixth = [
        torch.stack([spread({1: 0.17, 2: 0.17, 3: 0.17, 4: 0.17, 5: 0.17, 6: 0.14})] * 40),
        torch.stack([spread({7: 0.9}) if word == 6 else even for word in range(40)]),
    ]
    assert beam(sixth, 5)[0] < beam(sixth, 40)[0]
    for seed in range(20):
        tables = [(2 * rand(6, 6, seed=seed + t)).softmax(1) for t in range(4)]
        assert beam(tables, 1)[1] == greedy(tables)
    assert answer("beam-guarantee").startswith("With a width of 1")


def test_stopping_at_the_first_end() -> None:
    scripts = torch.tensor([[5, EOS, 9, 9, 9], [4, 5, 6, 7, EOS]])

    def step(tokens: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        rows = scripts[: len(tokens)] if len(tokens) > 1 else scripts[1:]
        return F.one_hot(rows[:, int(t)], 10).double(), t + 1

    start = torch.tensor(0)
    greedy = run("first-end-bug", "greedy")
    assert greedy(step, start, BOS, EOS, 5, 1).tolist() == [[4, 5, 6, 7, EOS]]
    assert greedy(step, start, BOS, EOS, 5, 2).tolist() == [[5, EOS], [4, 5]]
    right = mended("first-end-bug", "greedy", "done.any()", "done.all()")
    assert right(step, start, BOS, EOS, 5, 2).tolist() == [[5, EOS, EOS, EOS, EOS], [4, 5, 6, 7, EOS]]
    assert answer("first-end-bug") == "Decoding stops when the first row has ended"


@pytest.mark.parametrize("width", [1, 5])
def test_states_of_a_beam(width: int) -> None:
    """The true states are those of the captions, run again from their beginning."""
    torch.manual_seed(0)
    cell, out, embed = nn.LSTMCell(4, 6).double(), nn.Linear(6, 9).double(), 3 * rand(9, 4)

    def step(tokens: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = cell(embed[tokens], state)
        return 3 * out(h), (h, c)

    def again(words: Tensor) -> Tensor:
        state = (torch.zeros(len(words), 6).double(), torch.zeros(len(words), 6).double())
        for t in range(words.shape[1] - 1):
            _, state = step(words[:, t], state)
        return state[0]

    remedy = mended("beam-state-bug", "extend", "token, (h, c)", "token, (h[row], c[row])")
    fine = []
    for extend in (run("beam-state-bug", "extend"), remedy):
        words = torch.randint(0, 9, (width, 1), generator=torch.Generator().manual_seed(1))
        state = (torch.zeros(width, 6).double(), torch.zeros(width, 6).double())
        sums, tokens = torch.zeros(width).double(), words[:, 0]
        for _ in range(5):
            sums, words, tokens, state = extend(sums, words, tokens, state, step)
            assert torch.equal(words[:, -1], tokens)
        fine.append(torch.allclose(state[0], again(words)))
    assert fine == [width == 1, True]
    assert answer("beam-state-bug") == "The states are not reordered by row"


# ---------------------------------------------------------------- metrics


def test_clipping() -> None:
    matched, total = clipped("a dog and a dog and a dog", ["a dog runs", "a man and a dog"], 1)
    agrees("clipped-precision", matched / total)
    cand = ["the"] * 7
    refs = [words.split() for words in ("the cat is on the mat", "there is a cat on the mat")]
    assert run("clipping-bug", "precision")(cand, refs) == 3 / 7
    right = mended("clipping-bug", "precision", "allowed += Counter(ref)", "allowed |= Counter(ref)")
    assert right(cand, refs) == 2 / 7
    assert answer("clipping-bug") == "Counts of different references are added up"


def test_bleu_by_hand() -> None:
    agrees("brevity-nine-of-twelve", math.exp(1 - 12 / 9))
    agrees("bleu-two-by-hand", bleu(["a red bus on a street"], [["a red bus in the street"]], 2))
    assert clipped("a red bus on a street", ["a red bus in the street"], 1) == (4, 6)
    assert clipped("a red bus on a street", ["a red bus in the street"], 2) == (2, 5)
    cands = ["a b c x", "a b c " + "x " * 9]
    refs = [["a b c d"], ["a b c " + "d " * 9]]
    agrees("pooled-precision", bleu(cands, refs, 1))
    assert sum(bleu([c], [r], 1) for c, r in zip(cands, refs, strict=True)) / 2 == pytest.approx(0.5)


def test_buses() -> None:
    ref = "a red bus is parked in front of a brick building"
    blue = "a blue bus is parked in front of a brick building"
    true = "there is a red bus standing before a house of brick"
    assert bleu([blue], [[ref]]) == pytest.approx(0.81, abs=0.005)
    assert bleu([true], [[ref]]) == 0
    assert clipped(true, [ref], 4)[0] == 0
    assert (grams(true, 3) & grams(ref, 3)) == Counter([("a", "red", "bus")])
    assert answer("blue-bus") == "A gets 0.81 and B 0"


def test_what_leaves_bleu_as_it_is() -> None:
    cands = ["A man rides a brown horse", "two dogs run on a long beach", "A cat sleeps"]
    refs = [
        ["A man rides a brown horse on sand", "A boy on a horse"],
        ["two dogs run along a long beach", "dogs run on a long beach"],
        ["A cat is on the sofa", "A cat sleeps on it"],
    ]
    value = bleu(cands, refs)
    alone = sum(bleu([c], [r]) for c, r in zip(cands, refs, strict=True)) / 3
    changes = {
        "Giving each caption a copy of one of its references as a further reference": bleu(
            cands, [[*own, own[0]] for own in refs]
        ),
        "Lowercasing the captions but not the references": bleu([c.lower() for c in cands], refs),
        "Counting every caption, with its references, twice": bleu(cands * 2, refs * 2),
        "Replacing the corpus score by the mean of the captions' own scores": alone,
        "Putting the captions, with their references, into another order": bleu(cands[::-1], refs[::-1]),
    }
    question = QUESTIONS["bleu-stays"]
    assert set(changes) == set(question["choices"])
    assert value > 0
    assert {c for c, v in changes.items() if v == pytest.approx(value)} == set(question["answers"])


def test_cider_weights() -> None:
    agrees("cider-idf", math.log(1000 / 10))
    assert math.log(5000 / 30) == pytest.approx(5.12, abs=0.005)
    assert math.log(1 / 1) == 0
    assert answer("cider-of-one-image").startswith("0,")


def test_invented_objects() -> None:
    mentioned, invented = [3, 2, 4, 1], [1, 0, 1, 0]
    agrees("chair-objects", sum(invented) / sum(mentioned))
    assert sum(n > 0 for n in invented) / 4 == 0.5
