"""Put captions into a batch.

A model that writes captions is trained on the next word: at every step it sees the words so far and
is asked for the one that follows. So each caption is stored twice, once as input and once as target,
shifted by one against each other:

    inp    <bos> w1 w2 ... wn
    tgt    w1 w2 ... wn <eos>

collate(seqs, bos, eos, pad) does this for B captions of different lengths and returns (inp, tgt, mask):

* seqs is a list of at least one caption; a caption is a list of word ids (Python ints). A caption may be
  empty: its input is <bos> alone, its target <eos>.
* inp and tgt are int64 tensors [B, T], with T one more than the words of the longest caption. Captions
  start at the left; what is left over at the right holds pad, in both.
* inp never holds eos, not even in captions that are shorter than the longest.
* mask is a bool tensor [B, T], True where the target counts: at every word and at eos.
* bos, eos and pad are ids (ints). Some or all of them may be the same: GPT-2 has one id, 50256, for
  everything that is not a word. So whether a place is padding is a question of lengths, not of ids.
  Words never have the id of bos, eos or pad.
* The lists stay as they are. The tensors are on the CPU.

Example: seqs = [[5, 6, 7], [8]] with pad = 0, bos = 1, eos = 2 gives

    inp    1 5 6 7        tgt    5 6 7 2        mask    True True True  True
           1 8 0 0               8 2 0 0                True True False False
"""

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from grader import right, wrong

LEVEL = 1
MINUTES = 15
HINTS = (
    "How many places does a caption of n words take in inp, how many in tgt, and at how many of them does "
    "the target count? It is the same number three times.",
    "Begin with two tensors that hold nothing but pad, and a mask that is all False. Then each caption "
    "overwrites the beginning of its own row.",
    "Row i, with n words: the first n + 1 places of inp are bos and the words, those of tgt the words and "
    "eos, those of the mask True. Build new lists by adding, so that the caller's keep their lengths.",
)


def collate(
    seqs: list[list[int]], bos: int, eos: int, pad: int
) -> tuple[Int64[Tensor, "b t"], Int64[Tensor, "b t"], Bool[Tensor, "b t"]]:
    """Return the inputs, the targets and where the targets count."""
    shape = len(seqs), max(map(len, seqs)) + 1
    inp = torch.full(shape, pad)
    tgt = torch.full(shape, pad)
    mask = torch.zeros(shape, dtype=torch.bool)
    for i, words in enumerate(seqs):
        steps = len(words) + 1
        inp[i, :steps] = torch.tensor([bos, *words])
        tgt[i, :steps] = torch.tensor([*words, eos])
        mask[i, :steps] = True
    return inp, tgt, mask


@right("with lists that are filled up before they become tensors")
def filled(seqs, bos, eos, pad):
    longest = max(len(s) for s in seqs)
    inp = [[bos] + s + [pad] * (longest - len(s)) for s in seqs]
    tgt = [s + [eos] + [pad] * (longest - len(s)) for s in seqs]
    mask = [[True] * (len(s) + 1) + [False] * (longest - len(s)) for s in seqs]
    return torch.tensor(inp), torch.tensor(tgt), torch.tensor(mask)


@right("with torch's own padding, and a mask from lengths")
def padded(seqs, bos, eos, pad):
    from torch.nn.utils.rnn import pad_sequence

    words = [torch.tensor(s, dtype=torch.long) for s in seqs]
    inp = pad_sequence([torch.cat([torch.tensor([bos]), w]) for w in words], True, pad)
    tgt = pad_sequence([torch.cat([w, torch.tensor([eos])]) for w in words], True, pad)
    lengths = torch.tensor([len(s) + 1 for s in seqs])
    return inp, tgt, torch.arange(inp.shape[1])[None] < lengths[:, None]


@right("cell by cell, in a list of three")
def by_cell(seqs, bos, eos, pad):
    b, t = len(seqs), 1
    for s in seqs:
        t = max(t, len(s) + 1)
    inp, tgt = torch.zeros(b, t, dtype=torch.int64), torch.zeros(b, t, dtype=torch.int64)
    mask = torch.zeros(b, t) > 0
    for i in range(b):
        for j in range(t):
            n = len(seqs[i])
            inp[i, j] = bos if j == 0 else (seqs[i][j - 1] if j <= n else pad)
            tgt[i, j] = seqs[i][j] if j < n else (eos if j == n else pad)
            mask[i, j] = j <= n
    return [inp, tgt, mask]


