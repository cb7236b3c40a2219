"""Channel-wise fully connected layer.

Behind an encoder, the features in the middle of a large hole have seen nothing of its surroundings. The
Context Encoder hands information across the whole map with a linear layer that connects every position
to every other, but within each channel only: C (H W)^2 weights instead of (C H W)^2. Convolutions
before and after it mix the channels.

ChannelwiseFC(C, H, W) maps x [B, C, H, W] to y [B, C, H, W]. Number the N = H W positions row by row:
the one at row r and column s is p = r W + s. With x[b, c, q] the value at position q, and alike for y:

    y[b, c, p] = bias[c, p] + sum over q of weight[c, p, q] * x[b, c, q]

* There are just two parameters, of these shapes: weight [C, N, N], for each channel a matrix [out, in]
  as torch's layers have it, and bias [C, N]. A grouped 1x1 convolution holds the same numbers in the
  same order, and will do. C linear layers compute the same too, but hold 2 C parameters: take two.
* Every channel has a matrix and a bias of its own, every image of the batch is mapped by the same ones.
* Initialise both in any way you like. Attributes may have any name.
* There is no activation, no normalisation and no residual path.
* The module is trained: gradients reach x, weight and bias. x stays as it is; memory may be
  channels-last. C, H, W and B may be 1. All tensors are on the CPU.

Example: C = 512 and H = W = 4 make 512 * 16^2 + 512 * 16 = 139,264 parameters; one layer from
everything to everything would have 67,117,056. For C = 1, H = 1, W = 2 with the weight ((1, 2), (3, 4))
and the bias (10, 20), the row (1, -1) becomes (10 + 1 - 2, 20 + 3 - 4) = (9, 19).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "Within a channel this is an ordinary linear layer on H W numbers. What has to become of the two "
    "spatial axes first, and again at the end?",
    "The channel is a batch axis here: the same kind of product happens for each, with another matrix. "
    "Which of torch's ways to multiply lets you name the axes?",
    "Flatten the positions to one axis of N. Sum over the last axis of the weight and that axis, keeping "
    "batch, channel and the weight's middle axis (an einsum says just this). Add the bias, which "
    "broadcasts over the batch, and give the result the shape of x.",
)


class ChannelwiseFC(nn.Module):
    """One linear map over all positions for each channel."""

    def __init__(self, C: int, H: int, W: int):
        super().__init__()
        n = H * W
        self.weight = nn.Parameter(torch.randn(C, n, n) / n**0.5)
        self.bias = nn.Parameter(torch.zeros(C, n))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return every channel mapped by its own matrix."""
        y = torch.einsum("bcq,cpq->bcp", x.flatten(2), self.weight) + self.bias
        return y.view_as(x)


@right("with one batched matrix product, channels first")
class Batched(nn.Module):
    def __init__(self, C, H, W):
        super().__init__()
        self.b = nn.Parameter(torch.zeros(C, H * W))
        self.w = nn.Parameter(torch.empty(C, H * W, H * W))
        nn.init.xavier_uniform_(self.w)

    def forward(self, x):
        b, c, h, w = x.shape
        rows = x.reshape(b, c, h * w).transpose(0, 1)  # c b hw
        y = torch.baddbmm(self.b[:, None], rows, self.w.transpose(1, 2))
        return y.transpose(0, 1).reshape(b, c, h, w)


@right("channel by channel, with torch's linear function")
class Looped(nn.Module):
    def __init__(self, C, H, W):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(C, H * W, H * W))
        self.bias = nn.Parameter(torch.zeros(C, H * W))

    def forward(self, x):
        maps = [
            nn.functional.linear(x[:, c].reshape(len(x), -1), self.weight[c], self.bias[c])
            for c in range(x.shape[1])
        ]
        return torch.stack(maps, dim=1).unflatten(2, x.shape[2:])


@right("with broadcast matrices times columns, and no thought for the first values")
class Columns(nn.Module):
    def __init__(self, C, H, W):
        super().__init__()
        self.size = C, H, W
        self.matrices = nn.Parameter(torch.empty(C, H * W, H * W))
        self.offsets = nn.Parameter(torch.empty(C, H * W))

    def forward(self, x):
        y = self.matrices @ x.flatten(2).unsqueeze(-1) + self.offsets.unsqueeze(-1)
        return y.reshape(-1, *self.size)


