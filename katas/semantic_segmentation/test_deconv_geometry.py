from grader import Kata, Rules, Source, Wanted, assert_close, one_of, whole


def op(source: Source, wanted: Wanted, drawn: dict) -> int:
    """Output padding that torch accepts: below the stride."""
    return source.integer(0, drawn["s"] - 1)


def p(source: Source, wanted: Wanted, drawn: dict) -> int:
    """Padding that leaves at least one pixel, whatever dilation and output padding are."""
    n, k, s = drawn["n"], drawn["k"], drawn["s"]
    return source.integer(0, min(((n - 1) * s + k - 1) // 2, 2 * s))


kata = Kata(
    __file__,
    n=whole(1, 12),
    k=whole(1, 9),
    s=whole(1, 8),
    d=whole(1, 4),
    op=op,
    p=p,
    f=one_of(2, 4, 6, 8, 10, 32),
    rules=Rules(),
)
kata.also("the last layer of FCN-8s on a map of stride 32", n=7, k=16, s=8, p=4, op=0, d=1)
kata.also("the last layer of FCN-8s on a map of stride 8", n=112, k=16, s=8, p=4, op=0, d=1)
kata.also("a factor of 32 in one layer", n=8, k=64, s=32, p=16, op=0, d=1)
kata.also("a 3x3 kernel that doubles with output padding", n=5, k=3, s=2, p=1, op=1, d=1)
kata.also("a dilated kernel", n=4, k=3, s=1, p=0, op=0, d=5)
kata.also("output padding and dilation", n=3, k=4, s=3, p=2, op=2, d=2)
kata.also("one pixel", n=1, k=1, s=4, p=0, op=0, d=1)

test_contract = kata.contract()
test_values = kata.values()


@kata.check(times=3)
def test_multiplies(conv_transpose_out, deconv_for_factor, n, f):
    """The layer for a factor f turns n pixels into f * n."""
    found = conv_transpose_out(n, *deconv_for_factor(f))
    assert_close(found, f * n, "By your formula the layer for a factor f does not turn n pixels into f * n.")


@kata.check(times=3)
def test_and_back(conv_transpose_out, n, k, s, p, op, d):
    """An ordinary convolution with the same kernel, stride, padding and dilation leads back to n."""
    out = int(conv_transpose_out(n, k, s, p, op=op, d=d))
    back = (out + 2 * p - d * (k - 1) - 1) // s + 1
    assert back == n, "An ordinary convolution of the output with the same settings does not lead back to n."