@right("with one padded matrix, cut twice, and the end taken out of the input")
def cut_twice(seqs, bos, eos, pad):
    n = torch.tensor([len(s) for s in seqs])
    rows = [torch.LongTensor([bos, *s, eos]) for s in seqs]
    whole = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad)
    steps = torch.arange(whole.shape[1] - 1)
    mask = steps <= n.unsqueeze(1)
    inp = whole[:, :-1].masked_fill(~mask, pad)
    return inp, whole[:, 1:], mask


@right("in NumPy, with zipped columns")
def in_numpy(seqs, bos, eos, pad):
    import itertools

    import numpy as np

    inp = np.array(list(itertools.zip_longest(*[[bos, *s] for s in seqs], fillvalue=pad)), dtype=np.int64).T
    tgt = np.array(list(itertools.zip_longest(*[[*s, eos] for s in seqs], fillvalue=pad)), dtype=np.int64).T
    ends = np.array([[len(s)] for s in seqs])
    return (
        torch.from_numpy(inp.copy()),
        torch.from_numpy(tgt.copy()),
        torch.from_numpy(np.arange(inp.shape[1]) <= ends),
    )


def _rows(seqs, bos, eos, pad):
    """The rows of inp, tgt and mask as lists that are not filled up."""
    inp, tgt = [[bos, *s] for s in seqs], [[*s, eos] for s in seqs]
    return inp, tgt, [[True] * len(row) for row in tgt]


def _filled(rows, value, length=None):
    length = max(map(len, rows)) if length is None else length
    return torch.tensor([[*row, *[value] * (length - len(row))] for row in rows])


@wrong("does not shift: the target is the input, which a model only has to copy")
def not_shifted(seqs, bos, eos, pad):
    inp, _, mask = collate(seqs, bos, eos, pad)
    return inp, inp.clone(), mask


@wrong("shifts the wrong way round, so that the target is the word before")
def shifted_back(seqs, bos, eos, pad):
    inp, tgt, mask = collate(seqs, bos, eos, pad)
    return tgt, inp, mask


@wrong("forgets bos, so that the input is the target")
def without_bos(seqs, bos, eos, pad):
    _, tgt, mask = collate(seqs, bos, eos, pad)
    return tgt.clone(), tgt, mask


@wrong("forgets eos, so that nothing teaches the model to stop")
def without_eos(seqs, bos, eos, pad):
    inp, _, _ = _rows(seqs, bos, eos, pad)
    length = max(map(len, inp))
    mask = _filled([[True] * len(s) for s in seqs], False, length).bool()
    return _filled(inp, pad), _filled([list(s) for s in seqs], pad, length).long(), mask


@wrong("leaves eos out of the mask")
def eos_not_counted(seqs, bos, eos, pad):
    inp, tgt, _ = collate(seqs, bos, eos, pad)
    return inp, tgt, _filled([[True] * len(s) for s in seqs], False, inp.shape[1]).bool()


@wrong("puts bos and eos into both, so that T is one too long")
def both_in_both(seqs, bos, eos, pad):
    rows = [[bos, *s, eos] for s in seqs]
    whole = _filled(rows, pad)
    return whole, whole.clone(), _filled([[True] * len(r) for r in rows], False)


@wrong("cuts one padded matrix twice, and so leaves eos in the input of shorter captions")
def eos_in_the_input(seqs, bos, eos, pad):
    whole = _filled([[bos, *s, eos] for s in seqs], pad)
    return whole[:, :-1].contiguous(), whole[:, 1:].contiguous(), collate(seqs, bos, eos, pad)[2]


@wrong("cuts off the last column of the input rows, whatever it holds")
def last_word_lost(seqs, bos, eos, pad):
    inp, tgt, mask = collate(seqs, bos, eos, pad)
    return inp[:, :-1].contiguous(), tgt[:, 1:].contiguous(), mask[:, 1:].contiguous()


@wrong("reads the mask off the targets, and so masks eos where it has the id of pad")
def mask_from_ids(seqs, bos, eos, pad):
    inp, tgt, _ = collate(seqs, bos, eos, pad)
    return inp, tgt, tgt != pad


@wrong("reads the mask off the inputs, where bos may have the id of pad")
def mask_from_inputs(seqs, bos, eos, pad):
    inp, tgt, _ = collate(seqs, bos, eos, pad)
    return inp, tgt, inp != pad


@wrong("ends the mask at the first eos it finds, which is bos where both have one id")
def until_eos(seqs, bos, eos, pad):
    inp, tgt, _ = collate(seqs, bos, eos, pad)
    return inp, tgt, (inp == eos).cumsum(1) == 0


