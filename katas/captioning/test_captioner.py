import torch
from torch import nn

from grader import Kata, Rules, Source, Wanted, assert_close, normal, number, randomised


def encoder(source: Source, wanted: Wanted, drawn: dict) -> nn.Module:
    """A small feature extractor that has a mode.

    Its batch normalisation comes first: on the CPU, torch makes a wrong gradient of one that is told of its
    results by way of axes of size 1 that have been swapped, as in flatten(2).transpose(1, 2) of one image.
    """
    conv = nn.Conv2d(3, wanted.sizes["feat_ch"], 3, stride=2, padding=1)
    return randomised(nn.Sequential(nn.BatchNorm2d(3), conv, nn.Tanh()), source)


def tokens(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Words of which about one in four is padding, anywhere."""
    found = source.integers(wanted.shape, 1, wanted.sizes["vocab"] - 1)
    return found.masked_fill(source.flags(wanted.shape, 0.25), 0)


def pad(source: Source, wanted: Wanted, drawn: dict) -> int:
    """Any of the ids."""
    return source.integer(0, wanted.sizes["vocab"] - 1)


def targets(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Captions of different lengths, padded at their ends; one, all or none of them empty."""
    (b, t), v = wanted.shape, wanted.sizes["vocab"]
    words = (drawn["pad"] + source.integers((b, t), 1, v - 1)) % v
    lengths = source.integers((b, 1), 1, t)
    lengths[0] = max(t - 1, 1)
    if source.regime in ("full", "nothing"):
        lengths = torch.full((b, 1), t if source.regime == "full" else 0)
    if source.regime == "one empty":
        lengths[-1] = 0
    return torch.where(torch.arange(t) < lengths, words, drawn["pad"])


def logits(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Scores of a few units; of hundreds in one regime."""
    return source.normal(wanted.shape, 300.0 if source.regime == "large" else 2.0)


def alphas(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Weights that sum to 1 over the places."""
    return torch.softmax(source.normal(wanted.shape, 1.5), dim=-1)


kata = Kata(
    __file__,
    encoder=encoder,
    images=normal,
    tokens=tokens,
    pad=pad,
    targets=targets,
    logits=logits,
    alphas=alphas,
    lam=number(0.25, 4),
    rules=Rules(
        sizes={
            "b": (2,),
            "t": (3,),
            "h": (4,),
            "w": (5,),
            "vocab": (6, 7),
            "hidden": (8, 9),
            "embed": (10, 11),
            "feat_ch": (11, 12),
            "attn": (13, 14),
            "p": tuple(range(3, 12)),
        },
        single="b t",
        layouts=False,
        gradients_of="images logits alphas",
    ),
)
kata.also("maps of one place", {"h": 1, "w": 2, "p": 1})
kata.also("one step that counts", {"b": 1, "t": 2}, lam=0.5)
for turn in ("full", "nothing", "one empty", "large"):
    kata.also(f"captions or logits: {turn}", {"b": 3}, turn, lam=1.5)
    kata.also(f"captions or logits: {turn}, defaults", {"b": 4}, turn, lam=1.0, pad=0)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()
test_training = kata.trains(
    "Captioner",
    "caption_loss",
    sizes={"b": 2, "h": 3, "w": 3, "t": 3},
    steps=6,
    lr=0.08,
    to=0.75,
    outputs=("logits", "alphas"),
)


@kata.check(times=1)
def test_stages(Captioner, encoder, feat_ch, vocab, embed, hidden, attn, images, tokens):
    """Each stage has its shape, forward is made of them, and one model takes images of any size."""
    model = Captioner(encoder, feat_ch, vocab, embed, hidden, attn).double().eval()
    for x in (images, images.repeat(1, 1, 2, 1)[:, :, :-1]):
        b, _, height, width = x.shape
        p = ((height + 1) // 2) * ((width + 1) // 2)
        _, alphas = model(x, tokens)
        assert alphas.shape == (b, tokens.shape[1], p), f"alphas have shape {tuple(alphas.shape)}."
        a = model.encode(x)
        assert a.shape == (b, p, feat_ch), f"encode gives {tuple(a.shape)}."
        h, c = model.start(a)
        assert h.shape == (b, hidden), f"start gives h of shape {tuple(h.shape)}."
        assert c.shape == (b, hidden), f"start gives c of shape {tuple(c.shape)}."
        context, alpha = model.attend(a, h)
        assert context.shape == (b, feat_ch), f"attend gives a context of shape {tuple(context.shape)}."
        assert alpha.shape == (b, p), f"attend gives an alpha of shape {tuple(alpha.shape)}."
        assert_close(alpha, alphas[:, 0], "The first weights are not those of attend on encode and start.")
        seen = (alpha[..., None] * a).sum(1)
        assert_close(context, seen, "The context of attend is not the weighted sum of the places.")


MOST = 5


@kata.check(times=1)
def test_generate(Captioner, encoder, feat_ch, vocab, embed, hidden, attn, images, source):
    """A caption is what forward finds best after its own words, up to the last eos and no further."""
    model = Captioner(encoder, feat_ch, vocab, embed, hidden, attn).double().eval()
    images = torch.cat([images, -images, images.flip(3)])
    bos = source.integer(2, vocab - 1)
    start = torch.full((len(images), 1), bos)
    model(images, start)
    for _ in range(20):
        # Strong weights, so that images have captions of their own; the row of padding stays 0.
        model.fill({name: _strong(value, source, (vocab, embed)) for name, value in model.state().items()})
        words = start
        for _ in range(MOST):
            best = model(images, words)[0][:, -1].argmax(-1)
            words = torch.cat([words, best[:, None]], 1)
        words = words[:, 1:]
        deaf = model(images, start.expand(-1, MOST).contiguous())[0].argmax(-1)
        told = _told(words, bos, vocab)
        if told and not torch.equal(deaf[told[0][1]], words[told[0][1]]):
            break
    for eos, rows in told or [(0, list(range(len(words))))]:
        most = 2 * MOST if bool((words[rows] == eos).any(1).all()) else MOST
        found = model.generate(images[rows], bos, eos, most)
        assert isinstance(found, torch.Tensor), "generate gives no tensor."
        heard = torch.equal(deaf[rows], words[rows]) or not torch.equal(found, deaf[rows])
        assert heard, "generate hears nothing but bos."
        _same(found, words[rows], bos, eos, most)
    _same(model.generate(images, bos, 0, 1), words[:, :1], bos, 0, 1)
    # The first word of some captions ends them, and so all there are.
    for eos in sorted(set(words[:, 0].tolist()) - {bos})[:1]:
        rows = (words[:, 0] == eos).nonzero().flatten()
        found = model.generate(images[rows], bos, eos, MOST)
        assert found.shape == (len(rows), 1), (
            f"generate gives {found.shape[1]} words, where the first ends every caption."
        )
        assert bool((found == eos).all()), "generate does not end a caption with its eos."


def _told(words: torch.Tensor, bos: int, vocab: int) -> list[tuple[int, list[int]]]:
    """Return each a token for eos and captions: some that go on, one that ends, some that end in turn."""
    told = []
    for eos in range(vocab):
        rows = (words[:, :-1] == eos).any(1).nonzero().flatten().tolist()
        ended = (words[rows] == eos).cumsum(1) > 0
        last = int((~ended).sum(1).max()) if rows else 0
        # One has ended and would have gone on otherwise, while another is still written.
        if bool(((words[rows] != eos) & ended)[:, : last + 1].any()):
            late = next(n for n in rows if words[n].tolist().index(eos) == last)
            told = [(eos, [late]), (eos, rows)]
    for eos in range(1, vocab):
        rows = (words != eos).all(1).nonzero().flatten().tolist()
        inner = words[rows, :-1]
        if told and eos != bos and bool((inner == bos).any()) and bool((inner == 0).any()):
            return [(eos, rows), *told]
    return []


def _strong(value: torch.Tensor, source: Source, padded: tuple[int, int]) -> torch.Tensor:
    if not value.is_floating_point():
        return value
    found = 1.5 * source.normal(tuple(value.shape))
    if value.dim() < 2:
        # Biases, and the scales and variances of a normalisation.
        found = found.abs() / 2 + 0.25
    if tuple(value.shape) == padded:
        found[0] = 0
    return found.to(value.dtype)


def _same(found: torch.Tensor, free: torch.Tensor, bos: int, eos: int, most: int) -> None:
    """Assert that captions are those written freely, cut at their first eos."""
    ended = (free == eos).cumsum(1) > 0
    b, written = free.shape
    length = next((n for n in range(1, written) if bool(ended[:, n - 1].all())), written)
    wanted = torch.where(ended, eos, free)[:, :length]
    assert found.dtype == torch.int64, f"generate gives {found.dtype}."
    assert found.shape[:-1] == (b,), f"generate gives {tuple(found.shape)} for {b} images."
    got = found.shape[1]
    if got == length + 1 and torch.equal(found[:, 1:], wanted) and bool((found[:, 0] == bos).all()):
        raise AssertionError("generate returns bos before the words.")
    n = min(got, length)
    live = torch.cat([torch.ones(b, 1).bool(), ~ended[:, : length - 1]], 1)[:, :n]
    first = torch.equal(found[:, :1], wanted[:, :1])
    assert first, "The first word of generate is not the one that forward finds best after bos."
    same = torch.equal(found[:, :n][live], wanted[:, :n][live])
    assert same, "A later word of generate is not the one that forward finds best after those before it."
    assert got <= most, f"generate writes {got} words, where max_len is {most}."
    assert got <= length, f"generate goes on to {got} words, where every caption has ended after {length}."
    if got < length:
        stop = int(ended.any(0).int().argmax()) + 1
        assert got != stop, f"generate stops after {got} words, when not every caption has ended."
        raise AssertionError(f"generate gives {got} words, where {length} are asked for.")
    assert torch.equal(found, wanted), "generate does not repeat eos after the end of a caption."


@kata.check(times=1)
def test_mode(Captioner, encoder, feat_ch, vocab, embed, hidden, attn, images, tokens):
    """generate leaves the model in the mode in which it was: a model in training goes on training."""
    model = Captioner(encoder, feat_ch, vocab, embed, hidden, attn).double()
    model(images, tokens)
    for training, called in ((False, "evaluation"), (True, "training")):
        model.train(training)
        before, _ = model(images, tokens)
        model.generate(images, 1, 2, 2)
        after, _ = model(images, tokens)
        assert_close(after, before, f"After generate the model is not in {called} mode any more.")


@kata.check(times=1, regime="nothing")
def test_nothing(caption_loss, logits, alphas, targets, pad, lam):
    """When nothing counts the loss is lam times P and can still be differentiated: every gradient is 0."""
    logits.requires_grad_(True)
    alphas.requires_grad_(True)
    loss = caption_loss(logits, alphas, targets, pad=pad, lam=lam)
    told = f"The loss of padding alone is {float(loss.detach()):g}."
    assert abs(float(loss.detach()) - lam * alphas.shape[2]) < 1e-5, told
    assert loss.requires_grad, "The loss of padding alone is cut off from the graph."
    loss.backward()
    reached = logits.grad is not None or alphas.grad is not None
    assert reached, "The loss of padding alone has a graph of its own, without logits and alphas."
    for name, value in (("logits", logits), ("alphas", alphas)):
        assert value.grad is None or not value.grad.any(), f"The gradient of {name} is not 0."


@kata.check(times=1)
def test_padding(caption_loss, logits, alphas, targets, pad, lam, source):
    """More padding changes nothing."""
    before = caption_loss(logits, alphas, targets, pad=pad, lam=lam)
    b = len(targets)
    more = [torch.cat([x, source.numbers((b, 2, x.shape[2]), 0, 1)], 1) for x in (logits, alphas)]
    after = caption_loss(*more, torch.cat([targets, torch.full((b, 2), pad)], 1), pad=pad, lam=lam)
    assert_close(after, before, "Two more steps of padding change the loss.")
