from grader import Kata, Rules, Source, Wanted, assert_close, one_of, regimes

WORDS = ("a", "aa", "b", "A", "ab")
"""Few words, so that they come again; some are others in a row, or in another case."""


def _words(source: Source, count: int, of: tuple[str, ...] = WORDS) -> list[str]:
    return [of[i] for i in source.integers((count,), 0, len(of) - 1).tolist()]


@regimes("short", "repeated", "brief")
def cands(source: Source, wanted: Wanted, drawn: dict) -> list[list[str]]:
    """Captions of five to nine words; some too short for long k-grams, or of two words, again and again."""
    lengths = source.integers((wanted.sizes["b"],), 5, 9).tolist()
    if source.regime == "short":
        lengths = [length if i == 1 else source.integer(0, 3) for i, length in enumerate(lengths)]
    of = WORDS[:2] if source.regime == "repeated" else WORDS
    return [_words(source, length, of) for length in lengths]


@regimes("tied", "foreign")
def refs(source: Source, wanted: Wanted, drawn: dict) -> list[list[list[str]]]:
    """One to three references, each the candidate with pieces changed; longer, equally near or unlike."""
    found = []
    for cand in drawn["cands"]:
        own = []
        for _ in range(source.integer(1, 3)):
            start, gone = source.integer(0, 2), source.integer(0, 3)
            piece = cand[start : len(cand) - gone]
            if source.regime == "foreign":
                piece = _words(source, source.integer(2, 8))
            more = source.integer(2, 6) if source.regime == "brief" else source.integer(0, 3)
            own.append([*piece, *_words(source, more), *cand[:start]])
        if source.regime == "tied" and len(cand) > 2:
            away = source.integer(1, 2)
            own = [cand[:-away], [*cand, *_words(source, away)]]
            own = own[:: source.choice((1, -1))]
        found.append(own)
    return found


kata = Kata(
    __file__,
    n=one_of(4, 3, 2, 1),
    cands=cands,
    refs=refs,
    rules=Rules(sizes={"b": (2, 3, 4)}, empty="b", single="b", layouts=False),
)


def _split(*texts: str) -> list[list[str]]:
    return [text.split() for text in texts]


THE = _split("the the the the the the the")
CATS = [_split("the cat is on the mat", "there is a cat on the mat")]
kata.also("the the the", cands=THE, refs=CATS, n=1)
kata.also("the the the, in pairs", cands=THE, refs=CATS, n=2)
kata.also(
    "9 tokens where 12 are expected",
    cands=_split("a b c d e f g h i"),
    refs=[_split("a b c d e f g h i j k l")],
)
kata.also(
    "one caption, itself", cands=_split("a dog runs on the beach"), refs=[_split("a dog runs on the beach")]
)
kata.also(
    "as far as 6-grams",
    cands=_split("a b c d e f g h", "a a b a a b a"),
    refs=[_split("b c d e f g h a a", "a b c"), _split("a a b a a b b b")],
    n=6,
)
kata.also("three words for four", cands=_split("a dog runs"), refs=[_split("a dog runs")], n=4)
kata.also(
    "a caption without words",
    cands=[[], ["a", "b", "c", "d"]],
    refs=[_split("a b"), _split("a b c d e")],
    n=2,
)
kata.also("a reference without words", cands=_split("a b c", "b"), refs=[[[], ["a", "b"]], [[]]], n=2)
kata.also("no words at all", cands=[[], []], refs=[[["a"]], [[]]], n=1)
kata.also("too few sets of references", cands=_split("a b", "c d"), refs=[_split("a b")], n=1)
kata.also("too many sets of references", cands=_split("a b"), refs=[_split("a b"), _split("c d")], n=1)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=2)
def test_perfect(corpus_bleu, cands, n):
    """Candidates that are their own references have BLEU 1, and other references do not make it worse."""
    own = [[cand] for cand in cands]
    assert_close(float(corpus_bleu(cands, own, n=n)), 1.0, "A corpus compared with itself does not have 1.")
    more = [[[*cand, "x", "y"], cand] for cand in cands]
    assert_close(float(corpus_bleu(cands, more, n=n)), 1.0, "With a reference more it is no longer 1.")


@kata.check(times=3)
def test_order(corpus_bleu, cands, refs, n):
    """The order of the captions changes nothing, nor does that of their references."""
    found = float(corpus_bleu(cands, refs, n=n))
    turned = float(corpus_bleu(cands[::-1], refs[::-1], n=n))
    assert_close(turned, found, "Another order of the captions gives another BLEU.")
    turned = float(corpus_bleu(cands, [own[::-1] for own in refs], n=n))
    assert_close(turned, found, "Another order of the references gives another BLEU.")


@kata.check(times=2)
def test_twice(corpus_bleu, cands, refs, n):
    """A corpus that is there twice has the same BLEU, for counts are pooled."""
    found = float(corpus_bleu(cands, refs, n=n))
    assert_close(float(corpus_bleu(cands * 2, refs * 2, n=n)), found, "Twice the corpus has another BLEU.")