@wrong("pads with 0, whatever pad is")
def pads_with_zero(seqs, bos, eos, pad):
    return collate(seqs, bos, eos, 0)


@wrong("pads the targets with -100, which the loss would ignore by itself")
def pads_with_ignored(seqs, bos, eos, pad):
    inp, tgt, mask = collate(seqs, bos, eos, pad)
    return inp, tgt.masked_fill(~mask, -100), mask


@wrong("fills the inputs up with eos")
def fills_with_eos(seqs, bos, eos, pad):
    inp, tgt, mask = collate(seqs, bos, eos, pad)
    return inp.masked_fill(~mask, eos), tgt, mask


@wrong("takes 1 and 2 for bos and eos, whatever they are")
def fixed_ids(seqs, bos, eos, pad):
    return collate(seqs, 1, 2, pad)


@wrong("puts the padding at the left")
def left_padded(seqs, bos, eos, pad):
    inp, tgt, mask = (x.clone() for x in collate(seqs, bos, eos, pad))
    for i, s in enumerate(seqs):
        inp[i], tgt[i], mask[i] = (x[i].roll(inp.shape[1] - len(s) - 1) for x in (inp, tgt, mask))
    return inp, tgt, mask


@wrong("pads to a length that is fixed beforehand")
def fixed_length(seqs, bos, eos, pad):
    inp, tgt, mask = _rows(seqs, bos, eos, pad)
    length = max(16, *map(len, inp))
    return _filled(inp, pad, length), _filled(tgt, pad, length), _filled(mask, False, length)


@wrong("cuts all captions to the shortest")
def to_the_shortest(seqs, bos, eos, pad):
    n = min(map(len, seqs))
    return collate([s[:n] for s in seqs], bos, eos, pad)


@wrong("takes the length of the first caption for that of the longest")
def to_the_first(seqs, bos, eos, pad):
    n = len(seqs[0])
    return collate([s[:n] for s in seqs], bos, eos, pad)


@wrong("sorts the captions by length, longest first, and returns them in that order")
def sorted_by_length(seqs, bos, eos, pad):
    return collate(sorted(seqs, key=len, reverse=True), bos, eos, pad)


@wrong("leaves out captions without words")
def drops_empty(seqs, bos, eos, pad):
    return collate([s for s in seqs if s] or [[]], bos, eos, pad)


@wrong("lets an empty caption take no place, not even for eos")
def nothing_for_empty(seqs, bos, eos, pad):
    inp, tgt, mask = collate(seqs, bos, eos, pad)
    some = torch.tensor([bool(s) for s in seqs])[:, None]
    return inp.where(some, pad), tgt.where(some, pad), mask & some


@wrong("makes float tensors of lists without words")
def float_when_empty(seqs, bos, eos, pad):
    inp, tgt, mask = collate(seqs, bos, eos, pad)
    return (inp, tgt, mask) if all(seqs) else (inp.float(), tgt.float(), mask)


@wrong("returns ids as float tensors")
def float_ids(seqs, bos, eos, pad):
    inp, tgt, mask = collate(seqs, bos, eos, pad)
    return inp.float(), tgt.float(), mask


@wrong("stores ids in 32 bits")
def int32_ids(seqs, bos, eos, pad):
    inp, tgt, mask = collate(seqs, bos, eos, pad)
    return inp.int(), tgt.int(), mask


@wrong("returns zeros and ones for a mask")
def mask_of_numbers(seqs, bos, eos, pad):
    inp, tgt, mask = collate(seqs, bos, eos, pad)
    return inp, tgt, mask.long()


@wrong("returns a mask that is True where there is padding, as attention layers want it")
def mask_inverted(seqs, bos, eos, pad):
    inp, tgt, mask = collate(seqs, bos, eos, pad)
    return inp, tgt, ~mask


@wrong("puts the time first, [T, B]")
def time_first(seqs, bos, eos, pad):
    return tuple(x.T.contiguous() for x in collate(seqs, bos, eos, pad))


@wrong("returns lengths in place of the mask")
def lengths_returned(seqs, bos, eos, pad):
    inp, tgt, mask = collate(seqs, bos, eos, pad)
    return inp, tgt, mask.sum(1)


@wrong("adds to the caller's own lists")
def appended(seqs, bos, eos, pad):
    found = collate(seqs, bos, eos, pad)
    for s in seqs:
        s.append(eos)
    return found
