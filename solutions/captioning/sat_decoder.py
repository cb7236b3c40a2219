"""The decoder of Show, Attend and Tell.

A caption is written word by word. Before each word the decoder looks at the image again, and chooses
by its state where to look. Here is that decoder without its CNN, in training: every step is given the
true word before it, not its own guess (teacher forcing).

    a         [B, P, feat]    features of P places of the image
    tokens    [B, T]          ids (int64) of the words that go in, from 0 to vocab - 1; 0 is padding

The start, from the mean m [B, feat] of a over the P places:

    h         [B, hidden]     tanh(init_h(m))
    c         [B, hidden]     tanh(init_c(m))

Then step t = 0, ..., T - 1, with the h and c that the step before has left:

    score     [B, P]          v(tanh(wa(a) + wh(h))): h from *before* this step
    alpha     [B, P]          softmax of the scores over the places
    context   [B, feat]       sum over the places of alpha * a
    h, c      [B, hidden]     one LSTM step on [embedding of tokens[:, t], context], in this order
    logits    [B, vocab]      out(h), with the *new* h

* forward(a, tokens) returns (logits [B, T, vocab], alphas [B, T, P]), the steps along the second axis.
* These are the layers, each one on its own, so that their parameters can be paired with those of the
  reference. Names and order of the attributes are up to you.

      init_h, init_c    linear, feat -> hidden      weights [hidden, feat], biases [hidden]
      wa                linear, feat -> attn        weight [attn, feat], bias [attn]
      wh                linear, hidden -> attn      weight [attn, hidden], bias [attn]
      v                 linear, attn -> 1           weight [1, attn], bias [1]
      out               linear, hidden -> vocab     weight [vocab, hidden], bias [vocab]
      embedding         vocab rows                  weight [vocab, embed]
      LSTM              embed + feat -> hidden      weights [4 * hidden, embed + feat] and
                                                    [4 * hidden, hidden], two biases [4 * hidden]

* The LSTM is that of nn.LSTMCell: its gates stand in the order input, forget, cell, output. The bias
  of v moves all scores alike and changes nothing; it is there all the same.
* The embedding has padding_idx=0, as torch calls it: its row 0 gets a gradient of 0, so it never
  changes. What that row holds at the start is up to you. The forward pass knows nothing of padding: a
  step on token 0 is a step like any other.
* So a step sees the words up to its own and no later ones, and the order of the places does not
  matter: places in another order get their alphas in that order, and the logits are the same.
* Return logits: no softmax. There is no dropout. B, P and T may be 1, and no axis is lost then. Both
  results have the dtype of a.
* Gradients flow to a and to all parameters. The inputs stay as they are.

Example: vocab = 1000, embed = 256, hidden = 512, attn = 256 and feat = 512 make 4,182,761 parameters.
If all 49 places have the same features, every alpha is 1/49 = 0.0204 and the context is that feature.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 3
MINUTES = 35
HINTS = (
    "Eight layers, one loop over the words. What of each step depends on the step before, and what could "
    "be computed once for all of them?",
    "Within a step the order is: look (with the old state), remember (the LSTM), speak (from the new "
    "state). wh(h) has no axis for the places, and gets one before it is added.",
    "Start: mean over axis 1, two linear layers, tanh. Loop over the columns of the embedded tokens: scores, "
    "softmax over the last axis, weighted sum of a over axis 1, the cell on the embedding and the context "
    "side by side; keep the state and the weights. At the end stack both along axis 1 and apply out.",
)


class SATDecoder(nn.Module):
    """Additive attention, an LSTM cell, and scores for the next word."""

    def __init__(self, vocab: int, embed: int, hidden: int, attn: int, feat: int = 512):
        super().__init__()
        self.init_h = nn.Linear(feat, hidden)
        self.init_c = nn.Linear(feat, hidden)
        self.embed = nn.Embedding(vocab, embed, padding_idx=0)
        self.wa = nn.Linear(feat, attn)
        self.wh = nn.Linear(hidden, attn)
        self.v = nn.Linear(attn, 1)
        self.cell = nn.LSTMCell(embed + feat, hidden)
        self.out = nn.Linear(hidden, vocab)

    def forward(
        self, a: Float[Tensor, "b p feat"], tokens: Int64[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "b t vocab"], Float[Tensor, "b t p"]]:
        """Return the scores of the next word and the weights of the places, step by step."""
        mean = a.mean(dim=1)
        h, c = self.init_h(mean).tanh(), self.init_c(mean).tanh()
        keys = self.wa(a)  # b p attn, the same at every step
        states, alphas = [], []
        for word in self.embed(tokens).unbind(dim=1):
            score = self.v(torch.tanh(keys + self.wh(h)[:, None])).squeeze(-1)
            alpha = score.softmax(dim=-1)
            context = (alpha[..., None] * a).sum(dim=1)
            h, c = self.cell(torch.cat([word, context], dim=-1), (h, c))
            states.append(h)
            alphas.append(alpha)
        return self.out(torch.stack(states, dim=1)), torch.stack(alphas, dim=1)


@right("with a method for each step", of="SATDecoder")
class Open(SATDecoder):
    """The decoder with its parts as methods, so that a version can change one of them."""

    def start(self, a):
        mean = a.mean(1)
        return self.init_h(mean).tanh(), self.init_c(mean).tanh()

    def score(self, a, h):
        return self.v(torch.tanh(self.wa(a) + self.wh(h)[:, None])).squeeze(-1)

    def weigh(self, score):
        return score.softmax(-1)

    def look(self, a, alpha):
        return torch.einsum("bp,bpf->bf", alpha, a)

    def attend(self, a, h):
        alpha = self.weigh(self.score(a, h))
        return self.look(a, alpha), alpha

    def join(self, word, context):
        return torch.cat([word, context], -1)

    def embedded(self, tokens):
        return self.embed(tokens)

    def forward(self, a, tokens):
        h, c = self.start(a)
        words = self.embedded(tokens)
        logits, alphas = [], []
        for t in range(tokens.shape[1]):
            context, alpha = self.attend(a, h)
            h, c = self.cell(self.join(words[:, t], context), (h, c))
            logits.append(self.out(h))
            alphas.append(alpha)
        return torch.stack(logits, 1), torch.stack(alphas, 1)


@right("with the gates by hand, from two linear layers, and results written into tensors of zeros")
class Gated(nn.Module):
    def __init__(self, vocab, embed, hidden, attn, feat=512):
        super().__init__()
        self.vocab = vocab
        self.to_vocab = nn.Linear(hidden, vocab)
        self.hh = nn.Linear(hidden, 4 * hidden)
        self.ih = nn.Linear(embed + feat, 4 * hidden)
        self.energy = nn.Linear(attn, 1)
        self.key, self.query = nn.Linear(feat, attn), nn.Linear(hidden, attn)
        self.start_c, self.start_h = nn.Linear(feat, hidden), nn.Linear(feat, hidden)
        self.words = nn.Embedding(vocab, embed, padding_idx=0)

    def forward(self, a, tokens):
        (b, p, _), t = a.shape, tokens.shape[1]
        m = a.sum(1) / p
        h, c = torch.tanh(self.start_h(m)), torch.tanh(self.start_c(m))
        logits = torch.zeros(b, t, self.vocab, dtype=a.dtype)
        alphas = torch.zeros(b, t, p, dtype=a.dtype)
        for i in range(t):
            alpha = F.softmax(
                self.energy(torch.tanh(self.key(a) + self.query(h).unsqueeze(1))).squeeze(2), dim=1
            )
            context = torch.bmm(alpha.unsqueeze(1), a).squeeze(1)
            x = torch.cat((self.words(tokens[:, i]), context), dim=1)
            i_gate, f_gate, g_gate, o_gate = (self.ih(x) + self.hh(h)).chunk(4, dim=1)
            c = f_gate.sigmoid() * c + i_gate.sigmoid() * g_gate.tanh()
            h = o_gate.sigmoid() * c.tanh()
            logits[:, i], alphas[:, i] = self.to_vocab(h), alpha
        return logits, alphas


@right("with torch's LSTM over sequences of one step, layers in dictionaries, and convolutions over places")
class Sequential(nn.Module):
    def __init__(self, vocab, embed, hidden, attn, feat=512):
        super().__init__()
        self.rnn = nn.LSTM(embed + feat, hidden, batch_first=True)
        self.start = nn.ModuleDict({"c": nn.Linear(feat, hidden), "h": nn.Linear(feat, hidden)})
        self.table = nn.Embedding(vocab, embed, padding_idx=0)
        self.places = nn.Conv1d(feat, attn, kernel_size=1)
        self.state = nn.Linear(hidden, attn)
        self.score = nn.Conv1d(attn, 1, kernel_size=1)
        self.head = nn.Linear(hidden, vocab)

    def forward(self, a, tokens):
        m = a.mean(dim=-2)
        h, c = self.start["h"](m).tanh()[None], self.start["c"](m).tanh()[None]
        maps = self.places(a.transpose(1, 2))
        logits, alphas = [], []
        for token in tokens.T:
            alpha = torch.softmax(self.score(torch.tanh(maps + self.state(h[0])[..., None]))[:, 0], dim=-1)
            context = torch.matmul(a.mT, alpha[..., None])[..., 0]
            x = torch.hstack([self.table(token), context])[:, None]
            y, (h, c) = self.rnn(x, (h, c))
            logits.append(self.head(y))
            alphas.append(alpha[:, None])
        return [torch.cat(logits, dim=1), torch.cat(alphas, dim=1)]


class _Attention(nn.Module):
    def __init__(self, feat, hidden, attn):
        super().__init__()
        self.full = nn.Linear(attn, 1)
        self.decoder = nn.Linear(hidden, attn)
        self.encoder = nn.Linear(feat, attn)

    def forward(self, a, h):
        energies = self.full(self.encoder(a).add(self.decoder(h)[:, None, :]).tanh())  # b p 1
        alpha = energies.softmax(dim=1)
        return (a * alpha).sum(dim=1), alpha[:, :, 0]


@right("with an attention module of its own, and one image after the other")
class OneByOne(nn.Module):
    def __init__(self, vocab, embed, hidden, attn, feat=512):
        super().__init__()
        self.attention = _Attention(feat, hidden, attn)
        self.embedding = nn.Embedding(num_embeddings=vocab, embedding_dim=embed, padding_idx=0)
        self.lstm = nn.LSTMCell(input_size=embed + feat, hidden_size=hidden)
        self.first = nn.ModuleList([nn.Linear(feat, hidden), nn.Linear(feat, hidden)])
        self.fc = nn.Linear(hidden, vocab)

    def forward(self, a, tokens):
        found = [self._one(a[i : i + 1], tokens[i : i + 1]) for i in range(len(a))]
        logits, alphas = zip(*found)
        return torch.cat(logits), torch.cat(alphas)

    def _one(self, a, tokens):
        h, c = (torch.tanh(layer(a.mean(1))) for layer in self.first)
        logits, alphas = [], []
        for t in range(tokens.size(1)):
            context, alpha = self.attention(a, h)
            h, c = self.lstm(torch.cat([self.embedding(tokens[:, t]), context], 1), (h, c))
            logits += [self.fc(h)]
            alphas += [alpha]
        return torch.stack(logits, dim=1), torch.stack(alphas, dim=1)


@right("with plain parameters, the products of the words taken before the loop, and a softmax by hand")
class Handmade(nn.Module):
    def __init__(self, vocab, embed, hidden, attn, feat=512):
        super().__init__()
        self.e, self.h = embed, hidden
        self.table = nn.Parameter(torch.randn(vocab, embed))
        self.wx, self.wh = self._weight(4 * hidden, embed + feat), self._weight(4 * hidden, hidden)
        self.bx, self.bh = self._bias(4 * hidden), self._bias(4 * hidden)
        self.wi, self.bi = self._weight(hidden, feat), self._bias(hidden)
        self.wj, self.bj = self._weight(hidden, feat), self._bias(hidden)
        self.wa, self.ba = self._weight(attn, feat), self._bias(attn)
        self.wq, self.bq = self._weight(attn, hidden), self._bias(attn)
        self.ws, self.bs = self._weight(1, attn), self._bias(1)
        self.wo, self.bo = self._weight(vocab, hidden), self._bias(vocab)

    def _weight(self, out, inputs):
        return nn.Parameter(torch.randn(out, inputs) / inputs**0.5)

    def _bias(self, out):
        return nn.Parameter(torch.zeros(out))

    def forward(self, a, tokens):
        m, n = a.mean(1), self.h
        h, c = (m @ self.wi.T + self.bi).tanh(), (m @ self.wj.T + self.bj).tanh()
        words = F.embedding(tokens, self.table, padding_idx=0) @ self.wx[:, : self.e].T + self.bx + self.bh
        keys = a @ self.wa.T + self.ba + self.bq
        logits, alphas = [], []
        for word in words.movedim(1, 0):
            score = torch.tanh(keys + (h @ self.wq.T)[:, None]) @ self.ws[0] + self.bs
            raised = torch.exp(score - score.amax(1, keepdim=True))
            alpha = raised / raised.sum(1, keepdim=True)
            seen = (alpha[:, None] @ a)[:, 0]
            gates = word + seen @ self.wx[:, self.e :].T + h @ self.wh.T
            i, f, g, o = gates.split(n, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            logits.append(torch.addmm(self.bo, h, self.wo.T))
            alphas.append(alpha)
        return torch.stack(logits, 1), torch.stack(alphas, 1)


@right("with layers that find out their input size, and a vector of zeros for padding put in by hand")
class Lazy(Open):
    def __init__(self, vocab, embed, hidden, attn, feat=512):
        super().__init__(vocab, embed, hidden, attn, feat)
        self.wa, self.wh, self.v = nn.LazyLinear(attn), nn.LazyLinear(attn), nn.LazyLinear(1)
        self.init_c = nn.LazyLinear(hidden)

    def embedded(self, tokens):
        word = self.embed.weight[tokens]
        return torch.where(tokens[..., None] == 0, self.embed.weight[0].detach(), word)


# -- mistakes at the start -----------------------------------------------------------------------


@wrong("starts from states of zeros, whatever the image")
class FromZeros(Open):
    def start(self, a):
        h, c = super().start(a)
        return torch.zeros_like(h), torch.zeros_like(c)


@wrong("forgets the tanh on the first states")
class Unbounded(Open):
    def start(self, a):
        mean = a.mean(1)
        return self.init_h(mean), self.init_c(mean)


@wrong("takes a ReLU for the first states")
class RectifiedStart(Open):
    def start(self, a):
        mean = a.mean(1)
        return self.init_h(mean).relu(), self.init_c(mean).relu()


@wrong("starts both states from one layer")
class OneStart(Open):
    def start(self, a):
        h, _ = super().start(a)
        return h, h


@wrong("starts from the sum of the features instead of their mean")
class FromSum(Open):
    def start(self, a):
        return super().start(a.sum(1, keepdim=True))


@wrong("starts from the first place alone, as if it stood for the whole image")
class FromFirst(Open):
    def start(self, a):
        return super().start(a[:, :1])


@wrong("trains the features only through the context: the start is cut off from the graph")
class DetachedStart(Open):
    def start(self, a):
        return super().start(a.detach())


# -- mistakes in the attention -------------------------------------------------------------------


@wrong("takes the softmax over the images of the batch instead of over the places")
class AcrossBatch(Open):
    def weigh(self, score):
        return score.softmax(0)


@wrong("takes the softmax over an axis of size 1, so that every weight is 1")
class AllOnes(Open):
    def weigh(self, score):
        return score[..., None].softmax(-1).squeeze(-1)


@wrong("weighs each place for itself with a sigmoid, so that the weights do not sum to 1")
class Sigmoided(Open):
    def weigh(self, score):
        return score.sigmoid()


@wrong("divides the scores by the root of their width, as in attention by dot products")
class Scaled(Open):
    def weigh(self, score):
        return (score / self.v.in_features**0.5).softmax(-1)


@wrong("looks at the place of the largest weight alone")
class Hard(Open):
    def look(self, a, alpha):
        return a[torch.arange(len(a)), alpha.argmax(-1)]


@wrong("averages the places without their weights")
class Unweighted(Open):
    def look(self, a, alpha):
        return a.mean(1)


@wrong("trains no attention: its weights are cut off from the graph")
class DetachedAlpha(Open):
    def attend(self, a, h):
        alpha = self.weigh(self.score(a, h)).detach()
        return self.look(a, alpha), alpha


@wrong("returns weights that are cut off from the graph, so that no loss on them teaches anything")
class DetachedResult(Open):
    def attend(self, a, h):
        context, alpha = super().attend(a, h)
        return context, alpha.detach()


@wrong("returns the scores before the softmax in place of the weights")
class Scores(Open):
    def attend(self, a, h):
        score = self.score(a, h)
        return self.look(a, self.weigh(score)), score


@wrong("forgets the tanh inside the attention, so that the state has no say in where to look")
class LinearScores(Open):
    def score(self, a, h):
        return self.v(self.wa(a) + self.wh(h)[:, None]).squeeze(-1)


@wrong("puts a ReLU inside the attention instead of a tanh")
class RectifiedScores(Open):
    def score(self, a, h):
        return self.v(torch.relu(self.wa(a) + self.wh(h)[:, None])).squeeze(-1)


@wrong("takes the tanh of features and state separately, before it adds them")
class SeparateTanh(Open):
    def score(self, a, h):
        return self.v(self.wa(a).tanh() + self.wh(h)[:, None].tanh()).squeeze(-1)


@wrong("asks the cell state where to look instead of h")
class ByCellState(Open):
    def forward(self, a, tokens):
        h, c = self.start(a)
        logits, alphas = [], []
        for word in self.embed(tokens).unbind(1):
            context, alpha = self.attend(a, c)
            h, c = self.cell(self.join(word, context), (h, c))
            logits.append(self.out(h))
            alphas.append(alpha)
        return torch.stack(logits, 1), torch.stack(alphas, 1)


@wrong("looks at the image once, at the start, and keeps that context for all words")
class LookedOnce(Open):
    def forward(self, a, tokens):
        h, c = self.start(a)
        context, alpha = self.attend(a, h)
        logits = []
        for word in self.embed(tokens).unbind(1):
            h, c = self.cell(self.join(word, context), (h, c))
            logits.append(self.out(h))
        return torch.stack(logits, 1), alpha[:, None].expand(-1, tokens.shape[1], -1)


@wrong("returns for each step where it will look next, with the state after the step")
class LookedAfter(Open):
    def forward(self, a, tokens):
        h, c = self.start(a)
        logits, alphas = [], []
        for word in self.embed(tokens).unbind(1):
            context, _ = self.attend(a, h)
            h, c = self.cell(self.join(word, context), (h, c))
            logits.append(self.out(h))
            alphas.append(self.attend(a, h)[1])
        return torch.stack(logits, 1), torch.stack(alphas, 1)


@wrong("gates the context with a learned sigmoid of the state, as the paper does and this model does not")
class GatedContext(Open):
    def __init__(self, vocab, embed, hidden, attn, feat=512):
        super().__init__(vocab, embed, hidden, attn, feat)
        self.beta = nn.Linear(hidden, feat)

    def attend(self, a, h):
        context, alpha = super().attend(a, h)
        return self.beta(h).sigmoid() * context, alpha


@wrong("has no biases in the attention")
class UnbiasedScores(Open):
    def __init__(self, vocab, embed, hidden, attn, feat=512):
        super().__init__(vocab, embed, hidden, attn, feat)
        self.wa = nn.Linear(feat, attn, bias=False)
        self.wh = nn.Linear(hidden, attn, bias=False)
        self.v = nn.Linear(attn, 1, bias=False)


@wrong("expects 512 features at each place, whatever it is told")
class FixedFeat(Open):
    def __init__(self, vocab, embed, hidden, attn, feat=512):
        super().__init__(vocab, embed, hidden, attn, 512)


# -- mistakes in the step ------------------------------------------------------------------------


@wrong("puts the context before the embedding")
class ContextFirst(Open):
    def join(self, word, context):
        return torch.cat([context, word], -1)


@wrong("speaks before it has heard: its logits come from the state before the step")
class OldState(Open):
    def forward(self, a, tokens):
        h, c = self.start(a)
        logits, alphas = [], []
        for word in self.embed(tokens).unbind(1):
            context, alpha = self.attend(a, h)
            logits.append(self.out(h))
            alphas.append(alpha)
            h, c = self.cell(self.join(word, context), (h, c))
        return torch.stack(logits, 1), torch.stack(alphas, 1)


@wrong("speaks from the cell state instead of h")
class FromCellState(Open):
    def forward(self, a, tokens):
        h, c = self.start(a)
        logits, alphas = [], []
        for word in self.embed(tokens).unbind(1):
            context, alpha = self.attend(a, h)
            h, c = self.cell(self.join(word, context), (h, c))
            logits.append(self.out(c))
            alphas.append(alpha)
        return torch.stack(logits, 1), torch.stack(alphas, 1)


@right("with a method for the step of the LSTM", of="SATDecoder")
class Stepping(Open):
    """The decoder with a cell that a version can change."""

    def step(self, x, h, c):
        return self.cell(x, (h, c))

    def forward(self, a, tokens):
        h, c = self.start(a)
        logits, alphas = [], []
        for word in self.embed(tokens).unbind(1):
            context, alpha = self.attend(a, h)
            h, c = self.step(self.join(word, context), h, c)
            logits.append(self.out(h))
            alphas.append(alpha)
        return torch.stack(logits, 1), torch.stack(alphas, 1)


@wrong("swaps h and c when it hands them on")
class HandedSwapped(Stepping):
    def step(self, x, h, c):
        return self.cell(x, (c, h))


@wrong("forgets the cell state between the steps")
class Forgetful(Stepping):
    def step(self, x, h, c):
        return self.cell(x, (h, torch.zeros_like(c)))


class _ByHand(Stepping):
    def gates(self, x, h):
        cell = self.cell
        return (F.linear(x, cell.weight_ih, cell.bias_ih) + F.linear(h, cell.weight_hh, cell.bias_hh)).chunk(
            4, 1
        )


@wrong("takes the gates in the order input, forget, output, cell")
class OutputThird(_ByHand):
    def step(self, x, h, c):
        i, f, o, g = self.gates(x, h)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


@wrong("forgets the tanh on the cell state when it makes h")
class BareCell(_ByHand):
    def step(self, x, h, c):
        i, f, g, o = self.gates(x, h)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c, c


@wrong("uses a GRU where an LSTM is asked for")
class WithGru(Stepping):
    def __init__(self, vocab, embed, hidden, attn, feat=512):
        super().__init__(vocab, embed, hidden, attn, feat)
        self.cell = nn.GRUCell(embed + feat, hidden)

    def step(self, x, h, c):
        return self.cell(x, h), c


@wrong("stands still at padding: a step on token 0 leaves the state as it is")
class Frozen(Open):
    def forward(self, a, tokens):
        h, c = self.start(a)
        logits, alphas = [], []
        for t, word in enumerate(self.embed(tokens).unbind(1)):
            context, alpha = self.attend(a, h)
            new_h, new_c = self.cell(self.join(word, context), (h, c))
            live = (tokens[:, t] != 0)[:, None]
            h, c = torch.where(live, new_h, h), torch.where(live, new_c, c)
            logits.append(self.out(h))
            alphas.append(alpha)
        return torch.stack(logits, 1), torch.stack(alphas, 1)


@wrong("sets logits and weights to zero at padding")
class Blanked(Open):
    def forward(self, a, tokens):
        logits, alphas = super().forward(a, tokens)
        live = (tokens != 0)[..., None]
        return logits * live, alphas * live


@wrong("drops part of the state at random while it trains")
class Dropped(Open):
    def __init__(self, vocab, embed, hidden, attn, feat=512):
        super().__init__(vocab, embed, hidden, attn, feat)
        self.out = nn.Sequential(nn.Dropout(0.5), self.out)


# -- mistakes with the words ---------------------------------------------------------------------


@wrong("trains the row of the padding token like any other")
class WithoutPadding(Open):
    def __init__(self, vocab, embed, hidden, attn, feat=512):
        super().__init__(vocab, embed, hidden, attn, feat)
        self.embed = nn.Embedding(vocab, embed)


@wrong("takes the last token of the vocabulary for the padding")
class LastAsPadding(Open):
    def __init__(self, vocab, embed, hidden, attn, feat=512):
        super().__init__(vocab, embed, hidden, attn, feat)
        self.embed = nn.Embedding(vocab, embed, padding_idx=vocab - 1)


@wrong("feeds its own last word instead of the true one")
class FreeRunning(Open):
    def forward(self, a, tokens):
        h, c = self.start(a)
        word, logits, alphas = tokens[:, 0], [], []
        for _ in range(tokens.shape[1]):
            context, alpha = self.attend(a, h)
            h, c = self.cell(self.join(self.embed(word), context), (h, c))
            logits.append(self.out(h))
            alphas.append(alpha)
            word = logits[-1].argmax(-1)
        return torch.stack(logits, 1), torch.stack(alphas, 1)


@wrong("writes its own words over the tokens")
class Overwriting(Open):
    def forward(self, a, tokens):
        h, c = self.start(a)
        logits, alphas = [], []
        for t in range(tokens.shape[1]):
            context, alpha = self.attend(a, h)
            h, c = self.cell(self.join(self.embed(tokens[:, t]), context), (h, c))
            logits.append(self.out(h))
            alphas.append(alpha)
            tokens[:, t] = logits[-1].argmax(-1)
        return torch.stack(logits, 1), torch.stack(alphas, 1)


@wrong("reads the words from the last to the first, so that it has seen what it is to guess")
class Backwards(Open):
    def forward(self, a, tokens):
        logits, alphas = super().forward(a, tokens.flip(1))
        return logits.flip(1), alphas.flip(1)


@wrong("leaves the last word out, and returns one step fewer than it was given")
class OneShort(Open):
    def forward(self, a, tokens):
        return super().forward(a, tokens[:, :-1] if tokens.shape[1] > 1 else tokens)


# -- mistakes in the results ---------------------------------------------------------------------


@wrong("returns probabilities where logits are asked for")
class Softmaxed(Open):
    def forward(self, a, tokens):
        logits, alphas = super().forward(a, tokens)
        return logits.softmax(-1), alphas


@wrong("returns log-probabilities where logits are asked for")
class LogSoftmaxed(Open):
    def forward(self, a, tokens):
        logits, alphas = super().forward(a, tokens)
        return logits.log_softmax(-1), alphas


@wrong("stacks the steps along the first axis")
class StepsFirst(Open):
    def forward(self, a, tokens):
        logits, alphas = super().forward(a, tokens)
        return logits.transpose(0, 1), alphas.transpose(0, 1)


@wrong("returns the weights of the last step only")
class LastAlpha(Open):
    def forward(self, a, tokens):
        logits, alphas = super().forward(a, tokens)
        return logits, alphas[:, -1]


@wrong("keeps an axis of size 1 at the end of the weights")
class AxisKept(Open):
    def forward(self, a, tokens):
        logits, alphas = super().forward(a, tokens)
        return logits, alphas[..., None]


@wrong("squeezes its results, which loses an axis of size 1")
class Squeezed(Open):
    def forward(self, a, tokens):
        logits, alphas = super().forward(a, tokens)
        return logits.squeeze(), alphas.squeeze()


@wrong("returns the logits without the weights")
class WithoutAlphas(Open):
    def forward(self, a, tokens):
        return super().forward(a, tokens)[0]
