"""The reference of captioning/bleu against torchmetrics, NLTK, sacreBLEU and a count that crosses words off."""

import math
import random
from fractions import Fraction
from pathlib import Path

import pytest

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
corpus_bleu = load(ROOT / "solutions/captioning/bleu.py").namespace["corpus_bleu"]


def drawn(seed, least=1):
    rng = random.Random(seed)
    cands = [rng.choices("abcd", k=rng.randint(least, 12)) for _ in range(rng.randint(1, 5))]
    refs = []
    for cand in cands:
        own = []
        for _ in range(rng.randint(1, 4)):
            ref = [*cand[rng.randint(0, 2) :], *rng.choices("abcd", k=rng.randint(0, 4))]
            own.append(ref or ["a"])
        refs.append(own)
    return cands, refs


def slowly(cands, refs, n):
    product, c, r = Fraction(1), 0, 0
    for k in range(1, n + 1):
        hits = every = 0
        for cand, own in zip(cands, refs, strict=True):
            grams = ["/".join(cand[i : i + k]) for i in range(len(cand)) if i + k <= len(cand)]
            theirs = [["/".join(ref[i : i + k]) for i in range(len(ref)) if i + k <= len(ref)] for ref in own]
            for gram in sorted(set(grams)):
                hits += min(grams.count(gram), max(t.count(gram) for t in theirs))
            every += len(grams)
        product *= Fraction(hits, every) if every else 0
    for cand, own in zip(cands, refs, strict=True):
        c += len(cand)
        for gap in range(100):
            if near := [len(ref) for ref in own if abs(len(ref) - len(cand)) == gap]:
                r += min(near)
                break
    if not product:
        return 0.0
    return (1.0 if c > r else math.exp(1 - r / c)) * float(product) ** (1 / n)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6])
def test_slowly(n):
    for seed in range(60):
        cands, refs = drawn(seed, least=0)
        assert corpus_bleu(cands, refs, n) == pytest.approx(slowly(cands, refs, n))


@pytest.mark.parametrize("n", [1, 2, 4])
def test_torchmetrics(n):
    text = pytest.importorskip("torchmetrics.functional.text")
    for seed in range(30):
        cands, refs = drawn(seed)
        # It takes the first of two lengths that are equally close.
        own = [[" ".join(ref) for ref in sorted(several, key=len)] for several in refs]
        wanted = text.bleu_score([" ".join(cand) for cand in cands], own, n_gram=n).item()
        assert corpus_bleu(cands, refs, n) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_nltk():
    nltk = pytest.importorskip("nltk.translate.bleu_score")
    compared = 0
    for seed in range(30):
        cands, refs = drawn(seed, least=4)
        found = corpus_bleu(cands, refs)
        if found:
            assert found == pytest.approx(nltk.corpus_bleu(refs, cands))
            compared += 1
    assert compared > 10


def test_sacrebleu():
    sacrebleu = pytest.importorskip("sacrebleu")
    metric = sacrebleu.BLEU(tokenize="none", smooth_method="none", force=True)
    for seed in range(30):
        cands, refs = drawn(seed, least=4)
        most = max(map(len, refs))
        # Its references stand in columns: the first of every candidate, the second, ...
        columns = [[" ".join(own[i]) if i < len(own) else None for own in refs] for i in range(most)]
        wanted = metric.corpus_score([" ".join(cand) for cand in cands], columns).score / 100
        assert corpus_bleu(cands, refs) == pytest.approx(wanted, abs=1e-6)


def test_lengths_differ():
    with pytest.raises(ValueError, match="2 candidates"):
        corpus_bleu([["a"], ["b"]], [[["a"]]])


def test_example():
    cands = [["the"] * 7]
    refs = [[text.split() for text in ("the cat is on the mat", "there is a cat on the mat")]]
    assert corpus_bleu(cands, refs, n=1) == pytest.approx(2 / 7)
    assert corpus_bleu(cands, refs, n=2) == 0
    assert corpus_bleu([list("abcdefghi")], [[list("abcdefghijkl")]]) == pytest.approx(0.717, abs=5e-4)
    assert corpus_bleu([], []) == 0
