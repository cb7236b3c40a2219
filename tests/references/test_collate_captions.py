"""The reference of captioning/collate_captions against torch's padding and places looked up one by one."""

from pathlib import Path

import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

from grader.solution import load

ROOT = Path(__file__).resolve().parents[2]
collate = load(ROOT / "solutions/captioning/collate_captions.py").namespace["collate"]


def drawn(seed):
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(0, 7, (5,), generator=g).tolist()
    return [torch.randint(10, 1000, (n,), generator=g).tolist() for n in lengths]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("bos", "eos", "pad"), [(1, 2, 0), (7, 7, 7), (1, 2, 2), (3, 4, -100)])
def test_torch(seed, bos, eos, pad):
    seqs = drawn(seed)
    inp, tgt, mask = collate(seqs, bos, eos, pad)
    for found, rows in ((inp, [[bos, *s] for s in seqs]), (tgt, [[*s, eos] for s in seqs])):
        rows = [torch.tensor(row) for row in rows]
        assert torch.equal(found, pad_sequence(rows, batch_first=True, padding_value=pad))
    wanted = pad_sequence([torch.ones(len(s) + 1, dtype=torch.bool) for s in seqs], batch_first=True)
    assert torch.equal(mask, wanted)


@pytest.mark.parametrize("seed", range(10))
def test_places(seed):
    seqs = drawn(seed)
    inp, tgt, mask = collate(seqs, 1, 2, 0)
    assert inp.shape == (len(seqs), max(map(len, seqs)) + 1)
    for i, words in enumerate(seqs):
        for j in range(inp.shape[1]):
            before, after = dict(enumerate([1, *words])), dict(enumerate([*words, 2]))
            assert inp[i, j] == before.get(j, 0)
            assert tgt[i, j] == after.get(j, 0)
            assert bool(mask[i, j]) == (j in after)


def test_example():
    inp, tgt, mask = collate([[5, 6, 7], [8]], 1, 2, 0)
    assert inp.tolist() == [[1, 5, 6, 7], [1, 8, 0, 0]]
    assert tgt.tolist() == [[5, 6, 7, 2], [8, 2, 0, 0]]
    assert mask.tolist() == [[True] * 4, [True, True, False, False]]


def test_only_empty():
    inp, tgt, mask = collate([[], []], 1, 2, 0)
    assert (inp.tolist(), tgt.tolist(), mask.tolist()) == ([[1], [1]], [[2], [2]], [[True], [True]])
    assert (inp.dtype, tgt.dtype) == (torch.int64, torch.int64)
