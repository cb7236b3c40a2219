"""What the engine offers a kata: several symbols, state, exceptions, forbidden calls, options, oracles."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny

TOP = '''"""It."""
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor, nn

LEVEL = 1
MINUTES = 5
HINTS = ("1", "2", "3")


'''
HEAD = "import torch\nfrom torch import Tensor, nn\n\n\n"


def checks(rules: str = "", makers: str = "", more: str = "", imports: str = "Kata, Rules") -> str:
    return (
        f"import torch\nfrom grader import {imports}\n\nkata = Kata(__file__, {makers} rules=Rules({rules}))\n\n"
        "test_contract = kata.contract()\ntest_values = kata.values()\ntest_gradients = kata.gradients()\n"
        + more
    )


def test_classes_with_methods_and_state(tmp_path: Path) -> None:
    solution = TOP + (
        "class Mean:\n"
        "    def __init__(self, start: float = 0.0):\n        self.total, self.n = start, 0\n\n"
        '    def update(self, x: Float[Tensor, "n"]) -> None:\n        self.total += float(x.sum())\n'
        "        self.n += len(x)\n\n"
        "    def compute(self) -> float:\n        return self.total / self.n\n"
    )
    rules = "calls={'Mean': ('update', 'update', 'compute', 'update', 'compute')}"
    made = tiny.kata(tmp_path, solution, checks(rules, "start=number(1, 2),", imports="Kata, Rules, number"))
    right = (
        HEAD + "class Mean:\n    def __init__(self, start=0.0):\n        self.start, self.seen = start, []\n"
        "    def update(self, x):\n        self.seen.append(x)\n"
        "    def compute(self):\n        every = torch.cat(self.seen)\n        return (self.start + every.sum()) / len(every)\n"
    )
    assert tiny.judge(made, right) == ("passed", "")
    assert tiny.judge(made, right.replace("self.seen.append(x)", "self.seen = [x]"))[0] == "value"
    resets = right.replace("return (", "self.seen = [every[:0]]\n        return (")
    assert tiny.judge(made, resets)[0] == "value"
    assert tiny.judge(made, right.replace("def compute", "def computed"))[0] == "error"
    assert tiny.judge(made, right.replace("=0.0", ""))[0] == "contract"


def test_expected_exceptions(tmp_path: Path) -> None:
    solution = TOP + (
        'def pick(x: Float[Tensor, "n"], k: int) -> Float[Tensor, ""]:\n    if k >= len(x):\n'
        "        raise ValueError('too large')\n    return x[k]\n"
    )
    more = "kata.also('k too large', k=99)\n"
    made = tiny.kata(tmp_path, solution, checks("", "k=whole(0, 1),", more, imports="Kata, Rules, whole"))
    right = (
        HEAD
        + "class Mine(ValueError):\n    pass\n\n\ndef pick(x, k):\n    if k >= x.numel():\n        raise Mine\n    return x[k]\n"
    )
    assert tiny.judge(made, right) == ("passed", "")
    assert "ValueError is asked for" in tiny.judge(made, HEAD + "def pick(x, k):\n    return x[k]\n")[1]
    assert tiny.judge(made, HEAD + "def pick(x, k):\n    return x[min(k, 1)]\n") == (
        "contract",
        "Accepts this call, where a ValueError is asked for.",
    )


@pytest.mark.parametrize(
    "body",
    [
        "torch.softmax(x, -1)",
        "x.softmax(-1)",
        "torch.nn.functional.softmax(x, dim=-1)",
        "nn.Softmax(dim=-1)(x)",
        "getattr(x, 'soft' + 'max')(-1)",
    ],
)
def test_forbidden_calls_are_trapped_while_the_code_runs(tmp_path: Path, body: str) -> None:
    solution = TOP + (
        'def soft(x: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:\n'
        "    e = (x - x.amax(-1, keepdim=True)).exp()\n    return e / e.sum(-1, keepdim=True)\n"
    )
    made = tiny.kata(tmp_path, solution, checks("forbid=('softmax',)"))
    kind, sentence = tiny.judge(made, HEAD + f"def soft(x):\n    return {body}\n")
    assert (kind, "softmax" in sentence) == ("forbidden", True)
    own = "def softmax(x):\n    e = x.exp()\n    return e / e.sum(-1, keepdim=True)\n\n\ndef soft(x):\n    return softmax(x)\n"
    assert tiny.judge(made, HEAD + own) == ("passed", "")


def test_every_default_is_used_and_overridden(tmp_path: Path) -> None:
    solution = TOP + (
        'def scale(x: Float[Tensor, "n"], by: float = 2.0, shift: float = 1.0) -> Float[Tensor, "n"]:\n'
        "    return x * by + shift\n"
    )
    makers = "by=number(3, 4), shift=number(5, 6),"
    made = tiny.kata(tmp_path, solution, checks("", makers, imports="Kata, Rules, number"))
    assert (
        tiny.judge(made, HEAD + "def scale(v, by=2.0, shift=1):\n    return v * by + shift\n")[0] == "passed"
    )
    for bad in ("by=1.0, shift=1.0", "by=2.0, shift=0.0"):
        assert tiny.judge(made, HEAD + f"def scale(x, {bad}):\n    return x * by + shift\n")[0] == "value"
    assert (
        tiny.judge(made, HEAD + "def scale(x, by, shift=1.0):\n    return x * by + shift\n")[0] == "contract"
    )
    assert tiny.judge(made, HEAD + "def scale(x, factor=2.0, shift=1.0):\n    return x\n")[0] == "contract"
    assert (
        tiny.judge(made, HEAD + "def scale(x, by=2.0, shift=1.0):\n    return x * 2 + shift\n")[0] == "value"
    )


def test_a_number_is_a_number(tmp_path: Path) -> None:
    solution = (
        TOP + 'def total(x: Float[Tensor, "n"]) -> dict[str, float]:\n    return {"sum": float(x.sum())}\n'
    )
    made = tiny.kata(tmp_path, solution, checks())
    for good in ("x.sum()", "x.sum().item()", "sum(x.tolist())"):
        assert tiny.judge(made, HEAD + f"def total(x):\n    return {{'sum': {good}}}\n")[0] == "passed"
    for bad in ("[x.sum()]", "x", "str(x.sum())", "None", "x.sum()[None]"):
        assert tiny.judge(made, HEAD + f"def total(x):\n    return {{'sum': {bad}}}\n")[0] == "contract"
    assert tiny.judge(made, HEAD + "def total(x):\n    return {'total': x.sum()}\n")[0] == "contract"


def test_a_loss_must_be_a_tensor(tmp_path: Path) -> None:
    solution = TOP + 'def loss(x: Float[Tensor, "n"]) -> Float[Tensor, ""]:\n    return x.mean()\n'
    made = tiny.kata(tmp_path, solution, checks())
    assert tiny.judge(made, HEAD + "def loss(x):\n    return x.sum() / len(x)\n")[0] == "passed"
    assert tiny.judge(made, HEAD + "def loss(x):\n    return float(x.mean())\n")[0] == "contract"


def test_exact_katas_in_float64(tmp_path: Path) -> None:
    solution = TOP + 'def third(x: Float64[Tensor, "n"]) -> Float64[Tensor, "n"]:\n    return x / 3\n'
    made = tiny.kata(tmp_path, solution, checks("tolerance=EXACT", imports="EXACT, Kata, Rules"))
    assert tiny.judge(made, HEAD + "def third(x):\n    return x * (1 / 3)\n")[0] == "passed"
    assert tiny.judge(made, HEAD + "def third(x):\n    return x * 0.33333333\n")[0] == "value"
    assert tiny.judge(made, HEAD + "def third(x):\n    return (x.float() / 3).double()\n")[0] == "value"


def test_the_oracle_belongs_to_the_kata(tmp_path: Path) -> None:
    solution = (
        TOP + 'def kept(x: Float[Tensor, "n"]) -> Int64[Tensor, "k"]:\n    return (x > 0).nonzero()[:, 0]\n'
    )
    same = (
        "def as_sets(actual, expected, arguments):\n"
        "    return None if set(actual.tolist()) == set(expected.tolist()) else 'Not the same set.'\n\n\n"
    )
    test = checks("same=as_sets").replace("kata =", same + "kata =")
    made = tiny.kata(tmp_path, solution, test)
    assert (
        tiny.judge(made, HEAD + "def kept(x):\n    return (x > 0).nonzero()[:, 0].flip(0)\n")[0] == "passed"
    )
    assert tiny.judge(made, HEAD + "def kept(x):\n    return (x < 0).nonzero()[:, 0]\n")[0] in (
        "value",
        "contract",
    )


def test_properties_read_as_mathematics(tmp_path: Path) -> None:
    solution = TOP + 'def relu(x: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:\n    return x.clamp(min=0)\n'
    more = (
        "\n\n@kata.check\ndef test_gradient(relu, x):\n"
        '    """The gradient is one where x is positive and zero elsewhere."""\n'
        "    x.requires_grad_()\n    (grad,) = torch.autograd.grad(relu(x).sum(), x)\n"
        "    assert_close(grad, (x > 0).to(x.dtype))\n"
    )
    made = tiny.kata(tmp_path, solution, checks(more=more, imports="Kata, Rules, assert_close"))
    assert tiny.judge(made, HEAD + "def relu(x):\n    return x * (x > 0)\n")[0] == "passed"
    assert (
        tiny.judge(made, HEAD + "def relu(x):\n    return torch.where(x > 0, x.detach(), 0)\n")[0]
        == "gradient"
    )


def test_devices_are_promised_only_where_the_kata_says_so(tmp_path: Path) -> None:
    solution = (
        TOP
        + 'def ramp(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:\n    return x + torch.arange(len(x), device=x.device)\n'
    )
    made = tiny.kata(tmp_path, solution, checks("devices=True"))
    for good in (
        "x + torch.arange(len(x), device=x.device)",
        "x + torch.arange(len(x)).to(x.device)",
        "x + torch.arange(len(x)).to(x)",
        "x + x.new_tensor(range(len(x)))",
        "torch.cumsum(torch.ones_like(x), 0) - 1 + x",
        "torch.stack([v + i for i, v in enumerate(x)])",
        "x + torch.tensor(1.0, dtype=x.dtype) * torch.arange(len(x), device=x.device)",
    ):
        assert tiny.judge(made, HEAD + f"def ramp(x):\n    return {good}\n") == ("passed", ""), good
    for bad in (
        "x + torch.arange(len(x))",
        "torch.tensor((x + torch.arange(len(x), device=x.device)).tolist(), dtype=x.dtype)",
    ):
        kind, sentence = tiny.judge(made, HEAD + f"def ramp(x):\n    return {bad}\n")
        assert (kind, "not on the CPU" in sentence) == ("contract", True), bad


def test_an_unfinished_second_function_is_not_an_error(tmp_path: Path) -> None:
    solution = TOP + (
        'def there(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:\n    return x + 1\n\n\n'
        'def back(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:\n    return x - 1\n'
    )
    made = tiny.kata(tmp_path, solution, checks())
    both = HEAD + "def there(x):\n    return x + 1\n\n\ndef back(x):\n    return x - 1\n"
    assert tiny.judge(made, both)[0] == "passed"
    assert tiny.judge(made, both.replace("return x - 1", "raise NotImplementedError"))[0] == "todo"
    assert tiny.judge(made, both.replace("def back", "def bakc")) == (
        "contract",
        "The file has no 'back'. There is 'bakc'; did you mean that?",
    )


def test_returned_layers_are_compared_by_kind_and_weights(tmp_path: Path) -> None:
    solution = TOP + (
        "def flipped(fc: nn.Linear) -> nn.Linear:\n    out = nn.Linear(fc.in_features, fc.out_features)\n"
        "    out.weight.data.copy_(-fc.weight)\n    out.bias.data.copy_(fc.bias)\n    return out\n"
    )
    test = checks("sizes={'i': (3, 4), 'o': (5, 6)}", "fc=linear('i', 'o'),", imports="Kata, Rules, linear")
    made = tiny.kata(tmp_path, solution, test.replace("test_gradients = kata.gradients()\n", ""))
    body = (
        solution.split("def flipped")[1]
        .replace(": nn.Linear", "")
        .replace("-> nn.Linear:", ":")
        .replace(") :", "):")
    )
    assert tiny.judge(made, HEAD + "def flipped" + body)[0] == "passed"
    assert tiny.judge(made, HEAD + "def flipped" + body.replace("-fc", "fc"))[0] == "value"
    assert tiny.judge(made, HEAD + "def flipped(fc):\n    return fc.weight\n")[0] == "contract"


def test_arguments_that_a_call_is_asked_to_change(tmp_path: Path) -> None:
    solution = TOP + (
        'def fill_(layer: nn.Linear, row: Float[Tensor, "k"]) -> None:\n    with torch.no_grad():\n'
        "        layer.weight.copy_(row.expand_as(layer.weight))\n        layer.bias.zero_()\n"
    )
    more = (
        "\n\n@kata.check(times=1)\ndef test_rows(fill_, layer, row):\n    '''Every output is the same.'''\n"
        "    fill_(layer, row)\n    y = layer(row).detach()\n    assert_close(y, y[:1].expand_as(y), 'It is not.')\n"
    )
    makers, imports = "layer=linear('k', 'n'),", "Kata, Rules, assert_close, linear"
    rules = "sizes={'n': (2, 3)}, changes='layer'"
    made = tiny.kata(tmp_path, solution, checks(rules, makers, more, imports=imports))
    right = HEAD + (
        "def fill_(layer, row):\n    layer.weight.data[:] = row\n    nn.init.zeros_(layer.bias)\n"
    )
    assert tiny.judge(made, right) == ("passed", "")
    told = "After the call layer.weight is wrong."
    assert tiny.judge(made, right.replace("= row", "= 2 * row")) == ("value", told)
    assert tiny.judge(made, right.replace("data[:]", "data.clone()[:]")) == ("value", told)
    assert tiny.judge(made, right.replace("nn.init.zeros_(layer.bias)", "pass"))[0] == "value"
    assert tiny.judge(made, right + "    return layer\n")[0] == "contract"
    assert tiny.judge(made, right + "    row.zero_()\n")[0] == "mutation"
    told = "The call puts something else in the place of layer.bias; change what is there."
    other = right + "    layer.bias = nn.Parameter(layer.bias.detach())\n"
    assert tiny.judge(made, other) == ("contract", told)
    told = "The call changes whether layer.bias is trained; leave that as it was."
    assert tiny.judge(made, right + "    layer.bias.requires_grad_(False)\n") == ("contract", told)
    watched = HEAD + "def fill_(layer, row):\n    layer.weight[:] = row\n"
    assert tiny.judge(made, watched)[0] == "error"


def test_tensors_that_a_call_is_asked_to_change(tmp_path: Path) -> None:
    solution = TOP + 'def double_(x: Float[Tensor, "n"]) -> None:\n    x.mul_(2)\n'
    made = tiny.kata(
        tmp_path, solution, checks("changes='x', empty='n'").replace("test_gradients", "_unused")
    )
    assert tiny.judge(made, HEAD + "def double_(x):\n    x += x.clone()\n") == ("passed", "")
    told = ("value", "After the call x is wrong.")
    assert tiny.judge(made, HEAD + "def double_(x):\n    x = x + x\n") == told
    assert tiny.judge(made, HEAD + "def double_(x):\n    return x + x\n")[0] == "contract"


def test_infinite_results(tmp_path: Path) -> None:
    solution = TOP + (
        'def inverse(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:\n    return 1 / x.detach().floor().abs()\n'
    )
    made = tiny.kata(tmp_path, solution, checks().replace("test_gradients", "_unused"))
    assert tiny.judge(made, HEAD + "def inverse(x):\n    return x.floor().abs() ** -1\n") == ("passed", "")
    floored = HEAD + "def inverse(x):\n    return 1 / x.floor().abs().clamp(min=1e-9)\n"
    assert tiny.judge(made, floored)[0] == "value"
