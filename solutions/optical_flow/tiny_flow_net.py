"""A tiny network for optical flow.

The smallest network of the FlowNetS kind: two images are stacked along the channels, convolutions with
ReLU make the map eight times smaller and see a wider and wider part of the images, and one transposed
convolution brings it back to the full size. Write the module, whose constructor takes no argument:

    img1, img2    [B, 3, H, W] each    H and W are multiples of 8
    stacked       [B, 6, H, W]         img1 first
    convolution   [B, 32, H/2, W/2]    kernel 7, stride 2, padding 3, then ReLU
    convolution   [B, 64, H/4, W/4]    kernel 5, stride 2, padding 2, then ReLU
    convolution   [B, 64, H/8, W/8]    kernel 3, stride 2, padding 1, then ReLU
    transposed    [B, 2, H, W]         kernel 16, stride 8, padding 4, and nothing after it

* The result is the flow (u, v) from img1 to img2. It has either sign, so the last layer stays linear;
  the others must not, or the whole network would be one affine function of the pixels.
* Every layer has a bias. The parameters are 130,402 numbers in all. Attributes may have any names.
* A batch of one pair keeps its batch axis. Images hold any real numbers and stay as they are.
* The network is to be trained: gradients reach every parameter and both images. It behaves alike in
  training and in evaluation mode.

Example: a transposed convolution makes (n - 1) * stride - 2 * padding + kernel out of n. For H = 224 the
map has 224 / 8 = 28 rows at its smallest, and 27 * 8 - 2 * 4 + 16 = 224 again at the end. After a single
convolution of stride 2 there are 112 rows, of which the same layer makes 111 * 8 - 2 * 4 + 16 = 896.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "What shrinks the map by eight in three steps, and what undoes that in one? Both factors must agree.",
    "The images meet in the channel axis, before the first layer: six channels go in. Write down the "
    "size of the map after each layer before you write the layers.",
    "Three strided convolutions from 6 to 32 to 64 to 64 channels, a ReLU behind each, then one transposed "
    "convolution from 64 to 2 channels with stride 8; forward concatenates and calls them in turn.",
)


class TinyFlowNet(nn.Module):
    """Three strided convolutions and one transposed convolution."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(6, 32, kernel_size=7, stride=2, padding=3),
            nn.ReLU(),
            nn.Conv2d(32, 64, kernel_size=5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(64, 64, kernel_size=3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.decoder = nn.ConvTranspose2d(64, 2, kernel_size=16, stride=8, padding=4)

    def forward(
        self, img1: Float[Tensor, "b 3 h w"], img2: Float[Tensor, "b 3 h w"]
    ) -> Float[Tensor, "b 2 h w"]:
        """Return the flow from img1 to img2."""
        stacked = torch.cat([img1, img2], dim=1)  # b 6 h w
        return self.decoder(self.encoder(stacked))


@right("layer by layer, under other names and in another order")
class Layers(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(64, 2, 16, 8, 4)
        self.conv3 = nn.Conv2d(64, 64, 3, 2, 1)
        self.conv2 = nn.Conv2d(32, 64, 5, 2, 2)
        self.conv1 = nn.Conv2d(6, 32, 7, 2, 3)
        self.act = nn.ReLU(inplace=True)

    def forward(self, img1, img2):
        x = torch.cat((img1, img2), 1)
        for layer in (self.conv1, self.conv2, self.conv3):
            x = self.act(layer(x))
        return self.up(x)


@right("with functions, parameters of its own and padding by hand")
class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        shapes = [(32, 6, 7, 7), (64, 32, 5, 5), (64, 64, 3, 3), (64, 2, 16, 16)]
        self.w = nn.ParameterList([nn.Parameter(0.05 * torch.randn(s)) for s in shapes])
        self.b = nn.ParameterList([nn.Parameter(torch.zeros(n)) for n in (32, 64, 64, 2)])

    def forward(self, img1, img2):
        x = torch.hstack([img1, img2])
        for w, b in zip(self.w[:3], self.b[:3]):
            pad = w.shape[-1] // 2
            x = nn.functional.conv2d(nn.functional.pad(x, (pad,) * 4), w, b, stride=2).clamp(min=0)
        full = nn.functional.conv_transpose2d(x, self.w[3], self.b[3], stride=8)
        return full[:, :, 4:-4, 4:-4]


@right("with lists of layers, a step at a time")
class Listed(nn.Module):
    def __init__(self):
        super().__init__()
        spec = [(6, 32, 7), (32, 64, 5), (64, 64, 3)]
        self.convs = nn.ModuleList([nn.Conv2d(i, o, k, stride=2, padding=(k - 1) // 2) for i, o, k in spec])
        self.flow = nn.ConvTranspose2d(64, 2, 16, stride=8, padding=4)

    def forward(self, img1, img2):
        b, c, h, w = img1.shape
        x = img1.new_empty(b, 2 * c, h, w)
        x[:, :c], x[:, c:] = img1, img2
        for conv in self.convs:
            y = conv(x)
            x = y * (y > 0)
        return self.flow(x)


@right("with one sequence of layers, and the sum of two half convolutions at its head")
class Halved(nn.Module):
    def __init__(self):
        super().__init__()
        relu = nn.ReLU
        self.first = nn.Conv2d(6, 32, 7, 2, 3)
        self.rest = nn.Sequential(
            *(relu(), nn.Conv2d(32, 64, 5, 2, 2), relu(), nn.Conv2d(64, 64, 3, 2, 1), relu()),
            nn.ConvTranspose2d(64, 2, 16, 8, 4),
        )

    def forward(self, img1, img2):
        one, two = self.first.weight.chunk(2, dim=1)
        x = nn.functional.conv2d(img1, one, self.first.bias, stride=2, padding=3)
        return self.rest(x + nn.functional.conv2d(img2, two, stride=2, padding=3))


class _Changed(TinyFlowNet):
    """The reference with one of its steps replaced."""

    def join(self, img1, img2):
        return torch.cat([img1, img2], dim=1)

    def activate(self, x, layer):
        return torch.relu(x)

    def forward(self, img1, img2):
        x = self.join(img1, img2)
        for i in range(3):
            x = self.activate(self.encoder[2 * i](x), i)
        return self.decoder(x)


@wrong("has a transposed convolution whose kernel is only as large as its stride, 8 x 8")
class SmallKernel(TinyFlowNet):
    def __init__(self):
        super().__init__()
        self.decoder = nn.ConvTranspose2d(64, 2, kernel_size=8, stride=8)


@wrong("has no activation at all, which makes it an affine function of the pixels")
class Affine(_Changed):
    def activate(self, x, layer):
        return x


@wrong("has no ReLU after the third convolution")
class ThirdLinear(_Changed):
    def activate(self, x, layer):
        return torch.relu(x) if layer < 2 else x


@wrong("has leaky ReLUs, as FlowNet does")
class Leaky(_Changed):
    def activate(self, x, layer):
        return nn.functional.leaky_relu(x, 0.1)


@wrong("has a ReLU after the last layer, so that nothing can move to the left or upwards")
class NeverNegative(TinyFlowNet):
    def forward(self, img1, img2):
        return torch.relu(super().forward(img1, img2))


@wrong("stacks the second image first")
class SecondFirst(_Changed):
    def join(self, img1, img2):
        return torch.cat([img2, img1], dim=1)


@wrong("mixes the channels: both reds, both greens, both blues")
class Interleaved(_Changed):
    def join(self, img1, img2):
        return torch.stack([img1, img2], dim=2).flatten(1, 2)


@wrong("sees the first image twice")
class OneImage(_Changed):
    def join(self, img1, img2):
        return torch.cat([img1, img1], dim=1)


@wrong("sees the first image and the difference of the two")
class Difference(_Changed):
    def join(self, img1, img2):
        return torch.cat([img1, img2 - img1], dim=1)


@wrong("subtracts each image's mean in the caller's own tensor")
class InPlace(TinyFlowNet):
    def forward(self, img1, img2):
        with torch.no_grad():
            for img in (img1, img2):
                img -= img.mean(dim=(2, 3), keepdim=True)
        return super().forward(img1, img2)


@wrong("makes the map smaller by max pooling instead of by strides")
class MaxPooled(_Changed):
    def __init__(self):
        super().__init__()
        for i in (0, 2, 4):
            self.encoder[i].stride = (1, 1)

    def activate(self, x, layer):
        return nn.functional.max_pool2d(torch.relu(x), 2)


@wrong("shrinks the map by two only, so that the result is four times too large on each side")
class FourTimesTooLarge(_Changed):
    def __init__(self):
        super().__init__()
        self.encoder[2].stride = self.encoder[4].stride = (1, 1)


@wrong("has convolutions without padding")
class Unpadded(TinyFlowNet):
    def __init__(self):
        super().__init__()
        for i in (0, 2, 4):
            self.encoder[i].padding = (0, 0)


@wrong("repeats the pixels at the border instead of padding with zeros")
class Repeated(TinyFlowNet):
    def forward(self, img1, img2):
        x = torch.cat([img1, img2], dim=1)
        for conv in self.encoder[::2]:
            pad = conv.padding[0]
            x = nn.functional.pad(x, (pad,) * 4, mode="replicate")
            x = torch.relu(nn.functional.conv2d(x, conv.weight, conv.bias, stride=2))
        return self.decoder(x)


@wrong("cuts the result to size at the wrong side")
class Shifted(TinyFlowNet):
    def forward(self, img1, img2):
        x = self.encoder(torch.cat([img1, img2], dim=1))
        full = nn.functional.conv_transpose2d(x, self.decoder.weight, self.decoder.bias, stride=8)
        return full[:, :, : img1.shape[2], : img1.shape[3]]


@wrong("has a single convolution, of stride 2, before the transposed one")
class Document(TinyFlowNet):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Conv2d(6, 64, 7, 2, 3)


@wrong("has batch normalisation after each convolution")
class BatchNormed(_Changed):
    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(n) for n in (32, 64, 64)])

    def activate(self, x, layer):
        return torch.relu(self.norms[layer](x))


@wrong("has no bias in the last layer")
class Biasless(TinyFlowNet):
    def __init__(self):
        super().__init__()
        self.decoder = nn.ConvTranspose2d(64, 2, 16, 8, 4, bias=False)


@wrong("has dropout in training mode")
class Dropped(_Changed):
    def activate(self, x, layer):
        return nn.functional.dropout(torch.relu(x), 0.2, self.training)


@wrong("multiplies the flow by 20, as FlowNet does")
class TwentyTimes(TinyFlowNet):
    def forward(self, img1, img2):
        return 20 * super().forward(img1, img2)


@wrong("loses the batch axis of a single pair")
class Squeezed(TinyFlowNet):
    def forward(self, img1, img2):
        return super().forward(img1, img2).squeeze(0)


@wrong("runs the convolutions without gradients")
class Frozen(TinyFlowNet):
    def forward(self, img1, img2):
        with torch.no_grad():
            features = self.encoder(torch.cat([img1, img2], dim=1))
        return self.decoder(features)


@wrong("sends no gradient to the second image")
class SecondDetached(TinyFlowNet):
    def forward(self, img1, img2):
        return super().forward(img1, img2.detach())


@wrong("keeps the convolutions in a plain list, where they are not registered")
class Unregistered(TinyFlowNet):
    def __init__(self):
        super().__init__()
        self.layers, self.encoder = list(self.encoder), None

    def forward(self, img1, img2):
        x = torch.cat([img1, img2], dim=1)
        for layer in self.layers:
            x = layer(x)
        return self.decoder(x)