@right("with a grouped convolution made of the two parameters")
class Grouped(nn.Module):
    def __init__(self, C, H, W):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(C, H * W, H * W) - 0.5)
        self.bias = nn.Parameter(torch.rand(C, H * W) - 0.5)

    def forward(self, x):
        c = x.size(1)
        columns = x.reshape(x.size(0), -1, 1)
        kernel = self.weight.reshape(columns.size(1), -1, 1)
        return nn.functional.conv1d(columns, kernel, self.bias.flatten(), groups=c).reshape(x.shape)


@right("with a grouped 1x1 convolution as a layer")
class GroupedLayer(nn.Module):
    def __init__(self, C, H, W):
        super().__init__()
        self.conv = nn.Conv1d(C * H * W, C * H * W, 1, groups=C)

    def forward(self, x):
        return self.conv(x.reshape(len(x), -1, 1)).view(x.shape)


@right("with products summed over the last axis", of="ChannelwiseFC")
class Summed(ChannelwiseFC):
    def forward(self, x):
        y = (self.weight * x.flatten(2).unsqueeze(2)).sum(-1)
        return (y + self.bias[None]).unflatten(-1, tuple(x.shape[2:]))


@wrong("reads the weight as [in, out], and so applies the transpose of every matrix")
class Transposed(ChannelwiseFC):
    def forward(self, x):
        y = torch.einsum("bcp,cpq->bcq", x.flatten(2), self.weight) + self.bias
        return y.view_as(x)


@wrong("numbers the positions column by column")
class ColumnByColumn(ChannelwiseFC):
    def forward(self, x):
        turned = x.transpose(2, 3)
        return super().forward(turned.contiguous()).transpose(2, 3)


@wrong("numbers the positions of its input column by column, and those of its result row by row")
class TurnedInput(ChannelwiseFC):
    def forward(self, x):
        return super().forward(x.transpose(2, 3).reshape(x.shape))


@wrong("cuts the result into rows of H values instead of W")
class TurnedResult(ChannelwiseFC):
    def forward(self, x):
        b, c, h, w = x.shape
        return super().forward(x).reshape(b, c, w, h)


@wrong("adds no bias to its result")
class BiasUnused(ChannelwiseFC):
    def forward(self, x):
        return super().forward(x) - self.bias.view(x.shape[1:])


@wrong("has no bias at all")
class Biasless(ChannelwiseFC):
    def __init__(self, C, H, W):
        super().__init__(C, H, W)
        self.bias = None

    def forward(self, x):
        return torch.einsum("bcq,cpq->bcp", x.flatten(2), self.weight).view_as(x)


@wrong("has one bias for each channel instead of one for each channel and position")
class BiasPerChannel(ChannelwiseFC):
    def __init__(self, C, H, W):
        super().__init__(C, H, W)
        self.bias = nn.Parameter(torch.zeros(C, 1))


@wrong("has one bias for each position, the same for all channels")
class BiasPerPosition(ChannelwiseFC):
    def __init__(self, C, H, W):
        super().__init__(C, H, W)
        self.bias = nn.Parameter(torch.zeros(H * W))


@wrong("has one matrix for all channels")
class OneMatrix(ChannelwiseFC):
    def __init__(self, C, H, W):
        super().__init__(C, H, W)
        self.weight = nn.Parameter(self.weight.detach()[0])

    def forward(self, x):
        return (x.flatten(2) @ self.weight.T + self.bias).view_as(x)


@wrong("connects all channels too: one linear layer from everything to everything")
class Everything(nn.Module):
    def __init__(self, C, H, W):
        super().__init__()
        self.fc = nn.Linear(C * H * W, C * H * W)

    def forward(self, x):
        return self.fc(x.flatten(1)).view_as(x)


@wrong("connects the channels at each position, as a 1x1 convolution does")
class PointWise(nn.Module):
    def __init__(self, C, H, W):
        super().__init__()
        self.conv = nn.Conv2d(C, C, 1)

    def forward(self, x):
        return self.conv(x)


@wrong("scales each position by itself: it looks at no other")
class Diagonal(ChannelwiseFC):
    def forward(self, x):
        y = x.flatten(2) * self.weight.diagonal(dim1=1, dim2=2) + self.bias
        return y.view_as(x)


@wrong("gives every channel the matrix of the next one")
class NextChannel(ChannelwiseFC):
    def forward(self, x):
        y = torch.einsum("bcq,cpq->bcp", x.flatten(2), self.weight.roll(-1, 0)) + self.bias
        return y.view_as(x)


