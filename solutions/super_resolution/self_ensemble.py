"""Self-ensemble: the mean over eight views of one image.

A network for super-resolution does not treat all directions alike. EDSR+ turns that into a gain at test
time: one network enlarges the eight views of an image, each result is turned back, and the mean of the
eight is usually better than any of them. An ensemble without a second network.

* The eight views of x [B, C, h, w]: x turned by 0, 90, 180 and 270 degrees, and the mirror image of x
  turned by the same four angles. All eight are different; x itself is among them. They are taken in the
  last two axes only: every image of the batch by itself, channels where they are.
* model is an nn.Module that maps [B, C, h, w] to [B, C, s * h, s * w] for images of any height and
  width, with a whole number s of its own, 1 or more. You are not told s.
* result = (1/8) * (sum over the eight views v of the inverse of v, applied to model(v(x))): exactly what
  v has done to x is undone on the enlarged image. The result is [B, C, s * h, s * w], in the dtype of x.
* h and w are at least 2 and may differ. Then four of the views are [B, C, w, h], and all eight cannot be
  stacked into one batch.
* model comes ready, in evaluation mode, and is called as it is. It may be called on several views in one
  batch; an image's result does not depend on the others. Its weights stay as they are, and so does x.
* The results are averaged as they are, also where they leave [0, 1]. No gradient is asked for. All
  tensors are on the CPU.

Example: a model with s = 1 that gives every pixel the value of its right neighbour, and 0 where there is
none. It turns the image [[1, 2, 6], [3, 5, 4]] into [[2, 6, 0], [5, 4, 0]]. Over the eight views each of
the four neighbours has its turn twice, so that every pixel gets a quarter of the sum of its neighbours:
the result is [[1.25, 3, 1.5], [1.5, 2.25, 2.75]].
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from grader import right, wrong

LEVEL = 2
MINUTES = 20
HINTS = (
    "Which operations does torch have to turn an image by 90 degrees, and to mirror it? Over which axes, "
    "when the shape is [B, C, h, w]? What undoes each of them?",
    "First mirror (or not), then turn k times. To undo two steps, undo the last one first: turn back k "
    "times, then mirror (or not).",
    "Loop over k = 0 ... 3 and over mirrored or not: flip the last axis, rot90 by k over the last two axes, "
    "model, rot90 by -k, flip again if it was. Collect eight results and take their mean.",
)


def self_ensemble(model: nn.Module, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c s*h s*w"]:
    """Return the mean of the model's results for the eight views of x, each turned back."""
    results = []
    with torch.no_grad():
        for mirrored in (False, True):
            image = x.flip(-1) if mirrored else x
            for k in range(4):
                result = model(image.rot90(k, (-2, -1))).rot90(-k, (-2, -1))
                results.append(result.flip(-1) if mirrored else result)
    return torch.stack(results).mean(dim=0)


@right("as EDSR does it: all combinations of two flips and a transpose")
def transposed_and_flipped(model, x):
    total = 0
    for t in (False, True):
        for h in (False, True):
            for v in (False, True):
                y = x.transpose(2, 3) if t else x
                y = torch.flip(y, [3]) if h else y
                y = torch.flip(y, [2]) if v else y
                y = model(y).detach()
                y = torch.flip(y, [2]) if v else y
                y = torch.flip(y, [3]) if h else y
                total = total + (y.transpose(2, 3) if t else y)
    return total / 8


@right("with two batches, one for each of the two shapes")
@torch.no_grad()
def two_batches(model, x):
    def four(y):
        out = model(torch.cat([y, y.flip(2), y.flip(3), y.flip(2, 3)]))
        a, b, c, d = out.chunk(4)
        return a + b.flip(2) + c.flip(3) + d.flip(2, 3)

    return (four(x) + four(x.mT).mT) / 8


@right("turning step by step, and mirroring the rows")
def step_by_step(model, x):
    def turned(y):
        return y.transpose(2, 3).flip(2)

    def turned_back(y):
        return y.flip(2).transpose(2, 3)

    found = None
    for mirror in (lambda y: y, lambda y: y.flip(2)):
        view = mirror(x)
        for k in range(4):
            y = model(view).detach()
            for _ in range(k):
                y = turned_back(y)
            y = mirror(y) / 8
            found = y if found is None else found + y
            view = turned(view)
    return found


