"""Module katas: a right architecture is right whatever its attributes are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny

SOLUTION = '''"""Two heads."""
import torch
from jaxtyping import Float
from torch import Tensor, nn

from grader import right, wrong

LEVEL = 1
MINUTES = 5
HINTS = ("1", "2", "3")


class Heads(nn.Module):
    """Two hidden layers of equal shape, then batch norm and a head."""

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)
        self.norm = nn.BatchNorm1d(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Float[Tensor, "b width"]) -> Float[Tensor, "b classes"]:
        """Return scores."""
        return self.head(self.norm(torch.relu(self.second(torch.tanh(self.first(x))))))
'''

TEST = """from grader import Kata, Rules

kata = Kata(__file__, rules=Rules(sizes={"b": (4, 5)}))

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()
"""

HEAD = "import torch\nfrom torch import nn\n\n\n"


def heads(init: str, forward: str) -> str:
    return (
        HEAD
        + "class Heads(nn.Module):\n    def __init__(self, width, classes):\n        super().__init__()\n"
        + "".join(f"        {line}\n" for line in init.splitlines())
        + "\n    def forward(self, x):\n"
        + "".join(f"        {line}\n" for line in forward.splitlines())
    )


PLAIN = """self.first = nn.Linear(width, width)
self.second = nn.Linear(width, width)
self.norm = nn.BatchNorm1d(width)
self.head = nn.Linear(width, classes)"""
CHAIN = "return self.head(self.norm(torch.relu(self.second(torch.tanh(self.first(x))))))"

RIGHT = {
    "as asked": (PLAIN, CHAIN),
    "other names": (
        PLAIN.replace("first", "a").replace("second", "b"),
        CHAIN.replace("first", "a").replace("second", "b"),
    ),
    "the equal layers registered the other way round": (
        PLAIN.replace("first", "x").replace("second", "first").replace("x", "second", 1),
        CHAIN,
    ),
    "names that lie": (
        PLAIN.replace("first", "t").replace("second", "first").replace("self.t ", "self.second "),
        CHAIN.replace("first", "t").replace("second", "first").replace(".t(", ".second("),
    ),
    "one sequential": (
        "self.all = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width), nn.ReLU(), "
        "nn.BatchNorm1d(width), nn.Linear(width, classes))",
        "return self.all(x)",
    ),
    "a list of layers": (
        "self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(2)])\nself.n = nn.BatchNorm1d(width)\n"
        "self.out = nn.Linear(width, classes)",
        "x = torch.tanh(self.layers[0](x))\nreturn self.out(self.n(torch.relu(self.layers[1](x))))",
    ),
    "bare parameters": (
        "self.w1 = nn.Parameter(torch.randn(width, width))\nself.b1 = nn.Parameter(torch.zeros(width))\n"
        "self.second = nn.Linear(width, width)\nself.norm = nn.BatchNorm1d(width)\n"
        "self.head = nn.Linear(width, classes)",
        "return self.head(self.norm(torch.relu(self.second(torch.tanh(x @ self.w1.T + self.b1)))))",
    ),
    "matrices the other way round": (
        "self.w1 = nn.Parameter(torch.randn(width, width))\nself.b1 = nn.Parameter(torch.zeros(width))\n"
        "self.second = nn.Linear(width, width)\nself.norm = nn.BatchNorm1d(width)\n"
        "self.w3 = nn.Parameter(torch.randn(width, classes))\nself.b3 = nn.Parameter(torch.zeros(classes))",
        "x = self.norm(torch.relu(self.second(torch.tanh(x @ self.w1 + self.b1))))\nreturn x @ self.w3 + self.b3",
    ),
    "only square matrices the other way round": (
        "self.w1 = nn.Parameter(torch.randn(width, width))\nself.b1 = nn.Parameter(torch.zeros(width))\n"
        "self.w2 = nn.Parameter(torch.randn(width, width))\nself.b2 = nn.Parameter(torch.zeros(width))\n"
        "self.norm = nn.BatchNorm1d(width)\nself.head = nn.Linear(width, classes)",
        "x = torch.tanh(x @ self.w1 + self.b1)\n"
        "return self.head(self.norm(torch.relu(x @ self.w2 + self.b2)))",
    ),
    "one matrix each way round": (
        "self.w1 = nn.Parameter(torch.randn(width, width))\nself.b1 = nn.Parameter(torch.zeros(width))\n"
        "self.second = nn.Linear(width, width)\nself.norm = nn.BatchNorm1d(width)\n"
        "self.w3 = nn.Parameter(torch.randn(width, classes))\nself.b3 = nn.Parameter(torch.zeros(classes))",
        "x = self.norm(torch.relu(self.second(torch.tanh(x @ self.w1.T + self.b1))))\nreturn x @ self.w3 + self.b3",
    ),
    "a 1x1 convolution for a head": (
        PLAIN.replace("nn.Linear(width, classes)", "nn.Conv1d(width, classes, 1)"),
        "x = self.norm(torch.relu(self.second(torch.tanh(self.first(x)))))\nreturn self.head(x[:, :, None])[:, :, 0]",
    ),
    "lazy layers": (PLAIN.replace("nn.Linear(width, classes)", "nn.LazyLinear(classes)"), CHAIN),
    "a constant that is a parameter": (
        PLAIN + "\nself.one = nn.Parameter(torch.ones(width), requires_grad=False)",
        CHAIN.replace("self.first(x)", "self.first(x * self.one)"),
    ),
    "a normalisation by hand that counts no batches": (
        PLAIN.replace("self.norm = nn.BatchNorm1d(width)\n", "")
        + "\nself.g, self.b = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))"
        + "\nself.register_buffer('running_mean', torch.zeros(width))"
        + "\nself.register_buffer('running_var', torch.ones(width))",
        "x = torch.relu(self.second(torch.tanh(self.first(x))))\nmean, var = self.running_mean, self.running_var\n"
        "if self.training:\n    mean, var = x.mean(0), x.var(0, unbiased=False)\n"
        "    with torch.no_grad():\n        self.running_mean.lerp_(mean, 0.1)\n"
        "        self.running_var.lerp_(x.var(0), 0.1)\n"
        "return self.head(self.g * (x - mean) / (var + 1e-5).sqrt() + self.b)",
    ),
    "constants, and the layers in another order": (
        PLAIN.replace("first", "x").replace("second", "first").replace("x", "second", 1)
        + "\nself.register_buffer('share', torch.tensor(0.5))"
        + "\nself.two = nn.Parameter(torch.tensor(2.0), requires_grad=False)",
        CHAIN.replace("self.first(x)", "self.first(x * self.share * self.two)"),
    ),
    "a constant buffer of its own": (PLAIN + "\nself.register_buffer('one', torch.ones(3))", CHAIN),
}

WRONG = {
    "one layer used twice": (PLAIN, CHAIN.replace("second", "first"), "value"),
    "no bias": (PLAIN.replace("(width, classes)", "(width, classes, bias=False)"), CHAIN, "contract"),
    "one layer too many": (PLAIN + "\nself.more = nn.Linear(width, 2)", CHAIN, "contract"),
    "a hand-made layer without its bias": (
        PLAIN.replace("nn.Linear(width, classes)", "nn.Linear(width, classes, bias=False)")
        + "\nself.bias = nn.Parameter(torch.zeros(classes, 1))",
        CHAIN,
        "value",
    ),
    "a hidden layer that is not trained": (PLAIN + "\nself.second.requires_grad_(False)", CHAIN, "gradient"),
    "no norm": (
        PLAIN.replace("self.norm = nn.BatchNorm1d(width)\n", ""),
        CHAIN.replace("self.norm", ""),
        "contract",
    ),
    "activations swapped": (
        PLAIN,
        CHAIN.replace("relu", "tmp").replace("tanh", "relu").replace("tmp", "tanh"),
        "value",
    ),
    "a normalisation by hand that keeps no running means": (
        PLAIN.replace("self.norm = nn.BatchNorm1d(width)\n", "")
        + "\nself.g, self.b = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))",
        "x = torch.relu(self.second(torch.tanh(self.first(x))))\n"
        "return self.head(self.g * (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt() + self.b)",
        "contract",
    ),
    "norm in the wrong place": (
        PLAIN,
        "return self.head(torch.relu(self.norm(self.second(torch.tanh(self.first(x))))))",
        "value",
    ),
    "a layer cut off from the graph": (
        PLAIN,
        CHAIN.replace("self.first(x)", "self.first(x).detach()"),
        "gradient",
    ),
    "always evaluating": (PLAIN, "self.norm.eval()\n" + CHAIN, "value"),
    "evaluating until train() is called": (PLAIN + "\nself.norm.eval()", CHAIN, "value"),
    "a dropout that was not asked for": (
        PLAIN,
        "x = torch.dropout(x, 0.5, self.training)\n" + CHAIN,
        "value",
    ),
    "a residual": (PLAIN, CHAIN.replace("self.first(x)", "self.first(x) + x"), "value"),
    "hidden layers in a plain list": (
        "self.l = [nn.Linear(width, width), nn.Linear(width, width)]\nself.norm = nn.BatchNorm1d(width)\n"
        "self.head = nn.Linear(width, classes)",
        "return self.head(self.norm(torch.relu(self.l[1](torch.tanh(self.l[0](x))))))",
        "contract",
    ),
    "not a module": ("pass", "return x", "contract"),
}


GATED = (
    SOLUTION[: SOLUTION.index("class Heads")].replace("Two heads", "A gate")
    + '''class Gate(nn.Module):
    """Two layers on one input, one of them the gate, and a stack of matrices after them."""

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.value, self.gate = nn.Linear(width, classes), nn.Linear(width, classes)
        self.mix = nn.Parameter(torch.randn(classes, 2, 3))

    def forward(self, x: Float[Tensor, "b width"]) -> Float[Tensor, "b classes 2"]:
        """Return gated values, three times through a matrix for each class."""
        y = torch.tanh(self.value(x)) * torch.sigmoid(self.gate(x))
        return torch.einsum("bcj,coj->bco", y[:, :, None] * torch.arange(1, 4), self.mix)
'''
)

JOINED = {
    "as asked": (
        "self.v, self.g = nn.Linear(width, classes), nn.Linear(width, classes)\n"
        "self.mix = nn.Parameter(torch.randn(classes, 2, 3))",
        "v, g = self.v(x), self.g(x)",
        "torch.einsum('bcj,coj->bco', y, self.mix)",
    ),
    "one layer for both, the value first": (
        "self.both = nn.Linear(width, 2 * classes)\nself.mix = nn.Parameter(torch.randn(classes, 2, 3))",
        "v, g = self.both(x).chunk(2, dim=-1)",
        "torch.einsum('bcj,coj->bco', y, self.mix)",
    ),
    "one layer for both, the gate first": (
        "self.both = nn.Linear(width, 2 * classes)\nself.mix = nn.Parameter(torch.randn(classes, 2, 3))",
        "g, v = self.both(x).chunk(2, dim=-1)",
        "torch.einsum('bcj,coj->bco', y, self.mix)",
    ),
    "a grouped convolution for the stack": (
        "self.c = classes\nself.v, self.g = nn.Linear(width, classes), nn.Linear(width, classes)\n"
        "self.mix = nn.Conv1d(3 * classes, 2 * classes, 1, groups=classes, bias=False)",
        "v, g = self.v(x), self.g(x)",
        "self.mix(y.flatten(1)[:, :, None]).view(-1, self.c, 2)",
    ),
}


def gate(init: str, layers: str, mixed: str) -> str:
    gated = "y = (torch.tanh(v) * torch.sigmoid(g))[:, :, None] * torch.arange(1, 4)"
    return heads(init, f"{layers}\n{gated}\nreturn {mixed}").replace("Heads", "Gate")


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tiny.kata(tmp_path_factory.mktemp("gated"), GATED, TEST)


@pytest.mark.parametrize("name", JOINED)
def test_accepts_layers_in_one(gated: Any, name: str) -> None:
    assert tiny.judge(gated, gate(*JOINED[name])) == ("passed", "")


def test_layers_in_one_are_held_to_their_values(gated: Any) -> None:
    init, layers, mixed = JOINED["one layer for both, the value first"]
    assert tiny.judge(gated, gate(init, layers, mixed).replace("sigmoid", "tanh"))[0] == "value"
    cut = layers.replace("self.both(x)", "self.both(x).detach()")
    assert tiny.judge(gated, gate(init, cut, mixed))[0] == "gradient"
    wide, three = init.replace("2 * classes", "3 * classes"), "v, g, _ = self.both(x).chunk(3, dim=-1)"
    assert tiny.judge(gated, gate(wide, three, mixed))[0] == "contract"


NORMED = (
    SOLUTION[: SOLUTION.index("class Heads")].replace("Two heads", "Places")
    + '''class Places(nn.Module):
    """Normalised features, place by place."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Float[Tensor, "b width h w"]) -> Float[Tensor, "b h*w width"]:
        """Return the places in rows."""
        return self.norm(x).flatten(2).transpose(1, 2)