@wrong("sums over the channels as well, so that all channels of the result differ in their bias only")
class SummedChannels(ChannelwiseFC):
    def forward(self, x):
        y = torch.einsum("bcq,cpq->bp", x.flatten(2), self.weight)[:, None] + self.bias
        return y.view_as(x)


@wrong("sums the outputs instead of the inputs of each matrix")
class SummedOutputs(ChannelwiseFC):
    def forward(self, x):
        y = x.flatten(2) * self.weight.sum(dim=1) + self.bias
        return y.view_as(x)


@wrong("lays out batch and channel in the wrong order, so that images and channels are mixed up")
class MixedUp(ChannelwiseFC):
    def forward(self, x):
        b, c, h, w = x.shape
        rows = x.reshape(c, b, h * w)
        y = torch.bmm(rows, self.weight.transpose(1, 2)) + self.bias[:, None]
        return y.reshape(b, c, h, w)


@wrong("repeats the matrices for the batch in an order that gives them to the wrong channels")
class WrongRepeat(ChannelwiseFC):
    def forward(self, x):
        b, c, h, w = x.shape
        weight, bias = (p.repeat_interleave(b, dim=0) for p in (self.weight, self.bias))
        y = (weight @ x.reshape(b * c, h * w, 1))[..., 0] + bias
        return y.reshape(b, c, h, w)


@wrong("adds the bias to its input instead of its result")
class BiasFirst(ChannelwiseFC):
    def forward(self, x):
        y = torch.einsum("bcq,cpq->bcp", x.flatten(2) + self.bias, self.weight)
        return y.view_as(x)


@wrong("ends in a ReLU")
class Rectified(ChannelwiseFC):
    def forward(self, x):
        return super().forward(x).relu()


@wrong("adds its input to the result")
class Residual(ChannelwiseFC):
    def forward(self, x):
        return super().forward(x) + x


@wrong("takes a softmax over each row of the matrices, as attention does")
class Attending(ChannelwiseFC):
    def forward(self, x):
        y = torch.einsum("bcq,cpq->bcp", x.flatten(2), self.weight.softmax(dim=-1)) + self.bias
        return y.view_as(x)


@wrong("divides the sums by the number of positions")
class Averaged(ChannelwiseFC):
    def forward(self, x):
        y = torch.einsum("bcq,cpq->bcp", x.flatten(2), self.weight) / self.weight.shape[1] + self.bias
        return y.view_as(x)


@wrong("joins batch and channel with view, which fails for channels-last maps")
class Viewed(ChannelwiseFC):
    def forward(self, x):
        b, c, h, w = x.shape
        rows = x.view(b * c, h * w, 1)
        y = (self.weight.repeat(b, 1, 1) @ rows).view(b, c, h * w) + self.bias
        return y.view(b, c, h, w)


@wrong("leaves the positions in one axis")
class Flat(ChannelwiseFC):
    def forward(self, x):
        return super().forward(x).flatten(2)


@wrong("squeezes its result, and so loses axes of size 1")
class Squeezed(ChannelwiseFC):
    def forward(self, x):
        return super().forward(x).squeeze()


@wrong("follows the map with a convolution that was not asked for")
class Followed(ChannelwiseFC):
    def __init__(self, C, H, W):
        super().__init__(C, H, W)
        self.conv = nn.Conv2d(C, C, 1)

    def forward(self, x):
        return self.conv(super().forward(x))


@wrong("holds weight and bias as plain tensors, which are never trained")
class Untrained(ChannelwiseFC):
    def __init__(self, C, H, W):
        super().__init__(C, H, W)
        weight, bias = self.weight.detach(), self.bias.detach()
        del self.weight, self.bias
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)


@wrong("lets no gradient reach the weight")
class Detached(ChannelwiseFC):
    def forward(self, x):
        y = torch.einsum("bcq,cpq->bcp", x.flatten(2), self.weight.detach()) + self.bias
        return y.view_as(x)


@wrong("lets no gradient reach what came before it")
class Blocked(ChannelwiseFC):
    def forward(self, x):
        return super().forward(x.detach())


@wrong("writes the result into its input")
class InPlace(ChannelwiseFC):
    def forward(self, x):
        y = super().forward(x)
        x.data.copy_(y)
        return y