@right("with pairs of views and their inverses, image by image")
def listed(model, x):
    back = {0: 0, 1: 3, 2: 2, 3: 1}
    model.eval()
    images = []
    for image in x:
        views = [torch.rot90(image, k, [1, 2]) for k in range(4)]
        views += [view.transpose(1, 2) for view in views]
        outs = [model(view.contiguous()[None])[0].detach() for view in views]
        outs = outs[:4] + [out.transpose(1, 2) for out in outs[4:]]
        images.append(sum(torch.rot90(out, back[i % 4], [1, 2]) for i, out in enumerate(outs)) / len(outs))
    return torch.stack(images)


@right("in one batch where the image is square, and view by view where it is not")
def batched_when_square(model, x):
    views = [x.rot90(k, (2, 3)) for k in range(4)]
    views += [view.flip(3) for view in views]
    with torch.inference_mode():
        if x.shape[2] == x.shape[3]:
            outs = model(torch.cat(views)).split(len(x))
        else:
            outs = [model(view) for view in views]
        outs = [out.flip(3) if i > 3 else out for i, out in enumerate(outs)]
        return torch.stack([out.rot90(-i, (2, 3)) for i, out in enumerate(outs)], dim=-1).mean(dim=-1).clone()


def _mean(model, x, views):
    """Return the mean of the results for pairs of a view and what undoes it."""
    with torch.no_grad():
        return torch.stack([undo(model(view(x))) for view, undo in views]).mean(dim=0)


def _turn(k):
    return lambda y: y.rot90(k, (-2, -1))


def _then(*steps):
    def run(y):
        for step in steps:
            y = step(y)
        return y

    return run


def _flip(*axes):
    return lambda y: y.flip(axes)


def _transpose(y):
    return y.mT


def _eight():
    """Return the eight views, each with what undoes it; the last four are mirrored."""
    starts = (_turn(0), _flip(-1))
    return [(_then(start, _turn(k)), _then(_turn(-k), start)) for start in starts for k in range(4)]


@wrong("takes the four turned views only, and no mirror image")
def turned_only(model, x):
    return _mean(model, x, _eight()[:4])


@wrong("takes the four flips only, and never turns by 90 degrees")
def flipped_only(model, x):
    return _mean(model, x, [(_flip(*axes), _flip(*axes)) for axes in ((), (-1,), (-2,), (-2, -1))])


@wrong("takes x and its mirror image only")
def two_views(model, x):
    return _mean(model, x, [_eight()[0], _eight()[4]])


@wrong("leaves x itself out, and averages seven views")
def seven_views(model, x):
    return _mean(model, x, _eight()[1:])


@wrong("counts x itself twice")
def nine_views(model, x):
    return _mean(model, x, [_eight()[0], *_eight()])


@wrong("takes the turns by 90 and 270 degrees of square images only")
def four_when_not_square(model, x):
    return _mean(model, x, _eight() if x.shape[2] == x.shape[3] else _eight()[::2])


@wrong("undoes a transpose and a flip in the order in which it has done them")
def transposed_first(model, x):
    views = []
    for axes in ((), (2,), (3,), (2, 3)):
        views.append((_flip(*axes), _flip(*axes)))
        views.append((_then(_transpose, _flip(*axes)), _then(_transpose, _flip(*axes))))
    return _mean(model, x, views)


@wrong("counts four rotations, three flips and one transpose, where two are the same turn by 180 degrees")
def one_view_twice(model, x):
    flips = [(_flip(*axes), _flip(*axes)) for axes in ((-1,), (-2,), (-2, -1))]
    return _mean(model, x, [*_eight()[:4], *flips, (_transpose, _transpose)])


@wrong("averages the eight results without turning them back")
def not_undone(model, x):
    h, w = x.shape[-2:]
    views = [(view, lambda y: y) for view, _ in _eight()]
    return _mean(model, x, views if h == w else [*views[::2], *views[::2]])


@wrong("turns the results on in the same direction instead of back")
def turned_on(model, x):
    views = [(_then(m, _turn(k)), _then(_turn(k), m)) for m in (_turn(0), _flip(-1)) for k in range(4)]
    return _mean(model, x, views)


@wrong("mirrors back before it turns back, although it has mirrored first")
def undone_in_order(model, x):
    views = [(_then(m, _turn(k)), _then(m, _turn(-k))) for m in (_turn(0), _flip(-1)) for k in range(4)]
    return _mean(model, x, views)


@wrong("turns the results back, but forgets to mirror them back")
def left_mirrored(model, x):
    return _mean(model, x, [(_then(m, _turn(k)), _turn(-k)) for m in (_turn(0), _flip(-1)) for k in range(4)])


@wrong("mirrors the results on the other axis than the views")
def other_axis(model, x):
    views = [(_then(m, _turn(k)), _then(_turn(-k), m)) for m in (_turn(0),) for k in range(4)]
    views += [(_then(_flip(-1), _turn(k)), _then(_turn(-k), _flip(-2))) for k in range(4)]
    return _mean(model, x, views)