'''
)


def test_a_batch_of_one_is_normalised_and_differentiated(tmp_path: Path) -> None:
    made = tiny.kata(tmp_path, NORMED, TEST.replace('{"b": (4, 5)}', '{"b": (2, 3)}, single="b"'))
    for forward in (
        "return self.norm(x).flatten(2).transpose(1, 2)",
        "return self.norm(x).permute(0, 2, 3, 1).reshape(len(x), -1, x.shape[1])",
        "return torch.stack([row.flatten(1).T for row in self.norm(x)])",
    ):
        answer = heads("self.norm = nn.BatchNorm2d(width)", forward)
        answer = answer.replace("Heads", "Places").replace(", classes", "")
        assert tiny.judge(made, answer) == ("passed", "")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tiny.kata(tmp_path_factory.mktemp("modules"), SOLUTION, TEST)


@pytest.mark.parametrize("name", RIGHT)
def test_accepts(made: Any, name: str) -> None:
    assert tiny.judge(made, heads(*RIGHT[name])) == ("passed", "")


@pytest.mark.parametrize("name", WRONG)
def test_refuses(made: Any, name: str) -> None:
    init, forward, kind = WRONG[name]
    assert tiny.judge(made, heads(init, forward))[0] == kind


def test_forgetting_super_is_one_sentence(made: Any) -> None:
    answer = heads(PLAIN, CHAIN).replace("        super().__init__()\n", "")
    kind, sentence = tiny.judge(made, answer)
    assert kind == "error"
    assert "__init__() call" in sentence


def test_a_plain_class_is_told_to_be_a_module(made: Any) -> None:
    kind, sentence = tiny.judge(made, "class Heads:\n    def __init__(self, width, classes):\n        pass\n")
    assert (kind, sentence) == ("contract", "Heads is not an nn.Module.")


def test_what_cannot_be_paired_is_shown_side_by_side(made: Any, tmp_path: Path) -> None:
    from grader.judge.candidate import Candidate, Local
    from grader.proof.audit import first_problem

    candidate = Candidate(Local())
    candidate.load(heads(PLAIN.replace("(width, classes)", "(width, classes, bias=False)"), CHAIN), "it.py")
    found = first_problem(made[1], candidate)
    assert found is not None
    assert "(missing)" in found[1].note
    assert "first.weight" in found[1].note
