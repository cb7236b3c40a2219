"""The Mahalanobis distance at every place of a feature map.

PaDiM describes the normal images by a Gaussian for each place of a feature map: mean features, and how
the channels vary together. A new image is scored, place by place, by how far its features lie from that
mean, measured in the spread of the normal images.

* feats [B, C, H, W] are the features of B images; mean [C, H, W] and inv_cov [H, W, C, C] are the mean
  and the inverse covariance of each place. All have the same float dtype. Every axis is at least 1.
* With d = feats[b, :, i, j] - mean[:, i, j] and S = inv_cov[i, j], the result is

      distance[b, i, j] = sqrt(d^T S d) = sqrt(sum over k and l of d_k * S_kl * d_l)

  Each place has its own mean and matrix, and all images of the batch share them. inv_cov is an inverse
  already: do not invert it again.
* inv_cov is symmetric. It was computed in floating point, so it may fail to be positive definite by a
  little, and d^T S d can come out below 0. Then the distance is 0, never NaN.
* Return distance [B, H, W] in the dtype of feats. The inputs stay as they are. All tensors are on the
  CPU. No gradient is asked for.

Example: with C = 2, d = (1, 2) and S = [[2, -1], [-1, 3]], d^T S d = 2 - 2 - 2 + 12 = 10, so the
distance is 3.162. If S is the identity it is the length of d, here 2.236.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 15
HINTS = (
    "Write the double sum down and give every axis a letter. Which letters does the result keep?",
    "Either one einsum over three tensors, two of them the same; or bring the channels to the end, so that "
    "every place is a matrix times a column. What is the root of a number just below 0?",
    "Subtract the mean, which broadcasts over the batch. The einsum of d, inv_cov and d again sums over both "
    "channel letters and keeps batch, row and column. Clamp at 0 before the root.",
)


def mahalanobis_map(
    feats: Float[Tensor, "b c h w"], mean: Float[Tensor, "c h w"], inv_cov: Float[Tensor, "h w c c"]
) -> Float[Tensor, "b h w"]:
    """Return the Mahalanobis distance of every place of every image."""
    d = (feats - mean).detach()  # b c h w
    squared = torch.einsum("bkij,ijkl,blij->bij", d, inv_cov.detach(), d)
    return squared.clamp(min=0).sqrt()


def _root(squared):
    return squared.clamp(min=0).sqrt()


def _form(d, S):
    """Return d^T S d of differences [B, C, H, W]."""
    return torch.einsum("bkij,ijkl,blij->bij", d, S, d)


@right("in loops over images and places")
def looped(feats, mean, inv_cov):
    b, _, h, w = feats.shape
    out = torch.zeros(b, h, w, dtype=feats.dtype)
    for n in range(b):
        for i in range(h):
            for j in range(w):
                d = feats[n, :, i, j] - mean[:, i, j]
                out[n, i, j] = max(float(d @ inv_cov[i, j] @ d), 0.0) ** 0.5
    return out


@right("as a row times a matrix times a column at every place")
def matrices(feats, mean, inv_cov):
    d = (feats - mean).permute(0, 2, 3, 1).unsqueeze(-1)  # b h w c 1
    squared = d.mT @ inv_cov @ d
    return torch.relu(squared[..., 0, 0]) ** 0.5


@right("with all places in one batched product, as PaDiM's code has it")
def flattened(feats, mean, inv_cov):
    b, c, h, w = feats.shape
    d = (feats - mean).flatten(2).permute(2, 0, 1)  # h*w b c
    S = inv_cov.reshape(h * w, c, c)
    squared = (torch.bmm(d, S) * d).sum(-1)  # h*w b
    return squared.T.reshape(b, h, w).clamp_min(1e-12).sqrt()


@right("by adding up the products of channels, the mixed ones twice")
def by_pairs(feats, mean, inv_cov):
    d = feats - mean
    squared = torch.zeros_like(d[:, 0])
    for k in range(d.shape[1]):
        squared = squared + inv_cov[..., k, k] * d[:, k] ** 2
        for m in range(k):
            squared = squared + 2 * inv_cov[..., k, m] * d[:, k] * d[:, m]
    return torch.where(squared > 0, squared, torch.zeros_like(squared)).sqrt()


@right("in NumPy, with NaN replaced")
def in_numpy(feats, mean, inv_cov):
    d = np.moveaxis(feats.numpy() - mean.numpy(), 1, -1)
    squared = (d * (inv_cov.numpy() @ d[..., None])[..., 0]).sum(-1)
    with np.errstate(invalid="ignore"):
        return torch.from_numpy(np.nan_to_num(np.sqrt(squared), nan=0.0))


@wrong("leaves the root out")
def squared_distance(feats, mean, inv_cov):
    return _form(feats - mean, inv_cov).clamp(min=0)


@wrong("takes the root of what rounding has brought below 0, which is NaN")
def nan_below_zero(feats, mean, inv_cov):
    return _form(feats - mean, inv_cov).sqrt()


@wrong("takes the absolute value of what rounding has brought below 0")
def absolute_value(feats, mean, inv_cov):
    return _form(feats - mean, inv_cov).abs().sqrt()


@wrong("does not subtract the mean")
def uncentred(feats, mean, inv_cov):
    return _root(_form(feats, inv_cov))


@wrong("inverts the matrices, which are inverses already")
def inverted_again(feats, mean, inv_cov):
    return _root(_form(feats - mean, torch.linalg.pinv(inv_cov, hermitian=True)))


@wrong("takes only the diagonals of the matrices, as if channels did not vary together")
def diagonal(feats, mean, inv_cov):
    variances = inv_cov.diagonal(dim1=-2, dim2=-1).permute(2, 0, 1)
    return _root(((feats - mean).square() * variances).sum(1))


@wrong("takes the plain distance to the mean")
def euclidean(feats, mean, inv_cov):
    return (feats - mean).norm(dim=1)


@wrong("uses the matrix of the first place everywhere")
def first_matrix(feats, mean, inv_cov):
    return _root(torch.einsum("bkij,kl,blij->bij", feats - mean, inv_cov[0, 0], feats - mean))


@wrong("averages the matrices of all places")
def mean_matrix(feats, mean, inv_cov):
    S = inv_cov.mean((0, 1))
    return _root(torch.einsum("bkij,kl,blij->bij", feats - mean, S, feats - mean))


@wrong("subtracts one mean for all places")
def mean_of_places(feats, mean, inv_cov):
    return _root(_form(feats - mean.mean((1, 2), keepdim=True), inv_cov))


@wrong("subtracts the mean of the batch itself, so that a single image is always normal")
def mean_of_batch(feats, mean, inv_cov):
    return _root(_form(feats - feats.mean(0), inv_cov))


@wrong("lists the places column by column in the features and row by row in the matrices")
def places_mixed(feats, mean, inv_cov):
    h, w, c, _ = inv_cov.shape
    mixed = inv_cov.reshape(h * w, c, c).reshape(w, h, c, c).transpose(0, 1)
    return _root(_form(feats - mean, mixed))


@wrong("reshapes the features to [places, channels] without moving the channels to the end")
def channels_scrambled(feats, mean, inv_cov):
    b, c, h, w = feats.shape
    d = (feats - mean).reshape(b, h, w, c).permute(0, 3, 1, 2)
    return _root(_form(d, inv_cov))


@wrong("returns the length of S d, as if the matrix were a root of the inverse covariance")
def length_of_product(feats, mean, inv_cov):
    return torch.einsum("ijkl,blij->bkij", inv_cov, feats - mean).norm(dim=1)


@wrong("adds up the entries of S d instead of weighing them with d once more")
def summed_product(feats, mean, inv_cov):
    return torch.einsum("ijkl,blij->bij", inv_cov, feats - mean).abs()


@wrong("divides by the number of channels")
def per_channel(feats, mean, inv_cov):
    return _root(_form(feats - mean, inv_cov) / feats.shape[1])


@wrong("adds a constant under the root that is not small beside a distance")
def padded(feats, mean, inv_cov):
    return _root(_form(feats - mean, inv_cov) + 1e-4)


@wrong("halves the form, as the logarithm of a Gaussian does")
def halved(feats, mean, inv_cov):
    return _root(_form(feats - mean, inv_cov) / 2)


@wrong("scales each map to run up to 1, after which no two images can be compared")
def normalised(feats, mean, inv_cov):
    found = mahalanobis_map(feats, mean, inv_cov)
    return found / found.amax((1, 2), keepdim=True).clamp(min=1e-8)


@wrong("returns the largest distance of each image instead of the map")
def scored(feats, mean, inv_cov):
    return mahalanobis_map(feats, mean, inv_cov).amax((1, 2))


@wrong("returns the columns first")
def transposed(feats, mean, inv_cov):
    return mahalanobis_map(feats, mean, inv_cov).mT


@wrong("keeps a channel axis of one")
def with_channel(feats, mean, inv_cov):
    return mahalanobis_map(feats, mean, inv_cov)[:, None]


@wrong("squeezes all axes of size one, and so loses the batch axis of a single image")
def squeezed(feats, mean, inv_cov):
    return mahalanobis_map(feats, mean, inv_cov).squeeze()


@wrong("answers for the first image only")
def first_image(feats, mean, inv_cov):
    return mahalanobis_map(feats[:1], mean, inv_cov).expand(len(feats), -1, -1).clone()


@wrong("subtracts the mean in the caller's own features")
def in_place(feats, mean, inv_cov):
    feats -= mean
    return _root(_form(feats, inv_cov))


@wrong("works in float32 whatever comes in")
def single_precision(feats, mean, inv_cov):
    return mahalanobis_map(feats.float(), mean.float(), inv_cov.float())


@wrong("works in float64 whatever comes in, and returns that")
def double_precision(feats, mean, inv_cov):
    return mahalanobis_map(feats.double(), mean.double(), inv_cov.double())