@wrong("turns over the first two axes, which is what rot90 does unless told otherwise")
def first_axes(model, x):
    results = []
    with torch.no_grad():
        for k in range(4):
            for mirrored in (False, True):
                view = torch.rot90(x.flip(-1) if mirrored else x, k)
                result = torch.rot90(model(view), -k)
                results.append(result.flip(-1) if mirrored else result)
    return torch.stack(results).mean(0)


@wrong("flips all axes, the batch and the channels too")
def all_axes(model, x):
    views = [_eight()[k] for k in range(4)]
    views += [(_then(_flip(0, 1, 2, 3), _turn(k)), _then(_turn(-k), _flip(0, 1, 2, 3))) for k in range(4)]
    return _mean(model, x, views)


@wrong("mirrors the order of the channels along with the image")
def channels_flipped(model, x):
    views = _eight()[:4]
    views += [(_then(_flip(1, 3), _turn(k)), _then(_turn(-k), _flip(1, 3))) for k in range(4)]
    return _mean(model, x, views)


@wrong("stacks all eight views into one batch, which works for square images only")
def one_batch(model, x):
    with torch.no_grad():
        results = model(torch.cat([view(x) for view, _ in _eight()])).chunk(8)
    return torch.stack([undo(y) for y, (_, undo) in zip(results, _eight())]).mean(0)


@wrong("stacks all eight views and takes the mean over all of that batch, other images included")
def over_the_batch(model, x):
    found = self_ensemble(model, x)
    return found.mean(0, keepdim=True).expand_as(found)


@wrong("fills the image up to a square, so that the model sees a border that is not there")
def padded_to_square(model, x):
    h, w = x.shape[-2:]
    n = max(h, w)
    square = torch.nn.functional.pad(x, (0, n - w, 0, n - h))
    found = self_ensemble(model, square)
    s = found.shape[-1] // n
    return found[..., : s * h, : s * w]


@wrong("lets the model see stretched images, by resizing the turned ones to h x w")
def resized(model, x):
    size = x.shape[-2:]

    def fit(y):
        return torch.nn.functional.interpolate(y, size=size, mode="bilinear", align_corners=False)

    def back(y):
        h, w = y.shape[-2:]
        return torch.nn.functional.interpolate(y, size=(w, h), mode="bilinear", align_corners=False)

    views = [
        (view, undo) if k % 2 == 0 else (_then(view, fit), _then(back, undo))
        for k, (view, undo) in enumerate(_eight())
    ]
    return _mean(model, x, views)


@wrong("expects the result to have the size of x, which is wrong for a model that enlarges")
def size_of_x(model, x):
    total = torch.zeros_like(x)
    with torch.no_grad():
        for view, undo in _eight():
            total += undo(model(view(x)))
    return total / 8


@wrong("averages eight times the same result, because it turns the model's result instead of the image")
def after_the_model(model, x):
    with torch.no_grad():
        y = model(x)
    return torch.stack([undo(view(y)) for view, undo in _eight()]).mean(0)


@wrong("adds the eight results up and does not divide")
def summed(model, x):
    return 8 * self_ensemble(model, x)


@wrong("divides by 4")
def quartered(model, x):
    return 2 * self_ensemble(model, x)


@wrong("takes the median of the eight results")
def median(model, x):
    with torch.no_grad():
        return torch.stack([undo(model(view(x))) for view, undo in _eight()]).median(0).values


@wrong("weighs later views more: each new result is averaged with what has been found so far")
def running(model, x):
    found = None
    with torch.no_grad():
        for view, undo in _eight():
            y = undo(model(view(x)))
            found = y if found is None else (found + y) / 2
    return found


@wrong("clamps each result to [0, 1]")
def clamped(model, x):
    return _mean(model, x, [(view, _then(undo, lambda y: y.clamp(0, 1))) for view, undo in _eight()])


@wrong("clamps the mean to [0, 1]")
def clamped_mean(model, x):
    return self_ensemble(model, x).clamp(0, 1)


@wrong("puts the model into training mode")
def in_training(model, x):
    return self_ensemble(model.train(), x)


@wrong("computes in float32 whatever comes in")
def single_precision(model, x):
    return self_ensemble(model.float(), x.float())


@wrong("returns the eight results side by side")
def unreduced(model, x):
    with torch.no_grad():
        return torch.stack([undo(model(view(x))) for view, undo in _eight()])


@wrong("mirrors the caller's image in place")
def in_place(model, x):
    found = self_ensemble(model, x)
    x.copy_(x.flip(-1))
    return found
