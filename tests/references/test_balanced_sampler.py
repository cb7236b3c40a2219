from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
sampler_probs = load(ROOT / "solutions" / "classification" / "balanced_sampler.py").namespace["sampler_probs"]


@pytest.mark.parametrize("seed", range(60))
def test_agrees_with_exact_fractions(seed):
    generator = torch.Generator().manual_seed(seed)
    classes, n = seed % 6 + 1, seed % 23
    labels = torch.randint(0, classes, (n,), generator=generator)
    counts = Counter(labels.tolist())
    exact = [Fraction(1, counts[c] * len(counts)) for c in labels.tolist()]
    assert sum(exact) == (1 if n else 0)
    found = sampler_probs(labels, classes + seed % 3)
    assert found.dtype == torch.float64
    assert found.tolist() == pytest.approx([float(p) for p in exact], rel=1e-15)


def test_draws_meet_the_classes_evenly():
    labels = torch.tensor([0] * 900 + [2] * 90 + [3] * 10)
    generator = torch.Generator().manual_seed(0)
    sampler = torch.utils.data.WeightedRandomSampler(sampler_probs(labels, 5), 30_000, generator=generator)
    met = torch.bincount(labels[list(sampler)], minlength=5) / 30_000
    assert met.tolist() == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3, 0], abs=0.015)


def test_worked_example():
    found = sampler_probs(torch.tensor([0, 0, 0, 2]), 3)
    assert found.tolist() == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2], rel=1e-15)
