"""A Gaussian for every place of a feature map.

PaDiM learns what is normal without any training: a pretrained network looks at N normal images, and at
each place of its feature map a Gaussian is fitted to the N feature vectors found there.

* feats [N, C, H, W] are the features of N normal images. N is at least 2, the other axes at least 1.
* With f_n = feats[n, :, i, j], a vector of C numbers, the place (i, j) has

      m   = (f_1 + ... + f_N) / N                                       goes to mean[:, i, j]
      cov = sum over n of (f_n - m) (f_n - m)^T / (N - 1)               C x C, the unbiased covariance
      S   = inverse of (cov + eps * I)                                  goes to inv_cov[i, j]

  No place knows of another one.
* eps is greater than 0, and is added to the diagonal only, before the inversion. It is needed: the
  covariance of N samples has at most rank N - 1. With 20 images and 50 channels there is no inverse, and
  what comes out of inverting all the same is rounding error. N < C must work here, and so must channels
  that never change.
* C may be 1: each matrix is then 1 x 1.
* Return the tuple (mean [C, H, W], inv_cov [H, W, C, C]), both in the dtype of feats: the channels come
  first in mean and last in inv_cov. feats stays as it is. All tensors are on the CPU. No gradient is
  asked for.

Example: two images with the features (1, 0) and (3, 2) at some place. m is (2, 1), cov is
[[2, 2], [2, 2]], which has no inverse. With eps = 1 that of [[3, 2], [2, 3]] is taken, which is
[[0.6, -0.4], [-0.4, 0.6]].
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "Solve it for one place first: N vectors of C numbers. Then think of the H * W places as a batch of such "
    "problems; which axes should come last?",
    "Bring the centred features to [H, W, N, C]. At each place the covariance is a matrix product of two "
    "such blocks, one of them transposed. torch.linalg.inv takes batches.",
    "Subtract the mean over images, permute to rows, columns, images, channels, call it X; X transposed "
    "times X, over N - 1; add eps times the identity, which broadcasts over the places; invert.",
)


def fit(
    feats: Float[Tensor, "n c h w"], eps: float = 0.01
) -> tuple[Float[Tensor, "c h w"], Float[Tensor, "h w c c"]]:
    """Return the mean and the inverse covariance of the features at every place."""
    feats = feats.detach()
    n, c = feats.shape[:2]
    mean = feats.mean(dim=0)
    X = (feats - mean).permute(2, 3, 0, 1)  # h w n c
    cov = X.mT @ X / (n - 1)
    return mean, torch.linalg.inv(cov + eps * torch.eye(c).to(cov))


def _centred(feats):
    """Return the mean and the centred features as [H, W, N, C]."""
    mean = feats.mean(dim=0)
    return mean, (feats - mean).permute(2, 3, 0, 1)


def _covariance(feats):
    _, X = _centred(feats)
    return X.mT @ X / (len(feats) - 1)


def _eye(feats):
    return torch.eye(feats.shape[1], dtype=feats.dtype)


@right("place by place, with torch.cov")
def looped(feats, eps=0.01):
    _, c, h, w = feats.shape
    inv_cov = torch.zeros(h, w, c, c, dtype=feats.dtype)
    for i in range(h):
        for j in range(w):
            cov = torch.cov(feats[:, :, i, j].T).reshape(c, c)
            inv_cov[i, j] = torch.inverse(cov + eps * torch.eye(c, dtype=feats.dtype))
    return feats.mean(0), inv_cov


@right("in NumPy, as PaDiM's code has it")
def in_numpy(feats, eps=0.01):
    n, c, h, w = feats.shape
    flat = feats.numpy().reshape(n, c, h * w)
    out = np.zeros((h * w, c, c), dtype=flat.dtype)
    for i in range(h * w):
        out[i] = np.linalg.inv(np.cov(flat[:, :, i], rowvar=False).reshape(c, c) + eps * np.identity(c))
    return [torch.from_numpy(flat.mean(axis=0)).reshape(c, h, w), torch.from_numpy(out).reshape(h, w, c, c)]


@right("with the mean of the products less the product of the means, and Cholesky factors")
def moments(feats, eps=0.01):
    n = feats.shape[0]
    mean = feats.sum(0) / n
    cov = (torch.einsum("nkij,nlij->ijkl", feats, feats) / n - torch.einsum("kij,lij->ijkl", mean, mean)) * (
        n / (n - 1)
    )
    cov.diagonal(dim1=-2, dim2=-1).add_(eps)
    return mean, torch.cholesky_inverse(torch.linalg.cholesky(cov))


@right("from the singular values of the centred features")
def by_singular_values(feats, eps=0.01):
    mean, X = _centred(feats)
    _, s, Vh = torch.linalg.svd(X, full_matrices=True)
    variance = torch.zeros_like(Vh[..., 0])
    variance[..., : s.shape[-1]] = s**2 / (len(feats) - 1)
    return mean, Vh.mT @ torch.diag_embed(1 / (variance + eps)) @ Vh


@right("with a small matrix of images by images, by Woodbury's identity")
def woodbury(feats, eps=0.01):
    mean, X = _centred(feats)
    X = X / (len(feats) - 1) ** 0.5
    small = X @ X.mT + eps * torch.eye(len(feats), dtype=feats.dtype)
    return mean, (_eye(feats) - X.mT @ torch.linalg.solve(small, X)) / eps


@right("by solving against the identity, channels first, permuted at the end")
def solved(feats, eps=0.01):
    n, c, h, w = feats.shape
    flat = feats.flatten(2)  # n c hw
    mean = flat.mean(0, keepdim=True)
    d = (flat - mean).permute(2, 1, 0)  # hw c n
    A = torch.bmm(d, d.transpose(1, 2)).div(n - 1) + torch.diag(torch.full((c,), float(eps))).to(feats)
    S = torch.linalg.solve(A, torch.eye(c).to(feats).expand(h * w, c, c))
    return mean.view(c, h, w), S.view(h, w, c, c)


@right("from the eigenvalues, with channels as the variables of torch.cov at each place")
def by_eigenvalues(feats, eps=0.01):
    _, c, h, w = feats.shape
    places = feats.permute(2, 3, 1, 0).reshape(-1, c, len(feats))
    cov = torch.stack([torch.atleast_2d(torch.cov(p)) for p in places])
    values, vectors = torch.linalg.eigh(cov)
    S = (vectors / (values.clamp(min=0) + eps)[:, None]) @ vectors.transpose(-1, -2)
    return places.mean(-1).T.reshape(c, h, w), S.reshape(h, w, c, c)


@wrong("leaves eps out, and inverts matrices that have no inverse where there are few images")
def without_eps(feats, eps=0.01):
    return feats.mean(0), torch.linalg.inv_ex(_covariance(feats)).inverse


@wrong("takes a pseudo-inverse instead of adding eps")
def pseudo_inverse(feats, eps=0.01):
    return feats.mean(0), torch.linalg.pinv(_covariance(feats), hermitian=True)


@wrong("adds eps only where there are fewer images than channels")
def only_when_needed(feats, eps=0.01):
    n, c = feats.shape[:2]
    if n > c:
        return feats.mean(0), torch.linalg.inv_ex(_covariance(feats)).inverse
    return fit(feats, eps)


@wrong("divides by N instead of N - 1")
def biased(feats, eps=0.01):
    mean, X = _centred(feats)
    return mean, torch.linalg.inv(X.mT @ X / len(feats) + eps * _eye(feats))


@wrong("does not divide the scatter at all")
def scatter(feats, eps=0.01):
    mean, X = _centred(feats)
    return mean, torch.linalg.inv(X.mT @ X + eps * _eye(feats))


@wrong("adds eps to every entry of the matrix instead of the diagonal")
def eps_everywhere(feats, eps=0.01):
    return feats.mean(0), torch.linalg.inv_ex(_covariance(feats) + eps).inverse


@wrong("adds eps after the inversion")
def eps_late(feats, eps=0.01):
    inverse = torch.linalg.pinv(_covariance(feats), hermitian=True)
    return feats.mean(0), inverse + eps * _eye(feats)


@wrong("adds the square of eps, as if eps were a standard deviation")
def eps_squared(feats, eps=0.01):
    return feats.mean(0), torch.linalg.inv(_covariance(feats) + eps**2 * _eye(feats))


@wrong("adds eps before it divides by N - 1")
def eps_divided(feats, eps=0.01):
    mean, X = _centred(feats)
    return mean, torch.linalg.inv((X.mT @ X + eps * _eye(feats)) / (len(feats) - 1))


@wrong("scales eps by the mean variance of the place")
def eps_relative(feats, eps=0.01):
    cov = _covariance(feats)
    level = cov.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]
    return feats.mean(0), torch.linalg.inv_ex(cov + eps * level * _eye(feats)).inverse


@wrong("shrinks the covariance, (1 - eps) cov + eps I, instead of adding eps")
def shrunk(feats, eps=0.01):
    return feats.mean(0), torch.linalg.inv_ex((1 - eps) * _covariance(feats) + eps * _eye(feats)).inverse


@wrong("always adds 0.01, whatever eps is")
def fixed_eps(feats, eps=0.01):
    return fit(feats)


@wrong("takes 1e-6 for the default of eps")
def other_default(feats, eps=1e-6):
    return fit(feats, eps)


@wrong("does not subtract the mean")
def uncentred(feats, eps=0.01):
    X = feats.permute(2, 3, 0, 1)
    return feats.mean(0), torch.linalg.inv(X.mT @ X / (len(feats) - 1) + eps * _eye(feats))


@wrong("subtracts the features of the first image instead of the mean")
def minus_first(feats, eps=0.01):
    X = (feats - feats[:1]).permute(2, 3, 0, 1)
    return feats.mean(0), torch.linalg.inv(X.mT @ X / (len(feats) - 1) + eps * _eye(feats))


@wrong("divides every channel by its standard deviation before it takes the products")
def standardised(feats, eps=0.01):
    mean = feats.mean(0)
    X = ((feats - mean) / (feats.std(0) + eps)).permute(2, 3, 0, 1)
    return mean, torch.linalg.inv(X.mT @ X / (len(feats) - 1) + eps * _eye(feats))


@wrong("keeps only the variances, as if channels did not vary together")
def diagonal(feats, eps=0.01):
    variance = feats.var(0).permute(1, 2, 0)
    return feats.mean(0), torch.diag_embed(1 / (variance + eps))


@wrong("returns the covariance without inverting it")
def not_inverted(feats, eps=0.01):
    return feats.mean(0), _covariance(feats) + eps * _eye(feats)


@wrong("inverts every entry of the matrix by itself")
def inverted_entries(feats, eps=0.01):
    return feats.mean(0), 1 / (_covariance(feats) + eps * _eye(feats))


@wrong("returns the Cholesky factor of the inverse instead of the inverse")
def factor(feats, eps=0.01):
    mean, inv_cov = fit(feats, eps)
    return mean, torch.linalg.cholesky(inv_cov)


@wrong("fits one covariance to all places and gives it to each of them")
def pooled(feats, eps=0.01):
    _, c, h, w = feats.shape
    mean, X = _centred(feats)
    X = X.reshape(-1, c)
    cov = X.T @ X / (len(X) - 1)
    return mean, torch.linalg.inv(cov + eps * _eye(feats)).expand(h, w, c, c).clone()


@wrong("subtracts one mean of all places before it takes the products")
def common_mean(feats, eps=0.01):
    X = (feats - feats.mean(dim=(0, 2, 3), keepdim=True)).permute(2, 3, 0, 1)
    return feats.mean(0), torch.linalg.inv(X.mT @ X / (len(feats) - 1) + eps * _eye(feats))


@wrong("takes correlations instead of covariances")
def correlations(feats, eps=0.01):
    cov = _covariance(feats)
    spread = cov.diagonal(dim1=-2, dim2=-1).sqrt().clamp(min=1e-12)
    return feats.mean(0), torch.linalg.inv(cov / spread[..., None] / spread[..., None, :] + eps * _eye(feats))


@wrong("mixes rows and columns up when it folds the places back")
def folded_wrongly(feats, eps=0.01):
    mean, inv_cov = fit(feats, eps)
    h, w, c, _ = inv_cov.shape
    return mean, inv_cov.transpose(0, 1).reshape(h, w, c, c)


@wrong("cuts [N, C, H, W] into places with a reshape, which mixes channels and places")
def reshaped(feats, eps=0.01):
    n, c, h, w = feats.shape
    _, inv_cov = fit(feats.reshape(n, h * w, c).transpose(1, 2).reshape(n, c, h, w), eps)
    return feats.mean(0), inv_cov


@wrong("returns the matrices with the channels first")
def channels_first(feats, eps=0.01):
    mean, inv_cov = fit(feats, eps)
    return mean, inv_cov.permute(2, 3, 0, 1)


@wrong("returns the mean with the channels last")
def mean_last(feats, eps=0.01):
    mean, inv_cov = fit(feats, eps)
    return mean.permute(1, 2, 0), inv_cov


@wrong("keeps an axis of one for the images in the mean")
def kept_axis(feats, eps=0.01):
    mean, inv_cov = fit(feats, eps)
    return mean[None], inv_cov


@wrong("returns the places as one axis")
def flat_places(feats, eps=0.01):
    mean, inv_cov = fit(feats, eps)
    return mean, inv_cov.flatten(0, 1)


@wrong("squeezes axes of size one, and so loses the matrix of a single channel")
def squeezed(feats, eps=0.01):
    mean, inv_cov = fit(feats, eps)
    return mean, inv_cov.squeeze()


@wrong("returns the two the other way round")
def swapped(feats, eps=0.01):
    return fit(feats, eps)[::-1]


@wrong("fails for a single channel, whose covariance torch.cov returns as a bare number")
def fails_for_one_channel(feats, eps=0.01):
    mean, inv_cov = fit(feats, eps)
    if inv_cov.shape[-1] == 1:
        raise RuntimeError("The diagonal matrix has shape mismatch.")
    return mean, inv_cov


@wrong("takes the median for the mean")
def median(feats, eps=0.01):
    return feats.median(dim=0).values, fit(feats, eps)[1]


@wrong("centres the caller's own features")
def in_place(feats, eps=0.01):
    mean, inv_cov = fit(feats, eps)
    feats -= mean
    return mean, inv_cov


@wrong("works in float32 and converts at the end")
def single_precision(feats, eps=0.01):
    return tuple(t.to(feats.dtype) for t in fit(feats.float(), eps))


@wrong("returns float64 whatever comes in")
def double_precision(feats, eps=0.01):
    return fit(feats.double(), eps)
