"""Pixel shuffle, and back.

A network that upsamples at its very end predicts, at low resolution, all the pixels of an r x r block as
channels. Pixel shuffle then lays them out in space, without any arithmetic.

* pixel_shuffle(x, r) takes x [B, C * r * r, H, W] to [B, C, H * r, W * r]. The pixel at row y * r + i
  and column x * r + j of channel c, with i and j from 0 to r - 1, comes from position (y, x) of channel
  c * r * r + i * r + j. So the first r * r channels make up channel 0 of the result, and fill each of
  its blocks row by row.
* pixel_unshuffle(x, r) is its inverse: it takes x [B, C, H * r, W * r] to [B, C * r * r, H, W], with the
  channels in the order above.
* r is at least 1, and with r = 1 nothing moves. Channels that r * r does not divide are a ValueError in
  pixel_shuffle; so is a height or a width that r does not divide in pixel_unshuffle.
* Write both without torch's pixel_shuffle and pixel_unshuffle, also without the modules of nn that call
  them.
* B may be 0. Results have the dtype of x. x stays as it is; whether the result shares its memory is up
  to you. Gradients flow to x through both.

Example: r = 2 and four channels of one pixel, with the values 1, 2, 3, 4, become one channel with the
rows (1, 2) and (3, 4). pixel_unshuffle takes it back to four channels of one pixel.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "Nothing is computed, so every number only has to find its place. Which six axes do the numbers really "
    "have, and which of them end up side by side?",
    "Split the channels into three axes, of C, r and r, in this order. Then bring each of the two small axes "
    "right behind the spatial axis that it refines: one of them counts rows, the other columns.",
    "Axes (b, c, i, j, y, x) become (b, c, y, i, x, j), and a reshape joins y with i and x with j. The "
    "way back splits height into (y, i) and width into (x, j), and brings i and j forward again.",
)


def pixel_shuffle(x: Float[Tensor, "b c*r*r h w"], r: int) -> Float[Tensor, "b c h*r w*r"]:
    """Lay out every r * r channels as blocks of r x r pixels."""
    b, channels, h, w = x.shape
    if channels % (r * r):
        raise ValueError(f"{channels} channels do not make blocks of {r} x {r}")
    c = channels // (r * r)
    blocks = x.reshape(b, c, r, r, h, w).permute(0, 1, 4, 2, 5, 3)  # b c h r w r
    return blocks.reshape(b, c, h * r, w * r)


def pixel_unshuffle(x: Float[Tensor, "b c h*r w*r"], r: int) -> Float[Tensor, "b c*r*r h w"]:
    """Gather the pixels of every r x r block as channels."""
    b, c, height, width = x.shape
    if height % r or width % r:
        raise ValueError(f"{height} x {width} pixels do not divide into blocks of {r} x {r}")
    h, w = height // r, width // r
    blocks = x.reshape(b, c, h, r, w, r).permute(0, 1, 3, 5, 2, 4)  # b c r r h w
    return blocks.reshape(b, c * r * r, h, w)


def _channels(x, r):
    """Return C of C * r * r channels, or raise."""
    if x.shape[1] % (r * r) != 0:
        raise ValueError("channels")
    return x.shape[1] // (r * r)


def _positions(x, r):
    """Return the height and width in blocks, or raise."""
    if x.shape[2] % r != 0 or x.shape[3] % r != 0:
        raise ValueError("size")
    return x.shape[2] // r, x.shape[3] // r


@right("with strided slices", also={"pixel_unshuffle": "_unshuffle_slices"})
def shuffle_slices(x, r):
    c, (b, _, h, w) = _channels(x, r), x.shape
    out = torch.zeros(b, c, h * r, w * r, dtype=x.dtype)
    for i in range(r):
        for j in range(r):
            out[:, :, i::r, j::r] = x[:, i * r + j :: r * r]
    return out


def _unshuffle_slices(x, r):
    _positions(x, r)
    parts = [x[:, :, i::r, j::r] for i in range(r) for j in range(r)]
    return torch.stack(parts, dim=2).flatten(1, 2)


@right("with fold and unfold", also={"pixel_unshuffle": "_unshuffle_unfold"})
def shuffle_fold(x, r):
    from torch.nn import functional as F

    _channels(x, r)
    h, w = x.shape[2] * r, x.shape[3] * r
    return F.fold(x.flatten(2), output_size=(h, w), kernel_size=r, stride=r)


def _unshuffle_unfold(x, r):
    from torch.nn import functional as F

    h, w = _positions(x, r)
    return F.unfold(x, kernel_size=r, stride=r).view(-1, x.shape[1] * r * r, h, w)


@right("with convolutions that pick one pixel each", also={"pixel_unshuffle": "_unshuffle_convolved"})
def shuffle_convolved(x, r):
    from torch.nn import functional as F

    kernel = torch.eye(r * r, dtype=x.dtype).view(r * r, 1, r, r).repeat(_channels(x, r), 1, 1, 1)
    return F.conv_transpose2d(x, kernel, stride=r, groups=len(kernel) // (r * r))


def _unshuffle_convolved(x, r):
    from torch.nn import functional as F

    _positions(x, r)
    kernel = torch.eye(r * r, dtype=x.dtype).view(r * r, 1, r, r).repeat(x.shape[1], 1, 1, 1)
    return F.conv2d(x, kernel, stride=r, groups=x.shape[1])


@right("two axes at a time, columns first", also={"pixel_unshuffle": "_unshuffle_unflatten"})
def shuffle_unflatten(x, r):
    _channels(x, r)
    x = x.unflatten(1, (-1, r, r))  # b c i j h w
    x = x.movedim(3, -1).flatten(-2)  # b c i h w*r
    return x.movedim(2, 3).flatten(2, 3)


def _unshuffle_unflatten(x, r):
    h, w = _positions(x, r)
    return torch.einsum("bcyixj->bcijyx", x.unflatten(3, (w, r)).unflatten(2, (h, r))).flatten(1, 3)


@right("with an index of where every pixel comes from", also={"pixel_unshuffle": "_unshuffle_indexed"})
def shuffle_indexed(x, r):
    c = torch.arange(_channels(x, r))[:, None, None]
    y, z = torch.arange(x.shape[2] * r)[:, None], torch.arange(x.shape[3] * r)
    return x[:, c * r * r + y % r * r + z % r, y // r, z // r]


def _unshuffle_indexed(x, r):
    h, w = _positions(x, r)
    k = torch.arange(x.shape[1] * r * r)[:, None, None]
    rows = torch.arange(h)[:, None] * r + k // r % r
    return x[:, k // (r * r), rows, torch.arange(w) * r + k % r]


@right("stacking rows and columns of pixels", also={"pixel_unshuffle": "_unshuffle_chunks"})
def shuffle_stacked(x, r):
    b, _, h, w = x.shape
    c = _channels(x, r)
    x = x.contiguous().view(b, c, r, r, h, w)
    rows = [torch.stack(x[:, :, i].unbind(2), dim=-1).reshape(b, c, h, w * r) for i in range(r)]
    return torch.stack(rows, dim=3).reshape(b, c, h * r, w * r)


def _unshuffle_chunks(x, r):
    if x.size(2) % r or x.size(3) % r:
        raise ValueError(f"{tuple(x.shape)} with r = {r}")
    planes = []
    for c in range(x.shape[1]):
        for i in range(r):
            planes += [x[:, c, i::r][..., j::r] for j in range(r)]
    return torch.stack(planes, dim=1)


# -- mistakes in the way out -------------------------------------------------------------------


def _laid(x, r, order, c=None):
    """Reshape [b, c, r, r, h, w], permute and join, as the versions below do in their ways."""
    b, _, h, w = x.shape
    c = _channels(x, r)
    return x.reshape(b, c, r, r, h, w).permute(*order).reshape(b, c, h * r, w * r)


def _gathered(x, r, order):
    h, w = _positions(x, r)
    blocks = x.reshape(x.shape[0], x.shape[1], h, r, w, r).permute(*order)
    return blocks.reshape(x.shape[0], -1 if x.numel() else x.shape[1] * r * r, h, w)


@wrong("fills each block column by column", of="pixel_shuffle")
def by_columns(x, r):
    return _laid(x, r, (0, 1, 4, 3, 5, 2))


@wrong("reads each block column by column", of="pixel_unshuffle")
def read_by_columns(x, r):
    return _gathered(x, r, (0, 1, 5, 3, 2, 4))


@wrong(
    "goes through each block column by column in both directions, which a round trip does not show",
    also={"pixel_unshuffle": "read_by_columns"},
)
def by_columns_twice(x, r):
    return _laid(x, r, (0, 1, 4, 3, 5, 2))


@wrong("lets the block come first and C last among the channels, as other libraries do", of="pixel_shuffle")
def depth_to_space(x, r):
    b, _, h, w = x.shape
    c = _channels(x, r)
    return x.reshape(b, r, r, c, h, w).permute(0, 3, 4, 1, 5, 2).reshape(b, c, h * r, w * r)


@wrong("puts the place in the block before the channel, as other libraries do", of="pixel_unshuffle")
def space_to_depth(x, r):
    return _gathered(x, r, (0, 3, 5, 1, 2, 4))


@wrong(
    "has C last among the channels in both directions, which a round trip does not show",
    also={"pixel_unshuffle": "space_to_depth"},
)
def channels_last_twice(x, r):
    return depth_to_space(x, r)


@wrong(
    "shuffles by 2 twice where 4 is asked for, which reads the channels in another order", of="pixel_shuffle"
)
def by_twos(x, r):
    _channels(x, r)
    while r % 2 == 0:
        x, r = pixel_shuffle(x, 2), r // 2
    return pixel_shuffle(x, r)


@wrong("reshapes without moving any axis", of="pixel_shuffle")
def reshaped(x, r):
    return x.reshape(x.shape[0], _channels(x, r), x.shape[2] * r, x.shape[3] * r)


@wrong("reshapes back without moving any axis", of="pixel_unshuffle")
def reshaped_back(x, r):
    h, w = _positions(x, r)
    return x.reshape(x.shape[0], x.shape[1] * r * r, h, w)


@wrong(
    "reshapes without moving any axis in both directions, which a round trip does not show",
    also={"pixel_unshuffle": "reshaped_back"},
)
def reshaped_twice(x, r):
    return reshaped(x, r)


@wrong("lays r x r small images side by side instead of filling blocks", of="pixel_shuffle")
def tiled(x, r):
    return _laid(x, r, (0, 1, 2, 4, 3, 5))


@wrong("cuts the image into r x r large tiles instead of small blocks", of="pixel_unshuffle")
def untiled(x, r):
    h, w = _positions(x, r)
    blocks = x.reshape(x.shape[0], x.shape[1], r, h, r, w).permute(0, 1, 2, 4, 3, 5)
    return blocks.reshape(x.shape[0], x.shape[1] * r * r, h, w)


@wrong("refines rows correctly and lays the columns side by side", of="pixel_shuffle")
def columns_tiled(x, r):
    return _laid(x, r, (0, 1, 4, 2, 3, 5))


@wrong("refines columns by the index of rows, with two axes swapped in the permutation", of="pixel_shuffle")
def axes_swapped(x, r):
    b, _, h, w = x.shape
    c = _channels(x, r)
    return x.reshape(b, c, r, r, h, w).permute(0, 1, 5, 2, 4, 3).reshape(b, c, h * r, w * r)


@wrong("repeats the first channel of every block", of="pixel_shuffle")
def repeated(x, r):
    _channels(x, r)
    return x[:, :: r * r].repeat_interleave(r, dim=2).repeat_interleave(r, dim=3)


@wrong(
    "fills each block backwards, as a transposed convolution with flipped kernels would", of="pixel_shuffle"
)
def backwards(x, r):
    b, _, h, w = x.shape
    c = _channels(x, r)
    flipped = x.reshape(b, c, r, r, h, w).flip(2, 3)
    return flipped.permute(0, 1, 4, 2, 5, 3).reshape(b, c, h * r, w * r)


@wrong("averages every block instead of keeping its pixels", of="pixel_unshuffle")
def pooled(x, r):
    _positions(x, r)
    return torch.nn.functional.avg_pool2d(x, r).repeat_interleave(r * r, dim=1)


@wrong("keeps one pixel of every block, and so has C channels only", of="pixel_unshuffle")
def decimated(x, r):
    _positions(x, r)
    return x[:, :, ::r, ::r]


@wrong("shuffles in the direction of pixel_shuffle once more", of="pixel_unshuffle")
def wrong_direction(x, r):
    _positions(x, r)
    return pixel_shuffle(x, r)


@wrong("works for r = 2 only", of="pixel_shuffle")
def for_two(x, r):
    _channels(x, r)
    out = x.new_zeros(x.shape[0], x.shape[1] // (r * r), x.shape[2] * r, x.shape[3] * r)
    for n in range(4):
        out[:, :, n // 2 :: 2, n % 2 :: 2] = x[:, n::4]
    return out


@wrong("folds the batch axis into the channels", of="pixel_shuffle")
def batch_folded(x, r):
    b, _, h, w = x.shape
    c = _channels(x, r)
    blocks = x.transpose(0, 1).reshape(b, c, r, r, h, w)
    return blocks.permute(0, 1, 4, 2, 5, 3).reshape(b, c, h * r, w * r)


@wrong("handles the first image of a batch only", of="pixel_unshuffle")
def first_image(x, r):
    return pixel_unshuffle(x[:1], r).expand(len(x), -1, -1, -1)


@wrong("leaves the shape to be guessed, which an empty batch does not allow", of="pixel_shuffle")
def guessed(x, r):
    _channels(x, r)
    b, _, h, w = x.shape
    return x.reshape(b, -1, r, r, h, w).permute(0, 1, 4, 2, 5, 3).reshape(b, -1, h * r, w * r)


@wrong(
    "leaves the shape to be guessed on the way back, which an empty batch does not allow",
    of="pixel_unshuffle",
)
def guessed_back(x, r):
    h, w = _positions(x, r)
    blocks = x.reshape(len(x), -1, h, r, w, r).permute(0, 1, 3, 5, 2, 4)
    return blocks.reshape(len(x), -1, h, w)


# -- mistakes about what cannot be divided, and the rest ----------------------------------------


@wrong("drops the channels that are left over", of="pixel_shuffle")
def surplus_dropped(x, r):
    return pixel_shuffle(x[:, : x.shape[1] // (r * r) * r * r], r)


@wrong("asks whether r divides the channels, and not r * r", of="pixel_shuffle")
def divided_by_r(x, r):
    if x.shape[1] % r:
        raise ValueError("channels")
    return surplus_dropped(x, r)


@wrong("raises another exception than asked for when the channels do not divide", of="pixel_shuffle")
def asserted(x, r):
    assert x.shape[1] % (r * r) == 0
    return pixel_shuffle(x, r)


@wrong("cuts off rows and columns that are left over", of="pixel_unshuffle")
def cut_off(x, r):
    h, w = x.shape[2] // r * r, x.shape[3] // r * r
    return pixel_unshuffle(x[:, :, :h, :w], r)


@wrong("asks for a divisible height only", of="pixel_unshuffle")
def height_only(x, r):
    if x.shape[2] % r:
        raise ValueError("height")
    return cut_off(x, r)


@wrong("asks for a divisible width only", of="pixel_unshuffle")
def width_only(x, r):
    if x.shape[3] % r:
        raise ValueError("width")
    return cut_off(x, r)


@wrong("complains only if neither height nor width divides", of="pixel_unshuffle")
def both_asked(x, r):
    if x.shape[2] % r and x.shape[3] % r:
        raise ValueError("size")
    return cut_off(x, r)


@wrong("asks whether the number of pixels divides, not height and width", of="pixel_unshuffle")
def area_checked(x, r):
    if x.shape[2] * x.shape[3] % (r * r):
        raise ValueError("pixels")
    return cut_off(x, r)


@wrong("pads what does not divide with zeros", of="pixel_unshuffle")
def padded(x, r):
    h, w = x.shape[-2:]
    return pixel_unshuffle(torch.nn.functional.pad(x, (0, -w % r, 0, -h % r)), r)


@wrong("leaves the complaint about what does not divide to reshape", of="pixel_unshuffle")
def unchecked(x, r):
    b, c, h, w = x.shape
    blocks = x.reshape(b, c, h // r, r, w // r, r).permute(0, 1, 3, 5, 2, 4)
    return blocks.reshape(b, c * r * r, h // r, w // r)


@wrong("is cut off from the graph", of="pixel_shuffle")
def detached(x, r):
    return pixel_shuffle(x.detach(), r)


@wrong("is cut off from the graph on the way back", of="pixel_unshuffle")
def detached_back(x, r):
    return pixel_unshuffle(torch.from_numpy(x.detach().numpy().copy()), r)


@wrong("fills a float32 tensor, whatever comes in", of="pixel_shuffle")
def single_precision(x, r):
    return pixel_shuffle(x, r).float()


@wrong("fills a float32 tensor on the way back, whatever comes in", of="pixel_unshuffle")
def single_back(x, r):
    return pixel_unshuffle(x, r).float()


@wrong("divides by the factor, as if energy had to be kept", of="pixel_shuffle")
def scaled(x, r):
    return pixel_shuffle(x, r) / r


@wrong("calls the function of torch that is ruled out", of="pixel_shuffle")
def ready_made(x, r):
    _channels(x, r)
    return torch.nn.PixelShuffle(r)(x)


@wrong("calls the inverse of torch that is ruled out", of="pixel_unshuffle")
def ready_made_back(x, r):
    _positions(x, r)
    return torch.nn.functional.pixel_unshuffle(x, r)
