"""Depth: from disparity, from a ray, and how wrong it is."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from grader.model import Question
from grader.questions.generated.form import equals, generator, listed, number, require, text


@generator("depth", level=1, skills=("numerics",))
def depth_from_disparity(rng: Random) -> Question:
    """Depth from focal length, baseline and disparity."""
    focal, baseline = rng.randrange(400, 1001, 50), Fraction(rng.choice((10, 12, 20, 25, 40, 50)), 100)
    disparity = rng.choice((4, 5, 8, 10, 16, 20, 25))
    value = focal * baseline / disparity
    return number(
        f"A rectified stereo rig has a focal length of {focal} px and a baseline of {text(baseline)} m. A "
        "point "
        f"has a disparity of {disparity} px. How deep is it (z), in metres? To two decimals.",
        value,
        why=(
            "Z = f·B / d.",
            f"{focal}·{text(baseline)} = {text(focal * baseline)}, divided by {disparity}: "
            f"Z {equals(value, 2)} m.",
        ),
        places=2,
        unit="m",
        slips=(focal * disparity * baseline, disparity / (focal * baseline), Fraction(focal, disparity)),
    )


@generator("depth", level=2, skills=("numerics", "trade-offs"))
def disparity_slip(rng: Random) -> Question:
    """How much an error of one pixel in the disparity costs in depth."""
    product, disparity = rng.choice((60, 90, 120, 180, 240, 360)), rng.choice((3, 4, 5, 6, 9, 10, 12))
    off = rng.choice((1, 2))
    require(disparity - off >= 2)
    true, wrong = Fraction(product, disparity), Fraction(product, disparity - off)
    return number(
        f"A stereo rig has f·B = {product} px·m. The true disparity of a point is {disparity} px; the "
        "matcher "
        f"finds {disparity - off} px. By how many metres is the depth too large? To two decimals.",
        wrong - true,
        why=(
            f"True depth: {product} / {disparity} {equals(true, 2)} m.",
            f"Estimated: {product} / {disparity - off} {equals(wrong, 2)} m.",
            f"Too large by {product}·(1/{disparity - off} − 1/{disparity}) {equals(wrong - true, 2)} m; the "
            "error grows with Z².",
        ),
        places=2,
        unit="m",
        slips=(Fraction(product, off), true - Fraction(product, disparity + off), off, wrong),
    )


@generator("depth", level=1, skills=("metric", "data"))
def absolute_relative_error(rng: Random) -> Question:
    """AbsRel over the pixels that have a ground truth."""
    truth = [rng.choice((2, 4, 5, 8, 10, 16, 20)) for _ in range(4)]
    guess = [t + rng.choice((-2, -1, 1, 2, 3)) for t in truth]
    hole = rng.randrange(5)
    truth.insert(hole, 0)
    guess.insert(hole, rng.randint(3, 12))
    valid = [(g, t) for g, t in zip(guess, truth, strict=True) if t]
    require(all(g > 0 for g, _ in valid))
    ratios = [Fraction(abs(g - t), t) for g, t in valid]
    value = sum(ratios, Fraction(0)) / len(valid)
    return number(
        f"Ground-truth depths of five pixels are {listed(truth)} m, where 0 means no measurement. Predicted: "
        f"{listed(guess)} m. What is the mean absolute relative error (AbsRel)? To three decimals.",
        value,
        why=(
            f"Pixel {hole + 1} has no measurement and is left out: {len(valid)} pixels count.",
            "Each error is divided by the true depth: "
            + ", ".join(f"{abs(g - t)}/{t}" for g, t in valid)
            + ".",
            f"Mean: ({' + '.join(text(r) for r in ratios)}) / {len(valid)} {equals(value)}.",
        ),
        places=3,
        slips=(
            value * 4 / 5,
            sum(Fraction(abs(g - t), g) for g, t in valid) / 4,
            sum(Fraction(g - t, t) for g, t in valid) / 4,
            Fraction(sum(abs(g - t) for g, t in valid), sum(t for _, t in valid)),
            Fraction(sum(abs(g - t) for g, t in valid), 4),
        ),
    )


@generator("depth", level=1, skills=("metric",))
def delta_accuracy(rng: Random) -> Question:
    """The share of pixels whose ratio to the truth stays below 1.25."""
    truth = [rng.choice((4, 5, 8, 10, 12, 16, 20)) for _ in range(5)]
    guess = [max(1, t * rng.choice((60, 75, 78, 85, 110, 120, 130, 150)) // 100) for t in truth]
    bound = Fraction(5, 4)
    ratios = [max(Fraction(g, t), Fraction(t, g)) for g, t in zip(guess, truth, strict=True)]
    inside = sum(r < bound for r in ratios)
    require(all(r != bound for r in ratios) and 0 < inside < 5)
    oneway = sum(Fraction(g, t) < bound for g, t in zip(guess, truth, strict=True))
    return number(
        f"True depths are {listed(truth)} m, predicted depths are {listed(guess)} m. What share of the "
        "pixels "
        "has δ = max(predicted / true, true / predicted) < 1.25? Give a number between 0 and 1.",
        Fraction(inside, 5),
        why=(
            "δ takes the larger of the two ratios, so it is never below 1.",
            f"Here: {', '.join(text(r, 2) for r in ratios)} (to two decimals).",
            f"{inside} of 5 are below 1.25: {text(Fraction(inside, 5))}."
            + (" Guesses that are too near count as well." if oneway != inside else ""),
        ),
    )


@generator("depth", level=2, skills=("metric", "numerics"))
def median_scaling(rng: Random) -> Question:
    """The error that is left after a monocular prediction is scaled by the medians."""
    truth = [rng.choice((4, 6, 8, 10, 12, 15, 18, 20, 24, 30)) for _ in range(5)]
    guess = [rng.randint(1, 9) for _ in range(5)]
    middle_t, middle_g = sorted(truth)[2], sorted(guess)[2]
    scale = Fraction(middle_t, middle_g)
    pixel = rng.randrange(5)
    scaled = scale * guess[pixel]
    value = abs(scaled - truth[pixel])
    require(scale > 1 and scale.denominator in (1, 2, 4, 5) and value > 0 and len(set(guess)) == 5)
    by_mean = Fraction(sum(truth), sum(guess))
    return number(
        f"A monocular net predicts the relative depths {listed(guess)} where the truth is {listed(truth)} m. "
        "Before evaluation the prediction is multiplied by median(truth) / median(prediction). "
        f"What is then the absolute error of pixel {pixel + 1}, in metres? To two decimals.",
        value,
        why=(
            f"Medians: truth {middle_t}, prediction {middle_g}; the scale is {middle_t} / {middle_g} = "
            f"{text(scale)}.",
            f"Pixel {pixel + 1}: {text(scale)}·{guess[pixel]} = {text(scaled)} m against {truth[pixel]} m.",
            f"Absolute error: {text(value)} m.",
        ),
        places=2,
        unit="m",
        slips=(
            abs(by_mean * guess[pixel] - truth[pixel]),
            abs(guess[pixel] - truth[pixel]),
            abs(guess[pixel] / scale - truth[pixel]),
        ),
    )


@generator("depth", level=2, skills=("numerics",))
def ray_length(rng: Random) -> Question:
    """The distance along the ray that belongs to a depth along the optical axis."""
    sides = rng.choice(((1, 2, 2, 3), (2, 3, 6, 7), (4, 4, 7, 9), (2, 6, 9, 11), (6, 6, 7, 11), (0, 3, 4, 5)))
    *legs, length = sides
    rng.shuffle(legs)
    x, y, z = legs
    require(z > 0)
    focal = z * rng.choice((50, 80, 100))
    across, down = x * focal // z, y * focal // z
    depth = z * rng.randint(1, 4)
    value = Fraction(length * depth, z)
    place_x, place_y = rng.choice((320, 400, 512)), rng.choice((200, 240, 256))
    return number(
        f"A camera has fx = fy = {focal} px and principal point ({place_x}, {place_y}). The depth map "
        "holds z = "
        f"{depth} m at pixel ({place_x + across}, {place_y + down}). How far is the point from the camera's "
        "centre, in metres?",
        value,
        why=(
            f"X = {depth}·{across}/{focal} = {text(Fraction(depth * x, z))} m, "
            f"Y = {depth}·{down}/{focal} = {text(Fraction(depth * y, z))} m, Z = {depth} m.",
            f"Distance: √(X² + Y² + Z²) = {text(value)} m.",
            "A depth map holds z along the optical axis, which is shorter than the ray off the centre.",
        ),
        unit="m",
        slips=(depth,),
    )


@generator("depth", level=2, skills=("numerics", "architecture"))
def sigmoid_to_depth(rng: Random) -> Question:
    """The depth that a sigmoid output stands for when it is a bounded inverse depth."""
    near, far = rng.choice((Fraction(1, 2), Fraction(1), Fraction(2))), rng.choice((5, 10, 20, 50, 100))
    output = Fraction(rng.choice((1, 2, 3, 4, 5, 6, 8)), 10)
    low, high = Fraction(1, far), 1 / near
    inverse = low + (high - low) * output
    value = 1 / inverse
    return number(
        f"A net's sigmoid output s is turned into a depth between {text(near)} m and {far} m: the inverse "
        "depth "
        f"is 1/{far} + (1/{text(near)} − 1/{far})·s, and depth is its reciprocal. What depth does "
        f"s = {text(output)} mean, in metres? To two decimals.",
        value,
        why=(
            f"1/{far} = {text(low)} and 1/{text(near)} = {text(high)}.",
            f"Inverse depth: {text(low)} + {text(high - low)}·{text(output)} = {text(inverse, 4)}.",
            f"Depth: 1 / {text(inverse, 4)} {equals(value, 2)} m. Equal steps of s are equal steps of "
            "inverse depth: finer when near.",
        ),
        places=2,
        unit="m",
        slips=(near + (far - near) * output, 1 / (high * output), inverse, far - (far - near) * output),
    )


@generator("depth", level=3, skills=("loss", "metric"))
def scale_invariant_error(rng: Random) -> Question:
    """The scale-invariant log error from given log differences."""
    shift = Fraction(rng.choice((-3, -2, 2, 3)), 10)
    errors = [shift + Fraction(rng.choice((-3, -2, -1, 0, 1, 2, 3)), 10) for _ in range(4)]
    share = rng.choice((Fraction(1), Fraction(1, 2), Fraction(85, 100)))
    squares = sum((e * e for e in errors), Fraction(0)) / 4
    mean = sum(errors, Fraction(0)) / 4
    value = squares - share * mean**2
    require(len(set(errors)) >= 3 and 0 not in errors and mean != 0 and value > Fraction(1, 50))
    meaning = (
        "With λ = 1 this is the variance: a common factor on all depths costs nothing."
        if share == 1
        else f"With λ = {text(share)} a common factor on all depths still costs something."
    )
    return number(
        f"At four pixels the log differences d = ln(predicted) − ln(true) are {listed(errors)}. What is the "
        f"scale-invariant error mean(d²) − λ·(mean d)² with λ = {text(share)} (no square root)? "
        "To three decimals.",
        value,
        why=(
            f"mean(d²) = ({' + '.join(text(e * e) for e in errors)}) / 4 = {text(squares, 4)}.",
            f"mean d = {text(mean)}, squared {text(mean**2, 6)}.",
            f"{text(squares, 4)} − {text(share)}·{text(mean**2, 6)} {equals(value)}.",
            meaning,
        ),
        places=3,
        slips=(squares, squares - share * abs(mean), 4 * value),
    )


GENERATORS = (
    depth_from_disparity,
    disparity_slip,
    absolute_relative_error,
    delta_accuracy,
    median_scaling,
    ray_length,
    sigmoid_to_depth,
    scale_invariant_error,
)
