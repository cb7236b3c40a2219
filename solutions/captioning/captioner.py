"""A whole captioner that attends, its loss, and captions from it.

Show, Attend and Tell writes a caption word by word and looks at the image again before each word. The
model for images of any height H and width W, and for T words:

    images    [B, 3, H, W]
    encode    [B, P, feat_ch]     the places of the encoder's map [B, feat_ch, h, w], row by row:
                                  P = h * w, and h, w depend on H, W and the encoder's stride
    start     (h, c)              from the mean m of a over the places: h = tanh(init_h(m)) and
                                  c = tanh(init_c(m)), [B, hidden] each
    attend    (context, alpha)    where to look, from a and a state h:
                [B, P]              scores v(tanh(wa(a) + wh(h)))
                [B, P]              alpha: their softmax over the places
                [B, feat_ch]        context: the sum over the places of alpha * a
    forward   (logits, alphas)    from images and tokens, one step for each column of tokens:
                [B, hidden]         attend with the h *before* the step, then one LSTM step on
                                    [embedding of the token, context], in this order: the new h and c
                [B, T, vocab]       logits: out(new h) of every step
                [B, T, P]           alphas of every step

* Captioner has the methods encode(images), start(a), attend(a, h), forward(images, tokens) and
  generate(images, bos, eos, max_len); a is what encode gives, and the last two use the other three.
* Layers, each one on its own: init_h and init_c linear, feat_ch -> hidden; wa linear, feat_ch -> attn;
  wh linear, hidden -> attn; v linear, attn -> 1; out linear, hidden -> vocab, all with bias; an
  embedding [vocab, embed] with padding_idx=0, so that its row 0 has a gradient of 0; an LSTM cell with
  the parameters of nn.LSTMCell(embed + feat_ch, hidden), gates in torch's order. Attributes may have
  any name.
* tokens [B, T] (long) are from 0 to vocab - 1, and each step is given the token that stands there
  (teacher forcing), 0 like any other. Return logits: no softmax. There is no dropout. Results have the
  dtype of the images.
* The encoder is handed in and belongs to the model: it is trained, its mode follows the model's, and
  it sees the whole batch at once, once in every forward. B, P and T may be 1.

generate returns captions, long [B, L]. The first token of every row is bos, each next one the word
with the highest logit of the step before. A row that has written eos writes eos from then on. Writing
stops as soon as every row has written eos, and after max_len >= 1 words in any case: L is the number
of steps. bos is not returned. It needs no gradients, and it leaves the model in the mode, training or
not, in which it was.

caption_loss(logits, alphas, targets, pad=0, lam=1.0) = words + lam * places:

* targets [B, T] (long) is what was wanted after each step, so it is tokens shifted by one: tokens
  <bos> w1 .. wn have targets w1 .. wn <eos>. The shift is made before: step t of logits and alphas
  already belongs to targets[:, t].
* A step counts where targets is not pad, one of the ids. Padding is only at the end of captions.
* words: mean cross-entropy over the steps of the whole batch that count.
* places: (1 - s)^2, where s [B, P] is the sum of alphas over the steps of a caption that count; summed
  over its places, then the mean over all B captions. It asks to look everywhere about once.
* So padding counts in neither term and has a gradient of 0. A caption of padding alone has s = 0, and
  adds P to the sum of which that mean is taken. If nothing counts at all, words is 0 and the loss is
  lam * P, still connected to the graph.
* The result is a 0-d tensor with gradients for logits and alphas. Logits may be in the hundreds.
  Inputs stay as they are.

Example: vocab = 1000, embed = 256, hidden = 512, attn = 256 and feat_ch = 512 add 4,182,761 parameters
to those of the encoder. With equal logits for 8 words, one step that counts and alphas of (0.75,
0.25), the loss is log 8 + 0.25^2 + 0.75^2 = 2.704.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 3
MINUTES = 45
HINTS = (
    "In which order do the places of a map stand in memory, and where does the channel axis have to go? "
    "What do forward and generate have in common, and in what do they differ?",
    "One step is: attend with the old state, cell, logits from the new state. forward takes the next token "
    "from tokens, generate from the logits. For the loss, which steps count is a table [B, T] of booleans.",
    "encode: flatten the last two axes, then swap the last two. generate: keep a boolean per row for having "
    "ended, overwrite the choice of those rows by eos, leave the loop when all have ended. Loss: sum of the "
    "cross-entropies without pad over max(count, 1); alphas times the table, summed over T.",
)


class Captioner(nn.Module):
    """Encoder, additive attention, LSTM cell, and scores for the next word."""

    def __init__(self, encoder: nn.Module, feat_ch: int, vocab: int, embed: int, hidden: int, attn: int):
        super().__init__()
        self.encoder = encoder
        self.init_h = nn.Linear(feat_ch, hidden)
        self.init_c = nn.Linear(feat_ch, hidden)
        self.embed = nn.Embedding(vocab, embed, padding_idx=0)
        self.wa = nn.Linear(feat_ch, attn)
        self.wh = nn.Linear(hidden, attn)
        self.v = nn.Linear(attn, 1)
        self.cell = nn.LSTMCell(embed + feat_ch, hidden)
        self.out = nn.Linear(hidden, vocab)

    def encode(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b p feat_ch"]:
        """Return the features of every place of the image."""
        return self.encoder(images).flatten(2).transpose(1, 2)

    def start(self, a: Float[Tensor, "b p feat_ch"]) -> tuple[Tensor, Tensor]:
        """Return the first h and c, [B, hidden] each."""
        mean = a.mean(dim=1)
        return self.init_h(mean).tanh(), self.init_c(mean).tanh()

    def attend(
        self, a: Float[Tensor, "b p feat_ch"], h: Float[Tensor, "b hidden"]
    ) -> tuple[Float[Tensor, "b feat_ch"], Float[Tensor, "b p"]]:
        """Return what is seen in a state, and the weight of each place."""
        score = self.v(torch.tanh(self.wa(a) + self.wh(h)[:, None])).squeeze(-1)
        alpha = score.softmax(dim=-1)
        return (alpha[..., None] * a).sum(dim=1), alpha

    def forward(
        self, images: Float[Tensor, "b 3 h w"], tokens: Int64[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "b t vocab"], Float[Tensor, "b t p"]]:
        """Return the scores of the next word and the weights of the places, step by step."""
        a = self.encode(images)
        h, c = self.start(a)
        logits, alphas = [], []
        for token in tokens.unbind(dim=1):
            context, alpha = self.attend(a, h)
            h, c = self.cell(torch.cat([self.embed(token), context], dim=-1), (h, c))
            logits.append(self.out(h))
            alphas.append(alpha)
        return torch.stack(logits, dim=1), torch.stack(alphas, dim=1)

    @torch.no_grad()
    def generate(
        self, images: Float[Tensor, "b 3 h w"], bos: int, eos: int, max_len: int
    ) -> Int64[Tensor, "b l"]:
        """Return the captions that the model finds best word by word."""
        a = self.encode(images)
        h, c = self.start(a)
        token = torch.full((len(a),), bos)
        ended = torch.zeros(len(a), dtype=torch.bool)
        written = []
        while len(written) < max_len and not ended.all():
            context, _ = self.attend(a, h)
            h, c = self.cell(torch.cat([self.embed(token), context], dim=-1), (h, c))
            token = self.out(h).argmax(dim=-1).masked_fill(ended, eos)
            ended = token == eos
            written.append(token)
        return torch.stack(written, dim=1)


def caption_loss(
    logits: Float[Tensor, "b t vocab"],
    alphas: Float[Tensor, "b t p"],
    targets: Int64[Tensor, "b t"],
    pad: int = 0,
    lam: float = 1.0,
) -> Float[Tensor, ""]:
    """Return the cross-entropy of the words plus lam times the penalty on places not seen once."""
    live = targets != pad
    words = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=pad, reduction="sum")
    seen = (alphas * live[..., None]).sum(dim=1)  # b p
    return words / live.sum().clamp(min=1) + lam * (1 - seen).square().sum(dim=-1).mean()


@right("with a method for each step", of="Captioner")
class Open(Captioner):
    """The captioner with its parts as methods, so that a version can change one of them."""

    def read(self, token):
        return self.embed(token)

    def step(self, a, token, h, c):
        context, alpha = self.attend(a, h)
        h, c = self.cell(torch.cat([self.read(token), context], -1), (h, c))
        return self.out(h), alpha, h, c

    def forward(self, images, tokens):
        a = self.encode(images)
        h, c = self.start(a)
        logits, alphas = [], []
        for token in tokens.unbind(1):
            scores, alpha, h, c = self.step(a, token, h, c)
            logits.append(scores)
            alphas.append(alpha)
        return torch.stack(logits, 1), torch.stack(alphas, 1)

    def choose(self, logits, ended, eos):
        return logits.argmax(-1).masked_fill(ended, eos)

    def over(self, ended):
        return ended.all()

    @torch.no_grad()
    def generate(self, images, bos, eos, max_len):
        a = self.encode(images)
        h, c = self.start(a)
        token = torch.full((len(a),), bos)
        ended = torch.zeros(len(a), dtype=torch.bool)
        written = []
        while len(written) < max_len and not self.over(ended):
            logits, _, h, c = self.step(a, token, h, c)
            token = self.choose(logits, ended, eos)
            ended = ended | (token == eos)
            written.append(token)
        return torch.stack(written, 1)


@right("with attention on the map as it is, gates by hand, and captions in Python lists")
class Mapped(nn.Module):
    def __init__(self, encoder, feat_ch, vocab, embed, hidden, attn):
        super().__init__()
        self.score = nn.Linear(attn, 1)
        self.query, self.key = nn.Linear(hidden, attn), nn.Conv1d(feat_ch, attn, 1)
        self.first = nn.ModuleDict({"c": nn.Linear(feat_ch, hidden), "h": nn.Linear(feat_ch, hidden)})
        self.hh, self.ih = nn.Linear(hidden, 4 * hidden), nn.Linear(embed + feat_ch, 4 * hidden)
        self.table = nn.Embedding(vocab, embed, padding_idx=0)
        self.head = nn.Linear(hidden, vocab)
        self.cnn = encoder

    def encode(self, images):
        found = self.cnn(images)
        return found.permute(0, 2, 3, 1).reshape(len(found), -1, found.shape[1])

    def start(self, a):
        m = a.sum(1) / a.shape[1]
        return [torch.tanh(self.first["h"](m)), torch.tanh(self.first["c"](m))]

    def attend(self, a, h):
        z = torch.tanh(self.key(a.mT) + self.query(h).unsqueeze(2))
        alpha = F.softmax(self.score(z.mT).squeeze(2), dim=1)
        return torch.bmm(alpha.unsqueeze(1), a).squeeze(1), alpha

    def _step(self, a, token, h, c):
        context, alpha = self.attend(a, h)
        x = torch.hstack([self.table(token), context])
        i, f, g, o = (self.ih(x) + self.hh(h)).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return alpha, o.sigmoid() * c.tanh(), c

    def forward(self, images, tokens):
        a = self.encode(images)
        h, c = self.start(a)
        states, alphas = [], []
        for t in range(tokens.shape[1]):
            alpha, h, c = self._step(a, tokens[:, t], h, c)
            states.append(h)
            alphas.append(alpha)
        return [self.head(torch.stack(states, 1)), torch.stack(alphas, 1)]

    def generate(self, images, bos, eos, max_len):
        with torch.no_grad():
            a = self.encode(images)
            h, c = self.start(a)
            last, rows = [bos] * len(a), [[] for _ in a]
            for _ in range(max_len):
                _, h, c = self._step(a, torch.tensor(last), h, c)
                best = self.head(h).argmax(1).tolist()
                last = [eos if row and row[-1] == eos else new for row, new in zip(rows, best)]
                for row, word in zip(rows, last):
                    row.append(word)
                if all(word == eos for word in last):
                    break
        return torch.tensor(rows)


@right("with torch's LSTM, and captions by going through forward again for every word")
class Again(nn.Module):
    def __init__(self, encoder, feat_ch, vocab, embed, hidden, attn):
        super().__init__()
        self.lstm = nn.LSTM(input_size=embed + feat_ch, hidden_size=hidden, batch_first=True)
        self.words = nn.Embedding(vocab, embed, padding_idx=0)
        self.att_h, self.att_a, self.att = (
            nn.Linear(hidden, attn),
            nn.Linear(feat_ch, attn),
            nn.Linear(attn, 1),
        )
        self.h0, self.c0 = nn.Linear(feat_ch, hidden), nn.Linear(feat_ch, hidden)
        self.fc = nn.Sequential(nn.Linear(hidden, vocab))
        self.encoder = encoder

    def encode(self, images):
        return torch.einsum("bchw->bhwc", self.encoder(images)).flatten(1, 2)

    def start(self, a):
        return self.h0(a.mean(-2)).tanh(), self.c0(a.mean(-2)).tanh()

    def attend(self, a, h):
        energy = self.att((self.att_a(a) + self.att_h(h).unsqueeze(1)).tanh())
        alpha = torch.softmax(energy, dim=1)
        return (alpha * a).sum(1), alpha[..., 0]

    def forward(self, images, tokens):
        a = self.encode(images)
        h, c = self.start(a)
        words = self.words(tokens)
        logits, alphas = [], []
        for i in range(tokens.size(1)):
            context, alpha = self.attend(a, h)
            y, (h, c) = self.lstm(torch.cat([words[:, i], context], 1)[:, None], (h[None], c[None]))
            h, c = h[0], c[0]
            logits.append(self.fc(y))
            alphas.append(alpha.unsqueeze(1))
        return torch.cat(logits, 1), torch.cat(alphas, 1)

    def generate(self, images, bos, eos, max_len):
        tokens = torch.full((images.shape[0], 1), bos, dtype=torch.long)
        for _ in range(max_len):
            new = self.forward(images, tokens)[0][:, -1].argmax(-1)
            done = (tokens[:, 1:] == eos).any(1)
            tokens = torch.cat([tokens, torch.where(done, eos, new)[:, None]], 1)
            if (tokens[:, 1:] == eos).any(1).all():
                break
        return tokens[:, 1:].detach()


@right("with lazy layers, an embedding by hand, and a caption written into a tensor of eos")
class Filled(Open):
    def __init__(self, encoder, feat_ch, vocab, embed, hidden, attn):
        super().__init__(encoder, feat_ch, vocab, embed, hidden, attn)
        self.wa, self.init_h, self.out = nn.LazyLinear(attn), nn.LazyLinear(hidden), nn.LazyLinear(vocab)
        self.embed = nn.Parameter(torch.randn(vocab, embed))

    def read(self, token):
        return F.embedding(token, self.embed, padding_idx=0)

    @torch.inference_mode()
    def generate(self, images, bos, eos, max_len):
        mode = self.training
        self.eval()
        a = self.encode(images)
        h, c = self.start(a)
        found = images.new_full((len(images), max_len), eos, dtype=torch.int64)
        running, token = torch.ones(len(images), dtype=torch.bool), torch.full((len(images),), bos)
        length = 0
        for t in range(max_len):
            logits, _, h, c = self.step(a, token, h, c)
            token = logits.max(1).indices
            found[running, t] = token[running]
            running &= token != eos
            length += 1
            if not running.any():
                break
        self.train(mode)
        return found[:, :length]


@right("over a list of the steps that count, and captions one by one", of="caption_loss")
def listed(logits, alphas, targets, pad=0, lam=1.0):
    keep = targets != pad
    words = F.cross_entropy(logits[keep], targets[keep]) if keep.any() else (logits * 0.0).sum()
    each = [((1 - a[k].sum(0)) ** 2).sum() for a, k in zip(alphas, keep)]
    return words + lam * torch.stack(each).mean()


@right("with the log-softmax gathered by hand, and masks as weights", of="caption_loss")
def gathered(logits, alphas, targets, pad=0, lam=1.0):
    m = (targets != pad).to(logits.dtype)
    nll = torch.logsumexp(logits, -1) - logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    words = (nll * m).sum() / m.sum().clamp(min=1)
    seen = torch.einsum("btp,bt->bp", alphas, m)
    return words + (seen - 1).pow(2).sum() / len(seen) * lam


@right("with torch's own mean, and its NaN for nothing replaced", of="caption_loss")
def filtered(logits, alphas, targets, pad=0, lam=1.0):
    if torch.all(targets == pad):
        return lam * alphas.shape[-1] + 0 * (logits.mean() + alphas.mean())
    words = nn.CrossEntropyLoss(ignore_index=pad)(logits.flatten(0, 1), targets.flatten())
    seen = alphas.masked_fill((targets == pad).unsqueeze(2), 0).sum(1)
    return words + lam * torch.mean(torch.sum((1.0 - seen) ** 2, dim=1))


# -- mistakes in the model -----------------------------------------------------------------------


@wrong("reshapes the map to [B, P, feat_ch] without moving the channels, which mixes places and channels")
class Reshaped(Open):
    def encode(self, images):
        found = self.encoder(images)
        return found.reshape(len(found), -1, found.shape[1])


@wrong("goes through the places column by column")
class ColumnByColumn(Open):
    def encode(self, images):
        return self.encoder(images).transpose(2, 3).flatten(2).transpose(1, 2)


@wrong("pools the map into one vector, so that there is nowhere to look")
class PooledAway(Open):
    def encode(self, images):
        return super().encode(images).mean(1, keepdim=True)


@wrong("freezes the encoder by running it without a graph")
class Frozen(Open):
    def encode(self, images):
        with torch.no_grad():
            return super().encode(images)


@wrong("keeps the encoder in evaluation mode while the model trains")
class AlwaysEval(Open):
    def train(self, mode=True):
        super().train(mode)
        self.encoder.eval()
        return self


@wrong("runs the encoder twice in every forward, which moves its running statistics twice")
class EncodedTwice(Open):
    def forward(self, images, tokens):
        self.encode(images)
        return super().forward(images, tokens)


@wrong("returns c before h from start")
class StartSwapped(Open):
    def start(self, a):
        return super().start(a)[::-1]

    def step(self, a, token, h, c):
        logits, alpha, c, h = super().step(a, token, c, h)
        return logits, alpha, h, c


@wrong("returns alpha before the context from attend")
class AttendSwapped(Open):
    def attend(self, a, h):
        return super().attend(a, h)[::-1]

    def step(self, a, token, h, c):
        alpha, context = self.attend(a, h)
        h, c = self.cell(torch.cat([self.embed(token), context], -1), (h, c))
        return self.out(h), alpha, h, c


class _Scored(Open):
    def score(self, a, h):
        return self.v(torch.tanh(self.wa(a) + self.wh(h)[:, None])).squeeze(-1)

    def weigh(self, score):
        return score.softmax(-1)

    def attend(self, a, h):
        alpha = self.weigh(self.score(a, h))
        return (alpha[..., None] * a).sum(1), alpha


@wrong("takes the softmax over the images of the batch instead of over the places")
class AcrossBatch(_Scored):
    def weigh(self, score):
        return score.softmax(0)


@wrong("steps first and looks afterwards, with the new state, where the next step will look")
class LookedAfter(Open):
    def step(self, a, token, h, c):
        logits, _, h, c = super().step(a, token, h, c)
        return logits, self.attend(a, h)[1], h, c


@wrong("puts the context before the embedding")
class ContextFirst(Open):
    def step(self, a, token, h, c):
        context, alpha = self.attend(a, h)
        h, c = self.cell(torch.cat([context, self.embed(token)], -1), (h, c))
        return self.out(h), alpha, h, c


@wrong("trains the row of the padding token like any other")
class WithoutPadding(Open):
    def __init__(self, encoder, feat_ch, vocab, embed, hidden, attn):
        super().__init__(encoder, feat_ch, vocab, embed, hidden, attn)
        self.embed = nn.Embedding(vocab, embed)


@wrong("feeds its own last word instead of the true one")
class FreeRunning(Open):
    def forward(self, images, tokens):
        a = self.encode(images)
        h, c = self.start(a)
        token, logits, alphas = tokens[:, 0], [], []
        for _ in range(tokens.shape[1]):
            scores, alpha, h, c = self.step(a, token, h, c)
            token = scores.argmax(-1)
            logits.append(scores)
            alphas.append(alpha)
        return torch.stack(logits, 1), torch.stack(alphas, 1)


@wrong("makes the shift inside, and returns one step fewer than it was given")
class OneShort(Open):
    def forward(self, images, tokens):
        return super().forward(images, tokens[:, :-1] if tokens.shape[1] > 1 else tokens)


# -- mistakes in generate ------------------------------------------------------------------------


@wrong("stops writing when the first caption has ended")
class StopsAtFirst(Open):
    def over(self, ended):
        return ended.any()


@wrong("always writes max_len words, also when every caption has ended")
class NeverStops(Open):
    def over(self, ended):
        return False


@wrong("looks whether every caption has ended before it writes a word down, and not for the first one")
class NeverAtFirst(Open):
    def generate(self, images, bos, eos, max_len):
        found = super().generate(images, bos, eos, max_len)
        return found if found.shape[1] > 1 or max_len == 1 else found.repeat(1, 2)


@wrong("goes on writing words after the end of a caption")
class WritesOn(Open):
    def choose(self, logits, ended, eos):
        return logits.argmax(-1)


@wrong("fills up with padding after the end of a caption, where eos is asked for")
class FillsWithPadding(Open):
    def choose(self, logits, ended, eos):
        return logits.argmax(-1).masked_fill(ended, 0)


@wrong("returns bos before the words")
class BosFirst(Open):
    def generate(self, images, bos, eos, max_len):
        found = super().generate(images, bos, eos, max_len)
        return F.pad(found, (1, 0), value=bos)


@wrong("always starts with the token 1, whatever bos says")
class FixedBos(Open):
    def generate(self, images, bos, eos, max_len):
        return super().generate(images, 1, eos, max_len)


@wrong("throws the last eos away")
class EosCut(Open):
    def generate(self, images, bos, eos, max_len):
        found = super().generate(images, bos, eos, max_len)
        return found[:, :-1] if bool((found[:, -1] == eos).all()) else found


@wrong("writes more words than max_len, until every caption has ended by itself")
class Unlimited(Open):
    def generate(self, images, bos, eos, max_len):
        return super().generate(images, bos, eos, 3 * max_len)


@wrong("feeds bos again at every step of generate instead of the word just written")
class NotFedBack(Open):
    def generate(self, images, bos, eos, max_len):
        self.bos = bos
        return super().generate(images, bos, eos, max_len)

    def step(self, a, token, h, c):
        return super().step(a, token if torch.is_grad_enabled() else torch.full_like(token, self.bos), h, c)


@wrong("leaves the model in evaluation mode after generate")
class LeftInEval(Open):
    def generate(self, images, bos, eos, max_len):
        self.eval()
        return super().generate(images, bos, eos, max_len)


@wrong("puts the model in training mode after generate, whatever its mode was")
class LeftInTraining(Open):
    def generate(self, images, bos, eos, max_len):
        self.eval()
        found = super().generate(images, bos, eos, max_len)
        self.train()
        return found


# -- mistakes in the loss ------------------------------------------------------------------------


def _words(logits, targets, pad):
    """The first term."""
    total = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=pad, reduction="sum")
    return total / (targets != pad).sum().clamp(min=1)


def _places(alphas, targets, pad):
    """The second term."""
    live = targets != pad
    return (1 - (alphas * live[..., None]).sum(1)).square().sum(-1).mean()


@wrong("averages the words over padding too, which it learns to predict", of="caption_loss")
def padding_learned(logits, alphas, targets, pad=0, lam=1.0):
    return F.cross_entropy(logits.transpose(1, 2), targets) + lam * _places(alphas, targets, pad)


@wrong("takes the mean over the words of each caption first, and then of those", of="caption_loss")
def per_caption(logits, alphas, targets, pad=0, lam=1.0):
    live = targets != pad
    each = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=pad, reduction="none").sum(1)
    each = (each / live.sum(1).clamp(min=1))[live.any(1)]
    return each.sum() / max(len(each), 1) + lam * _places(alphas, targets, pad)


@wrong("shifts once more inside the loss: step t is asked for the target of step t + 1", of="caption_loss")
def shifted_twice(logits, alphas, targets, pad=0, lam=1.0):
    if targets.shape[1] == 1:
        return caption_loss(logits, alphas, targets, pad, lam)
    return caption_loss(logits[:, :-1], alphas[:, :-1], targets[:, 1:], pad, lam)


@wrong("counts where padded steps look", of="caption_loss")
def padding_looks(logits, alphas, targets, pad=0, lam=1.0):
    return _words(logits, targets, pad) + lam * (1 - alphas.sum(1)).square().sum(-1).mean()


@wrong("leaves captions of padding alone out of the mean over captions", of="caption_loss")
def empty_left_out(logits, alphas, targets, pad=0, lam=1.0):
    live = targets != pad
    each = (1 - (alphas * live[..., None]).sum(1)).square().sum(-1)[live.any(1)]
    places = each.mean() if len(each) else lam * 0 * alphas.sum() + alphas.shape[2]
    return _words(logits, targets, pad) + lam * places


@wrong("adds nothing for the places of captions of padding alone", of="caption_loss")
def empty_for_nothing(logits, alphas, targets, pad=0, lam=1.0):
    live = targets != pad
    each = (1 - (alphas * live[..., None]).sum(1)).square().sum(-1) * live.any(1)
    return _words(logits, targets, pad) + lam * each.mean()


@wrong("trains the words only: the weights are cut off from the graph", of="caption_loss")
def detached(logits, alphas, targets, pad=0, lam=1.0):
    return caption_loss(logits, alphas.detach(), targets, pad, lam)


@wrong("always takes 0 for padding, whatever it is told", of="caption_loss")
def fixed_pad(logits, alphas, targets, pad=0, lam=1.0):
    return caption_loss(logits, alphas, targets, 0, lam)


@wrong("always gives the places a weight of 1, whatever lam says", of="caption_loss")
def fixed_lam(logits, alphas, targets, pad=0, lam=1.0):
    return caption_loss(logits, alphas, targets, pad)


@wrong("takes means over nothing, which are NaN", of="caption_loss")
def nan_when_empty(logits, alphas, targets, pad=0, lam=1.0):
    words = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=pad)
    return words + lam * _places(alphas, targets, pad)


@wrong("returns a constant, cut off from the graph, when nothing counts", of="caption_loss")
def cut_off(logits, alphas, targets, pad=0, lam=1.0):
    if not (targets != pad).any():
        return logits.new_tensor(lam * alphas.shape[2])
    return caption_loss(logits, alphas, targets, pad, lam)


@wrong("returns a new leaf of its own when nothing counts, which is no part of the graph", of="caption_loss")
def leaf_of_nothing(logits, alphas, targets, pad=0, lam=1.0):
    if not (targets != pad).any():
        return logits.new_tensor(lam * alphas.shape[2]).requires_grad_(True)
    return caption_loss(logits, alphas, targets, pad, lam)


@wrong("writes over the targets that it is to ignore", of="caption_loss")
def overwriting(logits, alphas, targets, pad=0, lam=1.0):
    found = caption_loss(logits, alphas, targets, pad, lam)
    targets[targets == pad] = -100
    return found


@wrong("returns a Python number, which has no graph", of="caption_loss")
def numbered(logits, alphas, targets, pad=0, lam=1.0):
    return caption_loss(logits, alphas, targets, pad, lam).item()
