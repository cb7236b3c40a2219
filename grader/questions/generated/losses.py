"""Losses by hand, and the statistics that a normalisation keeps."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from grader.model import Question
from grader.questions.generated.form import equals, generator, listed, number, one, require, text

LN2 = Fraction(693, 1000)


@generator("classification", level=1, skills=("loss",))
def mean_cross_entropy(rng: Random) -> Question:
    """The mean cross-entropy of a batch from the probabilities of the true classes."""
    powers = [rng.choice((1, 1, 2, 2, 3, 4)) for _ in range(rng.choice((3, 4)))]
    require(len(set(powers)) >= 2)
    count = len(powers)
    value = LN2 * sum(powers) / count
    chances = [Fraction(1, 2**power) for power in powers]
    arithmetic = sum(chances, Fraction(0)) / count
    return number(
        f"For a batch of {count} images the softmax gives the true classes the probabilities "
        f"{', '.join(f'1/{2**power}' for power in powers)}. What is the mean cross-entropy, with the natural "
        "logarithm and ln 2 ≈ 0.693? To two decimals.",
        value,
        why=(
            f"−ln(1/2^n) = n·ln 2, so the losses are {listed(powers)} times ln 2.",
            f"Mean: {sum(powers)} / {count}·0.693 {equals(value, 2)}.",
            "The logarithm comes before the mean: averaging the probabilities first gives less.",
        ),
        places=2,
        slips=(LN2 * sum(powers), Fraction(sum(powers), count), arithmetic, 1 - arithmetic),
    )


@generator("classification", level=2, skills=("loss", "training"))
def smoothed_target(rng: Random) -> Question:
    """The target that label smoothing gives the true class in PyTorch."""
    classes = rng.choice((2, 3, 4, 5, 8, 10, 16, 20, 25, 50, 100))
    eps = Fraction(rng.choice((5, 6, 8, 10, 12, 15, 20, 30)), 100)
    value = 1 - eps + eps / classes
    require((value * 1000).denominator == 1)
    return one(
        rng,
        f"`nn.CrossEntropyLoss(label_smoothing={text(eps)})` mixes the one-hot target with the uniform "
        f"distribution over {classes} classes. What target does the true class get?",
        text(value, 4),
        wrong=(
            (
                text(1 - eps, 4),
                "The uniform part covers all classes, the true one included; that is another convention.",
            ),
            (text(1 - eps / classes, 4), "The whole of ε is taken off first, then 1/K of it comes back."),
            (text(eps / classes, 4), "That is what every wrong class gets."),
            (
                text(1 - eps + eps / (classes - 1), 4),
                "The uniform part is shared by all K classes, not by K − 1.",
            ),
        ),
        why=(
            "Target = (1 − ε)·one-hot + ε·uniform.",
            f"True class: (1 − {text(eps)}) + {text(eps)}/{classes} = {text(value, 4)}.",
            f"Every other class: {text(eps)}/{classes} = {text(eps / classes, 4)}; all of them sum to 1.",
        ),
    )


@generator("detection", level=2, skills=("loss", "training"))
def focal_factor(rng: Random) -> Question:
    """The factor by which focal loss scales the cross-entropy of one anchor."""
    chance, gamma = Fraction(rng.choice((1, 2, 3, 4, 6, 7, 8, 9)), 10), rng.choice((1, 2, 2, 3))
    label, alpha = rng.choice((0, 1)), Fraction(rng.choice((25, 25, 40)), 100)
    true = chance if label else 1 - chance
    weight = alpha if label else 1 - alpha

    def said(value: Fraction) -> str:
        return text(value, 6)

    value = weight * (1 - true) ** gamma
    require((value * 10000).denominator == 1)
    return one(
        rng,
        f"An anchor has label {label} and the sigmoid gives p = {text(chance)}. Focal loss with γ = "
        f"{gamma} and "
        f"α = {text(alpha)} (the weight of label 1) multiplies its binary cross-entropy by what factor?",
        said(value),
        wrong=(
            (said((1 - weight) * (1 - true) ** gamma), "α belongs to label 1, and 1 − α to label 0."),
            (said(weight * true**gamma), "The factor is (1 − p_t)^γ: what is already right counts less."),
            (said((1 - true) ** gamma), "The class weight α_t is missing."),
            (said(weight * (1 - true) * gamma), "γ is an exponent, not a factor."),
        ),
        why=(
            f"p_t is the probability of the given label: p_t = {'p' if label else '1 − p'} = {text(true)}.",
            f"α_t = {'α' if label else '1 − α'} = {text(weight)}.",
            f"Factor α_t·(1 − p_t)^γ = {text(weight)}·{text(1 - true)}^{gamma} = {said(value)}.",
        ),
    )


@generator("detection", level=2, skills=("loss", "numerics"))
def smooth_l1(rng: Random) -> Question:
    """Smooth L1 of four box errors on both sides of beta."""
    beta = Fraction(rng.choice((1, 2, 4)), 2)
    errors = [rng.choice((-1, 1)) * Fraction(rng.choice((1, 2, 3, 4, 6, 8, 10)), 4) for _ in range(4)]
    require(any(abs(e) < beta for e in errors) and any(abs(e) > beta for e in errors))

    def loss(error: Fraction) -> Fraction:
        size = abs(error)
        return size * size / (2 * beta) if size < beta else size - beta / 2

    terms = [loss(e) for e in errors]
    value = sum(terms, Fraction(0)) / 4

    def huber(error: Fraction) -> Fraction:
        return error * error / 2 if abs(error) < beta else beta * (abs(error) - beta / 2)

    slips = [sum(terms, Fraction(0)), sum((abs(e) for e in errors), Fraction(0)) / 4]
    slips.append(sum((e * e for e in errors), Fraction(0)) / 4)
    if beta != 1:
        slips.append(sum((huber(e) for e in errors), Fraction(0)) / 4)
    return number(
        f"The four coordinates of a box are off by {listed(errors)}. What does "
        f"`nn.SmoothL1Loss(beta={text(beta)})` give with its default reduction? To three decimals.",
        value,
        why=(
            f"Below β = {text(beta)} a coordinate costs e² / (2β), from there on |e| − β/2.",
            "Terms: "
            + ", ".join(f"{text(abs(e))} → {text(t, 4)}" for e, t in zip(errors, terms, strict=True))
            + ".",
            f"The default is the mean: {text(sum(terms, Fraction(0)), 4)} / 4 {equals(value)}.",
        ),
        places=3,
        slips=slips,
    )


@generator("semantic_segmentation", level=3, skills=("loss", "data"))
def weighted_pixel_loss(rng: Random) -> Question:
    """PyTorch's weighted mean over pixels, one of which is ignored."""
    weights = rng.sample((1, 2, 3, 4, 5), 3)
    labels = [rng.randrange(3) for _ in range(4)]
    labels.insert(rng.randrange(5), 255)
    losses = [Fraction(rng.randint(1, 20), 10) for _ in labels]
    kept = [(weights[c], loss) for c, loss in zip(labels, losses, strict=True) if c != 255]
    require(len(set(labels)) >= 3)
    top, below = sum((w * loss for w, loss in kept), Fraction(0)), sum(w for w, _ in kept)
    return number(
        f"Five pixels have labels {listed(labels)} and unweighted cross-entropies {listed(losses)}. What "
        "does "
        f"`nn.CrossEntropyLoss(weight=torch.tensor([{', '.join(f'{w}.0' for w in weights)}]), "
        "ignore_index=255)` give? To two decimals.",
        top / below,
        why=(
            f"Label 255 is left out. The weights of the other four are {listed(w for w, _ in kept)}.",
            f"Weighted sum: {' + '.join(f'{w}·{text(loss)}' for w, loss in kept)} = {text(top)}.",
            f"PyTorch divides by the sum of the weights, {below}, not by the number of pixels: "
            f"{text(top)} / {below} {equals(top / below, 2)}.",
        ),
        places=2,
        slips=(
            top / 4,
            top / 5,
            sum((loss for _, loss in kept), Fraction(0)) / 4,
            top / sum(weights),
        ),
    )


