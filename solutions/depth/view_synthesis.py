"""View synthesis: see the source image from the target camera.

Self-supervised depth is trained by this warp: if depth and motion are right, the source image, sampled
where the target's pixels project to, looks like the target image. Per pixel (u, v) of the target:

    back-project   X = depth[v, u] * K^-1 (u, v, 1)     a point in the target camera's coordinates
    move           (x, y, z) = R X + t                  the same point in the source camera's
    project        u' = fx * x / z + cx,  v' = fy * y / z + cy
    sample         img[:, v, u] = src at column u', row v'

    src    [B, 3, H, W]     depth  [B, 1, H, W], positive, of the target view
    K      [3, 3]           ((fx, 0, cx), (0, fy, cy), (0, 0, 1)), one for both cameras and all images
    T      [B, 4, 4]        (R, t) over (0, 0, 0, 1): takes target coordinates to source coordinates
    img    [B, 3, H, W]     valid  [B, 1, H, W] bool

* Pixel centres have whole coordinates: u = 0 ... W-1 is the column, v = 0 ... H-1 the row.
* depth is z, along the optical axis, and not the length of the ray. z points forward, x right, y down.
* Sampling is bilinear, with zeros beyond the image: within a pixel outside it fades to 0, further out it
  is 0. That is grid_sample with align_corners=True and padding_mode="zeros". Do not mask img by valid.
* valid says where z > 0 and (u', v') lies in [0, W-1] x [0, H-1]. Exactly on that border, where rounding
  decides, both answers are accepted.
* Where z <= 0 the point is behind the source camera: valid is False, and img may hold anything.
* H and W are at least 2. All floating-point arguments have one dtype, float32 or float64, and img has it
  too. Inputs stay as they are. Gradients flow from img to depth.

Example: fx = 100, depth 5 everywhere, R = identity, t = (0.1, 0, 0): u' = u + 100 * 0.1 / 5 = u + 2.
img is src moved two columns to the left, the last two columns are 0, and valid is False there.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from grader import right, wrong

LEVEL = 4
MINUTES = 40
HINTS = (
    "Flatten the H x W pixels into columns of one matrix: then every step but the division is a matrix "
    "product, and broadcasting takes care of the batch.",
    "Pixels (u, v, 1) as [3, H*W], rays as [3, H*W], points as [B, 3, H*W]. grid_sample wants (x, y) in the "
    "last axis, with -1 and 1 for the centres of the first and the last pixel.",
    "rays: inverse of K times pixels; times depth; R times that plus t; K times that; divide by the third "
    "row, but put something harmless where it is not positive. Scale by 2 / (W - 1) and 2 / (H - 1), less 1. "
    "valid compares the coordinates in pixels, and the sign of the third row.",
)


def inverse_warp(
    src: Float[Tensor, "b 3 h w"],
    depth: Float[Tensor, "b 1 h w"],
    K: Float[Tensor, "3 3"],
    T: Float[Tensor, "b 4 4"],
) -> tuple[Float[Tensor, "b 3 h w"], Bool[Tensor, "b 1 h w"]]:
    """Return src as the target camera sees it, and where that is known."""
    points = _backproject(depth, K)
    u, v, z = _project(T[:, :3, :3] @ points + T[:, :3, 3:], K, depth.shape)
    return _sample(src, u, v), _inside(u, v, z)


def _backproject(depth, K):
    h, w = depth.shape[2:]
    v, u = torch.meshgrid(torch.arange(h).to(depth), torch.arange(w).to(depth), indexing="ij")
    rays = K.inverse() @ torch.stack([u, v, torch.ones_like(u)]).flatten(1)  # 3 h*w, with z = 1
    return rays * depth.flatten(2)  # b 3 h*w


def _project(points, K, shape):
    x, y, z = (K @ points).unbind(1)
    front = z.where(z > 0, 1)  # behind the camera any finite number will do
    return [t.reshape(shape) for t in (x / front, y / front, z)]


def _sample(src, u, v, **how):
    h, w = src.shape[2:]
    grid = torch.cat([2 * u / (w - 1) - 1, 2 * v / (h - 1) - 1], dim=1)  # b 2 h w
    return F.grid_sample(src, grid.permute(0, 2, 3, 1), **{"align_corners": True, **how})


def _inside(u, v, z):
    h, w = u.shape[2:]
    return (z > 0) & (u >= 0) & (u <= w - 1) & (v >= 0) & (v <= h - 1)


@right("with 4x4 matrices and a tiny constant under the division, as in Monodepth2")
def homogeneous(src, depth, K, T):
    B, _, H, W = src.shape
    K4 = torch.eye(4, dtype=K.dtype)
    K4[:3, :3] = K
    ys, xs = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    pix = torch.stack([xs.reshape(-1), ys.reshape(-1), torch.ones(H * W)]).to(src.dtype)
    cam = torch.matmul(torch.linalg.inv(K), pix).unsqueeze(0) * depth.view(B, 1, -1)
    cam = torch.cat([cam, torch.ones(B, 1, H * W, dtype=src.dtype)], 1)
    P = torch.matmul(K4, T)[:, :3, :]
    p = torch.matmul(P, cam)
    xy = p[:, :2] / (p[:, 2:3] + 1e-7)
    xy = xy.view(B, 2, H, W).permute(0, 2, 3, 1)
    grid = (xy / torch.tensor([W - 1, H - 1]) - 0.5) * 2
    img = F.grid_sample(src, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
    valid = (grid.abs() <= 1).all(-1) & (p[:, 2] > 0).view(B, H, W)
    return img, valid.unsqueeze(1)


@right("with the formulas of the pinhole camera and four gathered corners")
def gathered(src, depth, K, T):
    B, C, H, W = src.shape
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    u = torch.arange(W, dtype=src.dtype).expand(B, H, W)
    v = torch.arange(H, dtype=src.dtype)[:, None].expand(B, H, W)
    d = depth[:, 0]
    X = torch.stack([(u - cx) / fx * d, (v - cy) / fy * d, d], dim=-1)
    x, y, z = (torch.einsum("bij,bhwj->bhwi", T[:, :3, :3], X) + T[:, None, None, :3, 3]).unbind(-1)
    safe = z.clamp(min=1e-6)
    a, b = (fx * x / safe + cx).clamp(-9, W + 9), (fy * y / safe + cy).clamp(-9, H + 9)
    img = torch.zeros_like(src)
    flat = src.flatten(2)
    for di in (0, 1):
        for dj in (0, 1):
            i, j = b.detach().floor().long() + di, a.detach().floor().long() + dj
            weight = (1 - (a - j).abs()) * (1 - (b - i).abs())
            here = (i >= 0) & (i < H) & (j >= 0) & (j < W)
            at = (i.clamp(0, H - 1) * W + j.clamp(0, W - 1)).view(B, 1, -1).expand(B, C, H * W)
            img = img + flat.gather(2, at).view(B, C, H, W) * (weight * here)[:, None]
    inside = (a >= 0) & (a <= W - 1) & (b >= 0) & (b <= H - 1) & (z > 0)
    return img, inside[:, None]


@right("with a loop over the images, as a list")
def image_by_image(src, depth, K, T):
    h, w = src.shape[-2:]
    images, masks = [], []
    for s, d, M in zip(src, depth[:, 0], T):
        v, u = torch.meshgrid(torch.arange(h, dtype=s.dtype), torch.arange(w, dtype=s.dtype), indexing="ij")
        rays = torch.linalg.solve(K, torch.stack([u, v, torch.ones_like(u)]).reshape(3, -1))
        moved = M[:3, :3] @ (rays * d.reshape(1, -1)) + M[:3, 3:4]
        z = moved[2].reshape(h, w)
        q = K @ moved / moved[2]
        x, y = q[0].reshape(h, w), q[1].reshape(h, w)
        x, y = (
            torch.where(z > 0, x, torch.tensor(-5.0).to(x)),
            torch.where(z > 0, y, torch.tensor(-5.0).to(y)),
        )
        grid = torch.stack((x / (w - 1) * 2 - 1, y / (h - 1) * 2 - 1), dim=-1)
        images.append(F.grid_sample(s[None], grid[None], align_corners=True)[0])
        masks.append((z > 0) & (x >= 0) & (y >= 0) & (x <= w - 1) & (y <= h - 1))
    return [torch.stack(images), torch.stack(masks).unsqueeze(1)]


@right("with hat functions of the distance to every pixel")
def hats(src, depth, K, T):
    points = _backproject(depth, K)
    u, v, z = _project(T[:, :3, :3] @ points + T[:, :3, 3:], K, depth.shape)
    h, w = src.shape[2:]
    along = torch.relu(1 - (u[:, 0, ..., None] - torch.arange(w).to(u)).abs())  # b h w w
    down = torch.relu(1 - (v[:, 0, ..., None] - torch.arange(h).to(v)).abs())  # b h w h
    return torch.einsum("bcij,bhwi,bhwj->bchw", src, down, along), _inside(u, v, z)


@wrong("applies the inverse of T, and so moves the wrong way")
def inverse_motion(src, depth, K, T):
    return inverse_warp(src, depth, K, torch.linalg.inv(T))


@wrong("transposes the rotation")
def transposed_rotation(src, depth, K, T):
    turned = T.clone()
    turned[:, :3, :3] = T[:, :3, :3].mT
    return inverse_warp(src, depth, K, turned)


@wrong("translates before it rotates")
def translated_first(src, depth, K, T):
    points = _backproject(depth, K)
    u, v, z = _project(T[:, :3, :3] @ (points + T[:, :3, 3:]), K, depth.shape)
    return _sample(src, u, v), _inside(u, v, z)


@wrong("forgets the translation")
def without_translation(src, depth, K, T):
    u, v, z = _project(T[:, :3, :3] @ _backproject(depth, K), K, depth.shape)
    return _sample(src, u, v), _inside(u, v, z)


@wrong("forgets the rotation")
def without_rotation(src, depth, K, T):
    u, v, z = _project(_backproject(depth, K) + T[:, :3, 3:], K, depth.shape)
    return _sample(src, u, v), _inside(u, v, z)


@wrong("moves every image of the batch by the first T")
def first_motion(src, depth, K, T):
    return inverse_warp(src, depth, K, T[:1].expand_as(T))


@wrong("takes depth for the length of the ray instead of z")
def along_the_ray(src, depth, K, T):
    points = _backproject(depth, K) / _backproject(torch.ones_like(depth), K).norm(dim=1, keepdim=True)
    u, v, z = _project(T[:, :3, :3] @ points + T[:, :3, 3:], K, depth.shape)
    return _sample(src, u, v), _inside(u, v, z)


@wrong("takes the transpose of K for its inverse")
def transposed_intrinsics(src, depth, K, T):
    h, w = depth.shape[2:]
    v, u = torch.meshgrid(torch.arange(h).to(depth), torch.arange(w).to(depth), indexing="ij")
    points = K.mT @ torch.stack([u, v, torch.ones_like(u)]).flatten(1) * depth.flatten(2)
    u, v, z = _project(T[:, :3, :3] @ points + T[:, :3, 3:], K, depth.shape)
    return _sample(src, u, v), _inside(u, v, z)


@wrong("ignores the principal point, as if it were at the first pixel")
def without_centre(src, depth, K, T):
    return inverse_warp(src, depth, torch.diag(K.diagonal()), T)


@wrong("uses fx for both axes")
def one_focal_length(src, depth, K, T):
    square = K.clone()
    square[1, 1] = K[0, 0]
    return inverse_warp(src, depth, square, T)


@wrong("does not divide by z, and so ignores perspective")
def without_division(src, depth, K, T):
    points = T[:, :3, :3] @ _backproject(depth, K) + T[:, :3, 3:]
    x, y, z = (K @ points).reshape(len(src), 3, *src.shape[2:]).split(1, dim=1)
    return _sample(src, x / depth, y / depth), _inside(x / depth, y / depth, z)


@wrong("exchanges rows and columns in the grid of samples")
def exchanged_axes(src, depth, K, T):
    points = _backproject(depth, K)
    u, v, z = _project(T[:, :3, :3] @ points + T[:, :3, 3:], K, depth.shape)
    h, w = src.shape[2:]
    grid = torch.cat([2 * v / (h - 1) - 1, 2 * u / (w - 1) - 1], dim=1).permute(0, 2, 3, 1)
    return F.grid_sample(src, grid, align_corners=True), _inside(u, v, z)


@wrong("takes pixel centres for half coordinates when it back-projects")
def half_pixels(src, depth, K, T):
    moved = K.clone()
    moved[:2, 2] -= 0.5
    points = _backproject(depth, moved)
    u, v, z = _project(T[:, :3, :3] @ points + T[:, :3, 3:], K, depth.shape)
    return _sample(src, u, v), _inside(u, v, z)


def _warped(src, depth, K, T, **how):
    points = _backproject(depth, K)
    u, v, z = _project(T[:, :3, :3] @ points + T[:, :3, 3:], K, depth.shape)
    return _sample(src, u, v, **how), _inside(u, v, z)


@wrong("samples with align_corners=False on a grid that was scaled for True")
def unaligned(src, depth, K, T):
    return _warped(src, depth, K, T, align_corners=False)


@wrong("repeats the border beyond the image instead of zeros")
def border(src, depth, K, T):
    return _warped(src, depth, K, T, padding_mode="border")


@wrong("takes the nearest pixel instead of interpolating")
def nearest(src, depth, K, T):
    return _warped(src, depth, K, T, mode="nearest")


@wrong("scales the grid by W and H instead of W - 1 and H - 1")
def scaled_by_size(src, depth, K, T):
    points = _backproject(depth, K)
    u, v, z = _project(T[:, :3, :3] @ points + T[:, :3, 3:], K, depth.shape)
    h, w = src.shape[2:]
    return _sample(src, u * (w - 1) / w, v * (h - 1) / h), _inside(u, v, z)


@wrong("sets img to zero wherever valid is False, so that nothing fades out at the border")
def masked(src, depth, K, T):
    img, valid = inverse_warp(src, depth, K, T)
    return img * valid, valid


@wrong("calls points behind the camera valid when their mirror image falls into the picture")
def mirrored(src, depth, K, T):
    points = T[:, :3, :3] @ _backproject(depth, K) + T[:, :3, 3:]
    x, y, z = (K @ points).reshape(len(src), 3, *src.shape[2:]).split(1, dim=1)
    u, v = x / z, y / z
    return _sample(src, u, v), _inside(u, v, torch.ones_like(z))


@wrong("lifts z to a small positive number first, and then finds every point in front of the camera")
def lifted(src, depth, K, T):
    points = T[:, :3, :3] @ _backproject(depth, K) + T[:, :3, 3:]
    x, y, z = (K @ points).reshape(len(src), 3, *src.shape[2:]).split(1, dim=1)
    z = z.clamp(min=1e-3)
    return _sample(src, x / z, y / z), _inside(x / z, y / z, z)


@wrong("calls points nearer than ten centimetres invalid, where z > 0 is enough")
def not_too_near(src, depth, K, T):
    points = _backproject(depth, K)
    u, v, z = _project(T[:, :3, :3] @ points + T[:, :3, 3:], K, depth.shape)
    return _sample(src, u, v), _inside(u, v, z) & (z > 0.1)


@wrong("drops the sign of z, so that points behind the camera are seen too")
def absolute(src, depth, K, T):
    points = T[:, :3, :3] @ _backproject(depth, K) + T[:, :3, 3:]
    x, y, z = (K @ points).reshape(len(src), 3, *src.shape[2:]).split(1, dim=1)
    u, v, z = x / z.abs(), y / z.abs(), z.abs()
    return _sample(src, u, v), _inside(u, v, z)


@wrong("calls everything in front of the camera valid")
def everything_in_front(src, depth, K, T):
    points = T[:, :3, :3] @ _backproject(depth, K) + T[:, :3, 3:]
    return inverse_warp(src, depth, K, T)[0], points[:, 2:].reshape(depth.shape) > 0


@wrong("calls samples up to a pixel outside valid, because a little of the image is left in them")
def touched(src, depth, K, T):
    img, _ = inverse_warp(src, depth, K, T)
    seen, _ = inverse_warp(torch.ones_like(src), depth, K, T)
    points = T[:, :3, :3] @ _backproject(depth, K) + T[:, :3, 3:]
    return img, (seen[:, :1] > 0) & (points[:, 2:].reshape(depth.shape) > 0)


@wrong("lets valid reach to W and H instead of W - 1 and H - 1")
def too_wide(src, depth, K, T):
    points = _backproject(depth, K)
    u, v, z = _project(T[:, :3, :3] @ points + T[:, :3, 3:], K, depth.shape)
    h, w = src.shape[2:]
    return _sample(src, u, v), (z > 0) & (u >= 0) & (u <= w) & (v >= 0) & (v <= h)


@wrong("adds a constant to z that is not small beside a depth")
def padded_z(src, depth, K, T):
    x, y, z = (K @ (T[:, :3, :3] @ _backproject(depth, K) + T[:, :3, 3:])).unbind(1)
    front = z.where(z > 0, 1) + 1e-3
    u, v, z = (t.reshape(depth.shape) for t in (x / front, y / front, z))
    return _sample(src, u, v), _inside(u, v, z)


@wrong("takes the depth out of the graph")
def detached(src, depth, K, T):
    return inverse_warp(src, depth.detach(), K, T)


@wrong("keeps the division by z out of the graph")
def detached_division(src, depth, K, T):
    x, y, z = (K @ (T[:, :3, :3] @ _backproject(depth, K) + T[:, :3, 3:])).unbind(1)
    front = z.where(z > 0, 1).detach()
    u, v = (x / front).reshape(depth.shape), (y / front).reshape(depth.shape)
    return _sample(src, u, v), _inside(u, v, z.reshape(depth.shape))


@wrong("returns valid without its channel axis")
def without_channel(src, depth, K, T):
    img, valid = inverse_warp(src, depth, K, T)
    return img, valid[:, 0]


@wrong("returns valid as numbers")
def as_numbers(src, depth, K, T):
    img, valid = inverse_warp(src, depth, K, T)
    return img, valid.to(img.dtype)


@wrong("returns only the image")
def only_image(src, depth, K, T):
    return inverse_warp(src, depth, K, T)[0]


@wrong("clears the pixels without depth in the caller's own src")
def in_place(src, depth, K, T):
    img, valid = inverse_warp(src, depth, K, T)
    src[~valid.expand_as(src)] = 0
    return img, valid


@wrong("computes in single precision whatever comes in")
def single_precision(src, depth, K, T):
    return inverse_warp(src.float(), depth.float(), K.float(), T.float())
