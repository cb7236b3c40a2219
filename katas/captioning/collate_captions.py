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


def collate(
    seqs: list[list[int]], bos: int, eos: int, pad: int
) -> tuple[Int64[Tensor, "b t"], Int64[Tensor, "b t"], Bool[Tensor, "b t"]]:
    """Return the inputs, the targets and where the targets count."""
    raise NotImplementedError