@generator("classification", level=3, skills=("training", "numerics"))
def running_variance(rng: Random) -> Question:
    """The running variance of batch normalisation after one step."""
    values = [rng.randint(0, 12) for _ in range(rng.choice((4, 5)))]
    count = len(values)
    mean = Fraction(sum(values), count)
    squares = sum(((v - mean) ** 2 for v in values), Fraction(0))
    require(mean.denominator == 1 and squares > 4)
    momentum, old = Fraction(rng.choice((1, 2)), 10), rng.choice((1, 1, 2, 4))
    unbiased = squares / (count - 1)
    value = (1 - momentum) * old + momentum * unbiased
    return number(
        f"`nn.BatchNorm1d(1, momentum={text(momentum)})` is in train mode and its running variance is "
        f"{old}. A "
        f"batch of {count} values arrives: {listed(values)}. What is the running variance afterwards? "
        "To two decimals.",
        value,
        why=(
            f"Mean {text(mean)}; squared deviations sum to {text(squares)}.",
            f"The running variance takes the unbiased one: {text(squares)} / {count - 1} {equals(unbiased)}. "
            "(The output is normalised with the biased one.)",
            "PyTorch's momentum is the weight of the new value: "
            f"{text(1 - momentum)}·{old} + {text(momentum)}·{text(unbiased)} {equals(value, 2)}.",
        ),
        places=2,
        slips=(
            (1 - momentum) * old + momentum * squares / count,
            momentum * old + (1 - momentum) * unbiased,
            unbiased,
        ),
    )


GENERATORS = (
    mean_cross_entropy,
    smoothed_target,
    focal_factor,
    smooth_l1,
    weighted_pixel_loss,
    running_variance,
)
