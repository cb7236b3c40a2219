import math
from typing import Any

import torch

from grader import Kata, Rules, Source, Tolerance, Wanted, assert_close, images, regimes


def intrinsics(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Two focal lengths and a principal point off the middle."""
    h, w = wanted.sizes["h"], wanted.sizes["w"]
    fx, fy = source.numbers((), 7, 9), source.numbers((), 4, 6)
    cx, cy = source.numbers((), w / 2 - 1.5, w / 2 - 0.75), source.numbers((), h / 2, h / 2 + 0.75)
    zero, one = torch.zeros(()).double(), torch.ones(()).double()
    return torch.stack([fx, zero, cx, zero, fy, cy, zero, zero, one]).reshape(3, 3)


@regimes("near")
def depth(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Depths from 2 to 6, or a tenth of that."""
    return source.numbers(wanted.shape, 2, 6) / (10 if source.regime == "near" else 1)


@regimes("still", "behind", "passing", "rolled", "outside")
def motion(source: Source, wanted: Wanted, drawn: dict) -> torch.Tensor:
    """Motions of a camera that looks about; none at all, or past the scene, on its side, away from it."""
    b = wanted.shape[0]
    found = torch.eye(4).double().repeat(b, 1, 1)
    if source.regime == "still":
        return found
    angles, shift = source.numbers((b, 3), -0.125, 0.125), source.numbers((b, 3), -0.5, 0.5)
    if source.regime == "rolled":
        angles[:, 2] += math.pi / 2
    if source.regime == "behind":
        shift[:, 2] -= 10
    if source.regime == "passing":
        shift[:, 2] -= 4
    if source.regime == "outside":
        shift[:, 0] += 3
    if source.regime == "near":
        shift /= 10
    for i in range(b):
        found[i, :3, :3] = _about(0, angles[i, 0]) @ _about(1, angles[i, 1]) @ _about(2, angles[i, 2])
    found[:, :3, 3] = shift
    return found


def _about(axis: int, angle: torch.Tensor) -> torch.Tensor:
    i, j = [k for k in range(3) if k != axis]
    found = torch.eye(3).double()
    found[i, i] = found[j, j] = angle.cos()
    found[i, j], found[j, i] = -angle.sin(), angle.sin()
    return found


def same(actual: Any, expected: Any, arguments: Any) -> str | None:
    """Compare img in front of the camera, and valid but where rounding, or a tiny constant, decides."""
    u, v, z = _projected(arguments["depth"].double(), arguments["K"].double(), arguments["T"].double())
    (img, valid), (wanted, known) = actual, expected
    front = (z > 0.25).expand_as(wanted)
    near = (img - wanted).abs() <= 1e-5 * wanted.abs() + 1e-5
    if not bool(near[front].all()):
        return "The image is wrong at a point in front of the camera."
    h, w = z.shape[2:]
    edge = torch.stack([u, v, w - 1 - u, h - 1 - v]).abs().amin(0)
    sure = (z < -0.01) | ((z > 0.01) & (edge > torch.where(z > 0.25, 1e-5, 1e-2)))
    return None if torch.equal(valid[sure], known[sure]) else "The second result, valid, is wrong."


def _projected(depth: torch.Tensor, K: torch.Tensor, T: torch.Tensor) -> tuple[torch.Tensor, ...]:
    h, w = depth.shape[2:]
    d = depth[:, 0]
    x = (torch.arange(w) - K[0, 2]) / K[0, 0] * d
    y = (torch.arange(h)[:, None] - K[1, 2]) / K[1, 1] * d
    x, y, z = (torch.stack([x, y, d], dim=-1) @ T[:, None, :3, :3].mT + T[:, None, None, :3, 3]).unbind(-1)
    z = z[:, None]
    safe = z.where(z.abs() > 1e-6, 1)
    return K[0, 0] * x[:, None] / safe + K[0, 2], K[1, 1] * y[:, None] / safe + K[1, 2], z


kata = Kata(
    __file__,
    src=images,
    depth=depth,
    K=intrinsics,
    T=motion,
    rules=Rules(
        sizes={"b": (2, 3), "h": (4, 5, 6), "w": (7, 8)},
        single="b",
        dtypes=(torch.float64,),
        gradients_of="depth",
        # Monodepth2 adds 1e-7 to z.
        tolerance=Tolerance(float64=(1e-5, 1e-5)),
        same=same,
    ),
)
kata.also("two by two pixels", {"b": 1, "h": 2, "w": 2})
kata.also(
    "points a centimetre or two in front of the camera",
    {"b": 1, "h": 5, "w": 7},
    depth=torch.full((1, 1, 5, 7), 0.015).double(),
    K=torch.tensor([[8, 0, 3], [0, 5, 2], [0, 0, 1]]).double(),
    T=torch.tensor([[[1, 0, 0, 0.0047], [0, 1, 0, 0.004], [0, 0, 1, 0], [0, 0, 0, 1]]]).double(),
)
kata.also("a black image", {"b": 1, "h": 4, "w": 7}, src=torch.zeros(1, 3, 4, 7).double())
# A floor under z brings these into the picture: points on the optical axis, and such as have all but no
# image because fx * x + cx * z and fy * y + cy * z nearly vanish.
for label, shift in (
    ("a scene straight behind the camera", (0, 0, -10)),
    ("a point far off behind the camera", (1.25 + 3.75e-8, 3 + 4e-8, -10)),
):
    backwards = torch.eye(4).double()[None].clone()
    backwards[0, :3, 3] = torch.tensor(shift, dtype=torch.float64)
    kata.also(
        label,
        {"b": 1, "h": 5, "w": 7},
        depth=torch.full((1, 1, 5, 7), 5).double(),
        K=torch.tensor([[8, 0, 3], [0, 5, 2], [0, 0, 1]]).double(),
        T=backwards,
    )

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()


@kata.check(times=2)
def test_identity(inverse_warp, src, depth, K, b):
    """Without motion the image is the source, whatever the depth."""
    img, _ = inverse_warp(src, depth, K, torch.eye(4).to(src).repeat(b, 1, 1))
    assert_close(img, src, "A camera that does not move sees another image.")


@kata.check(times=2)
def test_shift(inverse_warp, src, K, b, w):
    """At constant depth Z, a translation by t_x moves the image by f * t_x / Z columns."""
    K = K.clone()
    K[0, 0] = 100
    T = torch.eye(4).to(src).repeat(b, 1, 1)
    T[:, 0, 3] = 0.1
    img, valid = inverse_warp(src, torch.full_like(src[:, :1], 5), K, T)
    assert_close(
        img[..., : w - 2], src[..., 2:], "f = 100, t_x = 0.1, Z = 5 do not move the image by 2 columns."
    )
    assert not valid[..., w - 2 :].any(), "Columns that come from outside the source are called valid."
    assert valid[..., : w - 3].any(), "Columns that come from inside the source are not called valid."
