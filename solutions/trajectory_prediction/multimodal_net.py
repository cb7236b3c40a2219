"""A whole trajectory predictor with several modes, and its loss.

Each agent of a scene has a short past and, depending on it and on its neighbours, num_modes possible
futures with a score each. For B scenes of N agents, a past of T >= 2 positions and a future of
pred_len:

    hist       [B, N, T, 2]       positions (x, y) in metres, the latest last
    valid      [B, N]             which agents are there; the others are padding
    encode     [B, N, hidden]     from hist, each agent for itself, in three steps:
                 [B, N, T - 1, 2]     displacements: every position less the one before it
                 [B, N, T - 1, 32]    a linear layer to 32 with bias, then ReLU
                 [B, N, hidden]       the last state of a GRU over the T - 1 steps, from a state of zeros
    pool       [B, N, hidden]     from the states and valid: each number is the maximum over the *other*
                                  agents of the scene that are valid; 0 where there is none
    decode     two tensors        from the states and the pooled ones, put side by side, own state first:
                 [B, N, num_modes, pred_len, 2]    steps: one linear layer with bias, unfolded in this
                                                   order, the last axis fastest
                 [B, N, num_modes]                 scores: one linear layer with bias
    forward    (traj, scores)     traj [B, N, num_modes, pred_len, 2] are positions: the latest position
                                  of the agent plus the sum of all steps up to and with this one

* MultiModalTrajectoryNet has the methods encode(hist), pool(states, valid), decode(states, pooled),
  which returns (steps, scores), and forward(hist, valid), which uses the other three.
* The GRU is that of torch.nn.GRU, one layer, with the same parameters: weights [3 * hidden, 32] and
  [3 * hidden, hidden], two biases [3 * hidden]. There is no dropout. Attributes may have any name.
* The network sees displacements only. So shifting all positions shifts the trajectories and leaves the
  scores as they are. Agents in another order come back in that order.
* Padding does not influence the agents that are there. It gets trajectories of its own, computed like
  all others from its own past and the valid agents, which nobody reads. hist is finite there too.
* scores are logits: no softmax. B, N and T - 1 are at least 1; an agent alone in its scene is legal.

trajectory_loss(traj, scores, gt, valid) = regression + classification (winner takes all):

* gt [B, N, pred_len, 2] are the true positions; those of padding may be anything, even NaN or
  infinite. The winner of an agent is the mode with the smallest mean distance to gt over the steps
  (length of the difference; on ties the lower index).
* Regression: Smooth L1 (quadratic below 1 m, as torch has it) between the winner and gt, the mean over
  all valid agents of the batch, the steps and the two coordinates. Classification: cross-entropy
  between scores and the index of the winner, the mean over the same agents. scores may be in the
  hundreds.
* Gradients reach traj and scores: exactly 0 for modes that lost, and for padding. When no agent is
  valid the loss is 0, still connected to the graph. It is a 0-d tensor. Inputs stay as they are,
  everywhere.

Example: the defaults pred_len = 12, num_modes = 6, hidden = 64 make 38,262 parameters: 96 in the
embedding, 18,816 in the GRU, 18,576 for the steps and 774 for the scores. With one agent, scores of
zeros for 6 modes, and one mode that is gt itself, the loss is log 6 = 1.792.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 3
MINUTES = 40
HINTS = (
    "Which numbers change when the whole scene is shifted, and which do not? The GRU knows a batch and a "
    "time axis; what becomes of B and N?",
    "The pooling needs a table of pairs [B, N, N]: who is a neighbour of whom. Whatever fills the places "
    "of those who are not must lose against every state, and an agent without neighbours needs another rule.",
    "Fold B and N into one axis for the GRU and unfold its last state. Pool: expand the states to "
    "[B, N, N, hidden], minus infinity off the table, maximum, zeros where nobody is left. Decode: "
    "concatenate, two linear layers. Forward: running sums of the steps on top of the latest position.",
)


class MultiModalTrajectoryNet(nn.Module):
    """Encoder of the past, pooled neighbours, several futures."""

    def __init__(self, pred_len: int = 12, num_modes: int = 6, hidden: int = 64):
        super().__init__()
        self.modes = (num_modes, pred_len, 2)
        self.embed = nn.Linear(2, 32)
        self.gru = nn.GRU(32, hidden, batch_first=True)
        self.step_head = nn.Linear(2 * hidden, num_modes * pred_len * 2)
        self.score_head = nn.Linear(2 * hidden, num_modes)

    def encode(self, hist: Float[Tensor, "b n t 2"]) -> Float[Tensor, "b n hidden"]:
        """Return a state for the past of every agent."""
        embedded = self.embed(hist.diff(dim=2)).relu()  # b n t-1 32
        _, last = self.gru(embedded.flatten(0, 1))  # 1 b*n hidden
        return last[0].unflatten(0, hist.shape[:2])

    def pool(
        self, states: Float[Tensor, "b n hidden"], valid: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b n hidden"]:
        """Return the maximum over the other valid agents, or 0."""
        n = states.shape[1]
        pair = valid[:, None] & ~torch.eye(n, dtype=torch.bool)  # b n n: the second looks at the third
        others = states[:, None].expand(-1, n, -1, -1).masked_fill(~pair[..., None], -torch.inf)
        return others.amax(dim=2).masked_fill(~pair.any(dim=2, keepdim=True), 0)

    def decode(
        self, states: Float[Tensor, "b n hidden"], pooled: Float[Tensor, "b n hidden"]
    ) -> tuple[Float[Tensor, "b n num_modes pred_len 2"], Float[Tensor, "b n num_modes"]]:
        """Return the steps of all modes and their scores."""
        both = torch.cat([states, pooled], dim=-1)
        return self.step_head(both).unflatten(-1, self.modes), self.score_head(both)

    def forward(
        self, hist: Float[Tensor, "b n t 2"], valid: Bool[Tensor, "b n"]
    ) -> tuple[Float[Tensor, "b n num_modes pred_len 2"], Float[Tensor, "b n num_modes"]]:
        """Return the positions of all modes and their scores."""
        states = self.encode(hist)
        steps, scores = self.decode(states, self.pool(states, valid))
        return hist[:, :, None, -1:] + steps.cumsum(dim=3), scores


def trajectory_loss(
    traj: Float[Tensor, "b n num_modes pred_len 2"],
    scores: Float[Tensor, "b n num_modes"],
    gt: Float[Tensor, "b n pred_len 2"],
    valid: Bool[Tensor, "b n"],
) -> Float[Tensor, ""]:
    """Return Smooth L1 of the winners plus the cross-entropy of the scores with them."""
    traj, scores, gt = traj[valid], scores[valid], gt[valid]  # m k t 2,  m k,  m t 2
    winner = (traj.detach() - gt[:, None]).norm(dim=-1).mean(dim=-1).argmin(dim=-1)  # m
    nearest = traj[torch.arange(len(traj)), winner]
    reg = F.smooth_l1_loss(nearest, gt, reduction="sum") / max(gt.numel(), 1)
    return reg + F.cross_entropy(scores, winner, reduction="sum") / max(len(gt), 1)


@right("under other names, in another order, with loops over the neighbours")
class Looped(nn.Module):
    def __init__(self, pred_len=12, num_modes=6, hidden=64):
        super().__init__()
        self.k, self.t = num_modes, pred_len
        self.cls = nn.Linear(hidden * 2, num_modes)
        self.reg = nn.Linear(hidden * 2, num_modes * pred_len * 2)
        self.rnn = nn.GRU(input_size=32, hidden_size=hidden)
        self.point = nn.Sequential(nn.Linear(2, 32), nn.ReLU(inplace=True))

    def encode(self, hist):
        b, n, t, _ = hist.shape
        moves = (hist[:, :, 1:] - hist[:, :, :-1]).reshape(b * n, t - 1, 2).transpose(0, 1)
        out, _ = self.rnn(self.point(moves))
        return out[-1].view(b, n, -1)

    def pool(self, states, valid):
        b, n, _ = states.shape
        found = torch.zeros_like(states)
        for i in range(b):
            for j in range(n):
                others = [states[i, m] for m in range(n) if m != j and bool(valid[i, m])]
                if others:
                    found[i, j] = torch.stack(others).max(dim=0).values
        return found

    def decode(self, states, pooled):
        z = torch.cat((states, pooled), dim=2)
        b, n, _ = z.shape
        return self.reg(z).view(b, n, self.k, self.t, 2), self.cls(z)

    def forward(self, hist, valid):
        h = self.encode(hist)
        step, score = self.decode(h, self.pool(h, valid))
        return [torch.cumsum(step, dim=-2) + hist[:, :, -1].unsqueeze(2).unsqueeze(3), score]


@right("with a GRU cell, step by step, and positions added up one by one")
class Stepwise(nn.Module):
    def __init__(self, pred_len=12, num_modes=6, hidden=64):
        super().__init__()
        self.size = (num_modes, pred_len, hidden)
        self.cell = nn.GRUCell(32, hidden)
        self.embedding = nn.Linear(2, 32)
        self.heads = nn.ModuleDict(
            {
                "steps": nn.Linear(2 * hidden, 2 * num_modes * pred_len),
                "scores": nn.Linear(2 * hidden, num_modes),
            }
        )

    def encode(self, hist):
        flat = hist.reshape(-1, *hist.shape[2:])
        h = flat.new_zeros(len(flat), self.size[2])
        for i in range(1, flat.shape[1]):
            h = self.cell(F.relu(self.embedding(flat[:, i] - flat[:, i - 1])), h)
        return h.reshape(*hist.shape[:2], -1)

    def pool(self, states, valid):
        columns = []
        for j in range(states.shape[1]):
            there = valid.clone()
            there[:, j] = False
            best = states.masked_fill(~there.unsqueeze(-1), -1e4).max(dim=1)[0]
            columns.append(torch.where(there.any(1, keepdim=True), best, torch.zeros_like(best)))
        return torch.stack(columns, dim=1)

    def decode(self, states, pooled):
        k, t, _ = self.size
        z = torch.cat([states, pooled], -1)
        return self.heads["steps"](z).reshape(*z.shape[:2], k, t, 2), self.heads["scores"](z)

    def forward(self, hist, valid):
        states = self.encode(hist)
        steps, scores = self.decode(states, self.pool(states, valid))
        at, found = hist[:, :, -1].unsqueeze(2), []
        for step in steps.unbind(3):
            at = at + step
            found.append(at)
        return torch.stack(found, dim=3), scores


@right("with one linear layer split in two products, and minus infinity replaced afterwards")
class Split(nn.Module):
    def __init__(self, pred_len=12, num_modes=6, hidden=64):
        super().__init__()
        self.k, self.t, self.h = num_modes, pred_len, hidden
        self.traj_head = nn.Linear(2 * hidden, num_modes * pred_len * 2)
        self.score_head = nn.Linear(2 * hidden, num_modes)
        self.encoder = nn.GRU(32, hidden, num_layers=1, batch_first=True)
        self.embed = nn.Linear(2, 32)

    def encode(self, hist):
        d = torch.diff(hist, dim=-2)
        states = [self.encoder(torch.relu(self.embed(scene)))[1].squeeze(0) for scene in d]
        return torch.stack(states)

    def pool(self, states, valid):
        n = states.shape[1]
        gone = (~valid).unsqueeze(1).expand(-1, n, n) | torch.eye(n).bool()
        table = states.unsqueeze(1).repeat(1, n, 1, 1)
        table = torch.where(gone.unsqueeze(-1), torch.full_like(table, float("-inf")), table)
        best = table.max(dim=2).values
        return torch.where(torch.isfinite(best), best, torch.zeros_like(best))

    def _head(self, layer, states, pooled):
        own, other = layer.weight[:, : self.h], layer.weight[:, self.h :]
        return states @ own.T + pooled @ other.T + layer.bias

    def decode(self, states, pooled):
        steps = self._head(self.traj_head, states, pooled)
        return steps.view(*states.shape[:2], self.k, self.t, 2), self._head(self.score_head, states, pooled)

    def forward(self, hist, valid):
        h = self.encode(hist)
        steps, scores = self.decode(h, self.pool(h, valid))
        upper = torch.tril(torch.ones(self.t, self.t, dtype=steps.dtype))
        return torch.einsum("ts,bnksc->bnktc", upper, steps) + hist[:, :, -1, None, None], scores


@right("with gather and a mask as weights, after making the padding harmless", of="trajectory_loss")
def gathered(traj, scores, gt, valid):
    gt = torch.where(valid[..., None, None], gt, torch.zeros_like(gt))
    best = torch.linalg.vector_norm(traj.detach() - gt.unsqueeze(2), dim=-1).mean(-1).argmin(-1)
    at = best[..., None, None, None].expand(-1, -1, 1, *traj.shape[3:])
    each = F.smooth_l1_loss(traj.gather(2, at).squeeze(2), gt, reduction="none").mean(dim=(2, 3))
    nll = -scores.log_softmax(-1).gather(-1, best[..., None]).squeeze(-1)
    weight = valid.to(traj.dtype)
    return ((each + nll) * weight).sum() / weight.sum().clamp(min=1)


@right("agent by agent", of="trajectory_loss")
def agents(traj, scores, gt, valid):
    losses = []
    for i, j in valid.nonzero().tolist():
        gap = (traj[i, j] - gt[i, j]).pow(2).sum(-1).sqrt().sum(-1)
        best = int(gap.argmin())
        reg = nn.SmoothL1Loss()(traj[i, j, best], gt[i, j])
        losses.append(reg + F.cross_entropy(scores[i, j][None], torch.tensor([best])))
    if not losses:
        return traj.sum() * 0 + scores.sum() * 0
    return torch.stack(losses).mean()


@right("with torch's own means where there is anything", of="trajectory_loss")
def meant(traj, scores, gt, valid):
    if valid.sum() == 0:
        return 0.0 * (traj.mean() + scores.mean())
    traj, scores, gt = traj[valid], scores[valid], gt[valid]
    _, best = (traj - gt.unsqueeze(1)).norm(p=2, dim=3).mean(2).min(dim=1)
    chosen = F.one_hot(best, scores.shape[1]).bool()
    return F.huber_loss(traj[chosen], gt) + F.nll_loss(F.log_softmax(scores, dim=-1), best)


# -- mistakes in the encoder ---------------------------------------------------------------------


@wrong("embeds the positions instead of the displacements, so that the place on the map matters")
class Absolute(MultiModalTrajectoryNet):
    def encode(self, hist):
        _, last = self.gru(self.embed(hist).relu().flatten(0, 1))
        return last[0].unflatten(0, hist.shape[:2])


@wrong("embeds positions relative to the latest one instead of displacements")
class Relative(MultiModalTrajectoryNet):
    def encode(self, hist):
        return super().encode((hist[:, :, :-1] - hist[:, :, -1:]).cumsum(2))


@wrong("puts a displacement of zero before the first")
class Padded(MultiModalTrajectoryNet):
    def encode(self, hist):
        return super().encode(torch.cat([hist[:, :, :1], hist], dim=2))


@wrong("takes the displacements backwards in time")
class Backwards(MultiModalTrajectoryNet):
    def encode(self, hist):
        return super().encode(hist.flip(2))


@wrong("forgets the ReLU after the embedding")
class Linear(MultiModalTrajectoryNet):
    def encode(self, hist):
        _, last = self.gru(self.embed(hist.diff(dim=2)).flatten(0, 1))
        return last[0].unflatten(0, hist.shape[:2])


@wrong("lets the GRU run over the agents as if they were steps in time")
class AcrossAgents(MultiModalTrajectoryNet):
    def encode(self, hist):
        embedded = self.embed(hist.diff(dim=2)).relu()
        out, _ = self.gru(embedded.transpose(1, 2).flatten(0, 1))  # b*(t-1) n hidden
        return out.unflatten(0, (len(hist), -1))[:, -1]


@wrong("reshapes agents and steps into one another instead of folding the batch")
class Reshaped(MultiModalTrajectoryNet):
    def encode(self, hist):
        b, n = hist.shape[:2]
        embedded = self.embed(hist.diff(dim=2)).relu().transpose(1, 2)
        _, last = self.gru(embedded.reshape(b * n, -1, 32))
        return last[0].view(b, n, -1)


@wrong("averages the states of the GRU instead of taking the last")
class Averaged(MultiModalTrajectoryNet):
    def encode(self, hist):
        out, _ = self.gru(self.embed(hist.diff(dim=2)).relu().flatten(0, 1))
        return out.mean(1).unflatten(0, hist.shape[:2])


@wrong("takes the first state of the GRU")
class First(MultiModalTrajectoryNet):
    def encode(self, hist):
        return super().encode(hist[:, :, :2])


@wrong("uses an LSTM where a GRU is asked for")
class WithLstm(MultiModalTrajectoryNet):
    def __init__(self, pred_len=12, num_modes=6, hidden=64):
        super().__init__(pred_len, num_modes, hidden)
        self.gru = nn.LSTM(32, hidden, batch_first=True)

    def encode(self, hist):
        out, _ = self.gru(self.embed(hist.diff(dim=2)).relu().flatten(0, 1))
        return out[:, -1].unflatten(0, hist.shape[:2])


@wrong("keeps the axis of the GRU's layers in the state")
class LayerKept(MultiModalTrajectoryNet):
    def encode(self, hist):
        return super().encode(hist)[None]

    def forward(self, hist, valid):
        states = super().encode(hist)
        steps, scores = self.decode(states, self.pool(states, valid))
        return hist[:, :, None, -1:] + steps.cumsum(3), scores


@wrong("works for a past of one length only")
class FixedPast(MultiModalTrajectoryNet):
    def encode(self, hist):
        b, n = hist.shape[:2]
        return super().encode(hist.reshape(b, n, 8, 2))


# -- mistakes in the pooling ---------------------------------------------------------------------


@wrong("counts an agent among its own neighbours")
class WithSelf(MultiModalTrajectoryNet):
    def pool(self, states, valid):
        gone = ~valid[..., None]
        best = states.masked_fill(gone, -torch.inf).amax(1, keepdim=True)
        return best.masked_fill(~valid.any(1)[:, None, None], 0).expand_as(states)


@wrong("counts padding among the neighbours")
class WithPadding(MultiModalTrajectoryNet):
    def pool(self, states, valid):
        return super().pool(states, torch.ones_like(valid))


@wrong("sets the states of those who are no neighbours to 0, which beats every negative one")
class Zeroed(MultiModalTrajectoryNet):
    def pool(self, states, valid):
        n = states.shape[1]
        pair = valid[:, None] & ~torch.eye(n, dtype=torch.bool)
        return (states[:, None] * pair[..., None]).amax(2)


@wrong("takes padding and neighbours for one another: the mask says who looks, not who is seen")
class Transposed(MultiModalTrajectoryNet):
    def pool(self, states, valid):
        n = states.shape[1]
        pair = valid[:, :, None] & ~torch.eye(n, dtype=torch.bool)
        others = states[:, None].expand(-1, n, -1, -1).masked_fill(~pair[..., None], -torch.inf)
        return others.amax(2).masked_fill(~pair.any(2, keepdim=True), 0)


@wrong("leaves minus infinity for an agent without neighbours")
class Infinite(MultiModalTrajectoryNet):
    def pool(self, states, valid):
        n = states.shape[1]
        pair = valid[:, None] & ~torch.eye(n, dtype=torch.bool)
        return states[:, None].expand(-1, n, -1, -1).masked_fill(~pair[..., None], -torch.inf).amax(2)


@wrong("gives an agent without neighbours its own state instead of zeros")
class SelfWhenAlone(MultiModalTrajectoryNet):
    def pool(self, states, valid):
        n = states.shape[1]
        pair = valid[:, None] & ~torch.eye(n, dtype=torch.bool)
        return torch.where(pair.any(2, keepdim=True), super().pool(states, valid), states)


@wrong("averages over the neighbours")
class MeanPooled(MultiModalTrajectoryNet):
    def pool(self, states, valid):
        pair = valid[:, None] & ~torch.eye(states.shape[1], dtype=torch.bool)
        weight = pair.to(states.dtype)
        return weight @ states / weight.sum(-1, keepdim=True).clamp(min=1)


@wrong("takes the whole state of the neighbour that is strongest in the mean, not the maximum of each number")
class Strongest(MultiModalTrajectoryNet):
    def pool(self, states, valid):
        pair = valid[:, None] & ~torch.eye(states.shape[1], dtype=torch.bool)
        strength = states.mean(-1)[:, None].expand_as(pair).masked_fill(~pair, -torch.inf)
        best = strength.argmax(-1)[..., None].expand(-1, -1, states.shape[-1])
        return states.gather(1, best).masked_fill(~pair.any(2, keepdim=True), 0)


@wrong("looks for neighbours in the other scenes of the batch too")
class AcrossScenes(MultiModalTrajectoryNet):
    def pool(self, states, valid):
        flat = super().pool(states.reshape(1, -1, states.shape[-1]), valid.reshape(1, -1))
        return flat.reshape(states.shape)


@wrong("gives padding nothing to look at: what it pools is 0")
class BlindPadding(MultiModalTrajectoryNet):
    def pool(self, states, valid):
        return super().pool(states, valid).masked_fill(~valid[..., None], 0)


@wrong("trains no encoder through the neighbours, which are cut off from the graph")
class DetachedNeighbours(MultiModalTrajectoryNet):
    def pool(self, states, valid):
        return super().pool(states.detach(), valid)


# -- mistakes in the decoder and the forward pass ------------------------------------------------


@wrong("puts the neighbours before the own state")
class NeighboursFirst(MultiModalTrajectoryNet):
    def decode(self, states, pooled):
        return super().decode(pooled, states)


@wrong("unfolds the steps with time before the modes")
class TimeFirst(MultiModalTrajectoryNet):
    def decode(self, states, pooled):
        steps, scores = super().decode(states, pooled)
        k, t, _ = self.modes
        return steps.flatten(2).unflatten(2, (t, k, 2)).transpose(2, 3), scores


@wrong("unfolds the steps with the coordinates outermost: all x before all y")
class CoordinatesFirst(MultiModalTrajectoryNet):
    def decode(self, states, pooled):
        steps, scores = super().decode(states, pooled)
        k, t, _ = self.modes
        return steps.flatten(2).unflatten(2, (2, k, t)).movedim(2, -1), scores


@wrong("returns the scores before the trajectories")
class ScoresFirst(MultiModalTrajectoryNet):
    def decode(self, states, pooled):
        return super().decode(states, pooled)[::-1]

    def forward(self, hist, valid):
        states = self.encode(hist)
        scores, steps = self.decode(states, self.pool(states, valid))
        return scores, hist[:, :, None, -1:] + steps.cumsum(3)


@wrong("returns probabilities where logits are asked for")
class Softmaxed(MultiModalTrajectoryNet):
    def decode(self, states, pooled):
        steps, scores = super().decode(states, pooled)
        return steps, scores.softmax(-1)


@wrong("bounds the scores at 10")
class Bounded(MultiModalTrajectoryNet):
    def decode(self, states, pooled):
        steps, scores = super().decode(states, pooled)
        return steps, scores.clamp(-10, 10)


@wrong("scores and predicts from the own state alone, without the neighbours")
class Alone(MultiModalTrajectoryNet):
    def __init__(self, pred_len=12, num_modes=6, hidden=64):
        super().__init__(pred_len, num_modes, hidden)
        self.step_head = nn.Linear(hidden, num_modes * pred_len * 2)
        self.score_head = nn.Linear(hidden, num_modes)

    def decode(self, states, pooled):
        return self.step_head(states).unflatten(-1, self.modes), self.score_head(states)


@wrong("has a hidden layer in the head of the trajectories")
class Deep(MultiModalTrajectoryNet):
    def __init__(self, pred_len=12, num_modes=6, hidden=64):
        super().__init__(pred_len, num_modes, hidden)
        size = num_modes * pred_len * 2
        self.step_head = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.ReLU(), nn.Linear(hidden, size))


@wrong("always encodes into 64 numbers, whatever hidden says")
class FixedHidden(MultiModalTrajectoryNet):
    def __init__(self, pred_len=12, num_modes=6, hidden=64):
        super().__init__(pred_len, num_modes, 64)


@wrong("has other defaults: 8 observed and 12 predicted steps taken for one another")
class OtherDefaults(MultiModalTrajectoryNet):
    def __init__(self, pred_len=8, num_modes=6, hidden=64):
        super().__init__(pred_len, num_modes, hidden)


@wrong("forgets to add up the steps: each position is the latest one plus a single step")
class NotSummed(MultiModalTrajectoryNet):
    def forward(self, hist, valid):
        states = self.encode(hist)
        steps, scores = self.decode(states, self.pool(states, valid))
        return hist[:, :, None, -1:] + steps, scores


@wrong("adds the steps up over the modes instead of over time")
class SummedOverModes(MultiModalTrajectoryNet):
    def forward(self, hist, valid):
        states = self.encode(hist)
        steps, scores = self.decode(states, self.pool(states, valid))
        return hist[:, :, None, -1:] + steps.cumsum(2), scores


@wrong("returns trajectories relative to the agent, without its latest position")
class Unplaced(MultiModalTrajectoryNet):
    def forward(self, hist, valid):
        states = self.encode(hist)
        steps, scores = self.decode(states, self.pool(states, valid))
        return steps.cumsum(3), scores


@wrong("adds the steps to the first position of the past")
class FromTheStart(MultiModalTrajectoryNet):
    def forward(self, hist, valid):
        traj, scores = super().forward(hist, valid)
        return traj - hist[:, :, None, -1:] + hist[:, :, None, :1], scores


@wrong("adds up the positions instead of the steps")
class SummedPositions(MultiModalTrajectoryNet):
    def forward(self, hist, valid):
        states = self.encode(hist)
        steps, scores = self.decode(states, self.pool(states, valid))
        return (hist[:, :, None, -1:] + steps).cumsum(3), scores


@wrong("begins at the latest position itself: the first predicted point is no prediction")
class Late(MultiModalTrajectoryNet):
    def forward(self, hist, valid):
        states = self.encode(hist)
        steps, scores = self.decode(states, self.pool(states, valid))
        return hist[:, :, None, -1:] + steps.cumsum(3) - steps[:, :, :, :1], scores


@wrong("takes the steps for offsets from uniform motion at the last velocity")
class OnUniformMotion(MultiModalTrajectoryNet):
    def forward(self, hist, valid):
        traj, scores = super().forward(hist, valid)
        velocity = hist[:, :, -1] - hist[:, :, -2]
        ahead = torch.arange(1, self.modes[1] + 1)[:, None] * velocity[:, :, None, None]
        return traj + ahead, scores


@wrong("sets the trajectories of padding to 0")
class ZeroPadding(MultiModalTrajectoryNet):
    def forward(self, hist, valid):
        traj, scores = super().forward(hist, valid)
        return traj.masked_fill(~valid[..., None, None, None], 0), scores


@wrong("lets padding stand still at the origin before anything is computed")
class StillPadding(MultiModalTrajectoryNet):
    def forward(self, hist, valid):
        return super().forward(hist * valid[..., None, None], valid)


@wrong("cuts the latest position off from the graph")
class DetachedPosition(MultiModalTrajectoryNet):
    def forward(self, hist, valid):
        traj, scores = super().forward(hist, valid)
        at = hist[:, :, None, -1:]
        return traj - at + at.detach(), scores


@wrong("drops the batch axis of a single scene")
class Squeezed(MultiModalTrajectoryNet):
    def forward(self, hist, valid):
        return tuple(out.squeeze(0) for out in super().forward(hist, valid))


@wrong("sets the past of padding to 0 in the caller's own tensor")
class Overwriting(MultiModalTrajectoryNet):
    def forward(self, hist, valid):
        with torch.no_grad():
            hist[~valid] = 0
        return super().forward(hist, valid)


@wrong("drops parts of the state at random while it trains")
class Dropped(MultiModalTrajectoryNet):
    def decode(self, states, pooled):
        return super().decode(F.dropout(states, 0.5, self.training), pooled)


# -- mistakes in the loss ------------------------------------------------------------------------


def _judged(traj, scores, gt, winner):
    """The loss of a list of agents for given winners."""
    nearest = traj[torch.arange(len(traj)), winner]
    reg = F.smooth_l1_loss(nearest, gt, reduction="sum") / max(gt.numel(), 1)
    return reg + F.cross_entropy(scores, winner, reduction="sum") / max(len(gt), 1)


def _distances(traj, gt):
    """The mean distance of every mode, m k."""
    return (traj.detach() - gt[:, None]).norm(dim=-1).mean(-1)


@wrong("lets every mode learn, not only the winner", of="trajectory_loss")
def all_modes(traj, scores, gt, valid):
    traj, scores, gt = traj[valid], scores[valid], gt[valid]
    winner = _distances(traj, gt).argmin(1)
    reg = F.smooth_l1_loss(traj, gt[:, None].expand_as(traj), reduction="sum") / max(traj.numel(), 1)
    return reg + F.cross_entropy(scores, winner, reduction="sum") / max(len(gt), 1)


@wrong("lets the mode with the highest score learn", of="trajectory_loss")
def by_score(traj, scores, gt, valid):
    return _judged(traj[valid], scores[valid], gt[valid], scores[valid].argmax(1))


@wrong("chooses the winner by its end point", of="trajectory_loss")
def by_end_point(traj, scores, gt, valid):
    traj, scores, gt = traj[valid], scores[valid], gt[valid]
    return _judged(traj, scores, gt, _distances(traj[:, :, -1:], gt[:, -1:]).argmin(1))


@wrong("chooses the winner by its Smooth L1", of="trajectory_loss")
def by_smooth_l1(traj, scores, gt, valid):
    traj, scores, gt = traj[valid], scores[valid], gt[valid]
    each = F.smooth_l1_loss(traj, gt[:, None].expand_as(traj), reduction="none").mean((-1, -2))
    return _judged(traj, scores, gt, each.argmin(1))


@wrong("chooses one winner for all agents", of="trajectory_loss")
def one_for_all(traj, scores, gt, valid):
    traj, scores, gt = traj[valid], scores[valid], gt[valid]
    winner = _distances(traj, gt).sum(0).argmin().expand(len(gt))
    return _judged(traj, scores, gt, winner)


@wrong("takes the highest index on ties", of="trajectory_loss")
def last_on_ties(traj, scores, gt, valid):
    traj, scores, gt = traj[valid], scores[valid], gt[valid]
    winner = traj.shape[1] - 1 - _distances(traj, gt).flip(1).argmin(1)
    return _judged(traj, scores, gt, winner)


@wrong("takes both means over padding too", of="trajectory_loss")
def without_valid(traj, scores, gt, valid):
    return trajectory_loss(traj, scores, gt, torch.ones_like(valid))


@wrong("leaves padding out of the sums but divides by all agents", of="trajectory_loss")
def over_all_agents(traj, scores, gt, valid):
    return trajectory_loss(traj, scores, gt, valid) * valid.to(traj.dtype).mean()


@wrong("multiplies by the mask, so that a NaN in the padding spoils the loss", of="trajectory_loss")
def multiplied(traj, scores, gt, valid):
    best = (traj.detach() - gt[:, :, None]).norm(dim=-1).mean(-1).argmin(-1)
    at = best[..., None, None, None].expand(-1, -1, 1, *traj.shape[3:])
    each = F.smooth_l1_loss(traj.gather(2, at).squeeze(2), gt, reduction="none").mean((-1, -2))
    nll = -scores.log_softmax(-1).gather(-1, best[..., None]).squeeze(-1)
    return ((each + nll) * valid).sum() / valid.sum().clamp(min=1)


@wrong("takes the mean of each scene first, and then of those", of="trajectory_loss")
def scene_by_scene(traj, scores, gt, valid):
    scenes = zip(traj, scores, gt, valid)
    return torch.stack([trajectory_loss(*(x[None] for x in scene)) for scene in scenes]).mean()


@wrong("takes the mean over no agents, which is NaN", of="trajectory_loss")
def nan_when_empty(traj, scores, gt, valid):
    traj, scores, gt = traj[valid], scores[valid], gt[valid]
    winner = _distances(traj, gt).argmin(1)
    nearest = traj[torch.arange(len(traj)), winner]
    return F.smooth_l1_loss(nearest, gt) + F.cross_entropy(scores, winner)


@wrong("returns a constant, cut off from the graph, when no agent is valid", of="trajectory_loss")
def cut_off(traj, scores, gt, valid):
    return trajectory_loss(traj, scores, gt, valid) if valid.any() else traj.new_zeros(())


@wrong("squares the differences instead of Smooth L1", of="trajectory_loss")
def mean_square(traj, scores, gt, valid):
    traj, scores, gt = traj[valid], scores[valid], gt[valid]
    winner = _distances(traj, gt).argmin(1)
    reg = F.mse_loss(traj[torch.arange(len(traj)), winner], gt, reduction="sum") / max(gt.numel(), 1)
    return reg + F.cross_entropy(scores, winner, reduction="sum") / max(len(gt), 1)


@wrong("leaves the classification out, so that the scores never learn", of="trajectory_loss")
def without_scores(traj, scores, gt, valid):
    traj, gt = traj[valid], gt[valid]
    winner = _distances(traj, gt).argmin(1)
    nearest = traj[torch.arange(len(traj)), winner]
    return F.smooth_l1_loss(nearest, gt, reduction="sum") / max(gt.numel(), 1)


@wrong("takes the softmax before the cross-entropy, which takes it again", of="trajectory_loss")
def softmax_twice(traj, scores, gt, valid):
    return trajectory_loss(traj, scores.softmax(-1), gt, valid)


@wrong("trains the scores only: the trajectories are cut off from the graph", of="trajectory_loss")
def detached(traj, scores, gt, valid):
    return trajectory_loss(traj.detach(), scores, gt, valid)


@wrong("returns a Python number, which has no graph", of="trajectory_loss")
def numbered(traj, scores, gt, valid):
    return trajectory_loss(traj, scores, gt, valid).item()
