from grader import Kata, Rules, Source, Wanted, regimes


@regimes("shared", "one id")
def pad(source: Source, wanted: Wanted, drawn: dict) -> int:
    """0, a small number that is no position, or a large one."""
    return source.choice((0, 0, 3, 50256))


def eos(source: Source, wanted: Wanted, drawn: dict) -> int:
    """An id of its own; that of pad in two regimes."""
    if source.regime in ("shared", "one id"):
        return drawn["pad"]
    return source.choice([i for i in (2, 102, 49407) if i != drawn["pad"]])


def bos(source: Source, wanted: Wanted, drawn: dict) -> int:
    """An id of its own; that of all the others in one regime."""
    return drawn["pad"] if source.regime == "one id" else source.choice((1, 101, 49406))


@regimes("without words", "equal")
def seqs(source: Source, wanted: Wanted, drawn: dict) -> list[list[int]]:
    """Captions of different lengths; some without words, or all of one length, in special regimes."""
    b, longest = wanted.sizes["b"], wanted.sizes["t"] - 1
    least = 0 if source.regime == "without words" else min(1, longest)
    lengths = [source.integer(least, longest) for _ in range(b)]
    at = source.integer(1, b) % b
    lengths[at] = longest
    if source.regime == "without words":
        lengths[at - 1] = 0
    if source.regime == "equal":
        lengths = [longest] * b
    taken = {drawn["bos"], drawn["eos"], drawn["pad"]}
    words = [i for i in (*range(12), 300, 40000, 70000) if i not in taken]
    return [[source.choice(words) for _ in range(n)] for n in lengths]


kata = Kata(
    __file__,
    pad=pad,
    eos=eos,
    bos=bos,
    seqs=seqs,
    rules=Rules(sizes={"b": (2, 3, 4), "t": (5, 6, 7, 8)}, single="b t", layouts=False),
)
kata.also("one caption without words", {"b": 1, "t": 1}, seqs=[[]])
kata.also("the longest first", {"b": 3, "t": 5}, seqs=[[5, 6, 7, 8], [9], [4, 4]], pad=0, bos=1, eos=2)
kata.also("the longest last", {"b": 3, "t": 5}, seqs=[[9], [], [8, 8, 7, 4]], pad=0, bos=1, eos=2)
kata.also("a caption of twenty words", {"b": 2, "t": 21}, seqs=[[7], list(range(5, 25))], pad=0, bos=1, eos=2)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_shifted(collate, seqs, bos, eos, pad):
    """Where the target counts it is the next input, but for the last one, which is eos."""
    inp, tgt, mask = collate(seqs, bos, eos, pad)
    for i in range(len(seqs)):
        steps = int(mask[i].sum())
        assert steps > 0, f"No target of caption {i} counts."
        assert inp[i, 1:steps].tolist() == tgt[i, : steps - 1].tolist(), (
            f"The targets of caption {i} are not its inputs, shifted by one."
        )
        assert int(tgt[i, steps - 1]) == eos, f"The last target of caption {i} that counts is not eos."


@kata.check(times=3, regime="shared")
def test_words(collate, seqs, bos, eos, pad):
    """The captions can be read off the targets again, and the mask counts their words and one more."""
    _, tgt, mask = collate(seqs, bos, eos, pad)
    assert mask.sum(dim=1).tolist() == [len(s) + 1 for s in seqs], "The mask does not count words and eos."
    found = [row[keep].tolist()[:-1] for row, keep in zip(tgt, mask)]
    assert found == seqs, "The targets under the mask are not the words."
