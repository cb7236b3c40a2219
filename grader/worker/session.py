"""The few things the judge can ask of a piece of source text: load it, call it, differentiate it.

The same code serves the learner's file in the worker and the author's versions in the judge's own
process; only the way the requests travel differs.
"""

from __future__ import annotations

import contextlib
import inspect
import linecache
import sys
import time
import traceback
import types
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from grader.worker import plainly
from grader.worker.elsewhere import Elsewhere, refuse_stray
from grader.worker.forbid import Forbidden, forbidding
from grader.worker.wire import Handle, Stream

_KEPT_GRAPHS = 32
_NORM = nn.modules.batchnorm._BatchNorm
# What is measured here is measured with the functions as they were before any source was run.
_clock = time.perf_counter
_equal, _allclose, _clone, _detach = torch.equal, torch.allclose, Tensor.clone, Tensor.detach
_size, _floating = Tensor.size, torch.is_floating_point


class Raised(Exception):
    """Something went wrong in the source's own code; the exception told as data."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(f"{told['type']}: {told['message']}")
        self.told = told


Views = dict[str, tuple[bool, int]]
"""By name: whether a parameter is looked at transposed, and into how many parts it is cut."""


@dataclass(frozen=True, slots=True)
class _Graph:
    outputs: list[Tensor]
    inputs: list[Tensor]
    module: nn.Module | None
    views: Views = field(default_factory=dict)


class Session:
    """Holds one loaded source, the objects made from it, and the graphs of its last calls."""

    def __init__(self) -> None:
        self._symbols: dict[str, Any] = {}
        self._filename = ""
        self._objects: dict[int, Any] = {}
        self._origins: dict[int, dict[int, str]] = {}
        self._modes: dict[int, list[tuple[nn.Module, bool]]] = {}
        self._views: dict[int, Views] = {}
        self._graphs: OrderedDict[int, _Graph] = OrderedDict()
        self._count = 0

    # -- loading -------------------------------------------------------------------------------

    def load(self, source: str, filename: str, exports: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Run the source as a module; return its callables by name with their kind and parameters."""
        self._filename = filename
        name = "kata_" + "".join(c if c.isalnum() else "_" for c in filename.rsplit("/", 1)[-1])
        module = types.ModuleType(name)
        module.__file__ = filename
        # In a worker that is a copy: what the source does to it does not reach the engine.
        module.__dict__["__builtins__"] = sys.modules["builtins"]
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        sys.modules[name] = module
        self._told(lambda: exec(compile(source, filename, "exec", dont_inherit=True), module.__dict__))
        self.adopt(vars(module), filename, exports)
        return {name: describe(value) for name, value in self._symbols.items()}

    def adopt(self, namespace: Mapping[str, Any], filename: str, exports: Mapping[str, str] | None) -> None:
        """Take the callables of a namespace that has already been run."""
        self._filename = filename
        found = {name: value for name, value in namespace.items() if not name.startswith("__")}
        for public, actual in (exports or {}).items():
            found[public] = namespace[actual]
        self._symbols = {name: value for name, value in found.items() if callable(value)}

    # -- calling -------------------------------------------------------------------------------

    def call(
        self,
        target: str | list[Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        seed: int = 0,
        forbid: Sequence[str] = (),
        elsewhere: bool = False,
    ) -> dict[str, Any]:
        """Call a symbol, an object or its method; return its value and what it changed."""
        function, module = self._resolve(target)
        views = {} if isinstance(target, str) else self._views.get(target[0].number, {})
        args = [self._given(a) for a in args]
        kwargs = {name: self._given(a) for name, a in (kwargs or {}).items()}
        _steady([*args, *kwargs.values()])
        before, owned = _snapshot([args, kwargs]), _owned(args, kwargs)
        _seed(seed)

        def run() -> Any:
            with forbidding(forbid), Elsewhere() if elsewhere else contextlib.nullcontext():
                value = function(*_streams(args), **dict(zip(kwargs, _streams(kwargs.values()), strict=True)))
            if elsewhere:
                refuse_stray(value)
            return value

        start = _clock()
        value = self._told(run)
        seconds = _clock() - start
        mutated = _changed(before, [args, kwargs])
        self._count += 1
        self._remember(value, [args, kwargs], module, views)
        after = {place: _held(args[place] if isinstance(place, int) else kwargs[place]) for place in mutated}
        told = {"mutated": mutated, "after": after, "replaced": _replaced(owned, _owned(args, kwargs))}
        return {"value": value, "call": self._count, "seconds": seconds, **told}

    def construct(
        self, target: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, *, seed: int = 0
    ) -> dict[str, Any]:
        """Make an object of a class; return its handle and, for a module, its parameters and buffers."""
        kwargs = dict(kwargs or {})
        _seed(seed)
        made = self._told(lambda: self._symbols[target](*args, **kwargs))
        _steady([made])
        handle = self.keep(made)
        origins: dict[int, str] = {}
        for name, given in [*enumerate(args), *kwargs.items()]:
            if isinstance(given, nn.Module):
                for inner, tensor in [*given.named_parameters(), *given.named_buffers()]:
                    origins[id(tensor)] = f"@{name}.{inner}"
        self._origins[handle.number] = origins
        if isinstance(made, nn.Module):
            self._modes[handle.number] = [(inner, inner.training) for inner in made.modules()]
        return {"value": handle, "is_module": isinstance(made, nn.Module), "state": self.state(handle)}

    def keep(self, value: object) -> Handle:
        """Keep an object that cannot cross and return the number it is known by."""
        number = len(self._objects) + 1
        self._objects[number] = value
        return Handle(number, type(value).__name__)

    def drop(self, handles: Sequence[Handle]) -> dict[str, Any]:
        """Forget objects that the judge no longer holds."""
        for handle in handles:
            self._objects[handle.number] = None
            self._modes.pop(handle.number, None)
            self._views.pop(handle.number, None)
        return {}

    # -- modules -------------------------------------------------------------------------------

    def state(self, handle: Handle) -> list[dict[str, Any]] | None:
        """List the parameters and buffers of a module in order of registration."""
        module = self._objects[handle.number]
        if not isinstance(module, nn.Module):
            return None
        origins, views = self._origins.get(handle.number, {}), self._views.get(handle.number, {})
        plain = _plain_matrices(module)
        entries: list[dict[str, Any]] = []
        pairs = [("parameter", p) for p in module.named_parameters()]
        pairs += [("buffer", b) for b in module.named_buffers()]  # type: ignore[misc]
        for kind, (name, tensor) in pairs:
            lazy = isinstance(tensor, (nn.UninitializedParameter, nn.UninitializedBuffer))
            seen = {name: tensor} if lazy else _seen(name, tensor, views)
            entries += [
                {
                    "name": alias,
                    "kind": kind,
                    "shape": None if lazy else list(part.shape),
                    "plain": name in plain,
                    "floating": tensor.is_floating_point(),
                    "trainable": tensor.requires_grad,
                    "origin": origins.get(id(tensor)),
                }
                for alias, part in seen.items()
            ]
        return entries

    def values(self, handle: Handle) -> dict[str, Any]:
        """Return the contents of a module's parameters and buffers by name."""
        module = self._objects[handle.number]
        views = self._views.get(handle.number, {})
        tensors = [*module.named_parameters(), *module.named_buffers()]
        seen = [pair for name, t in tensors for pair in _seen(name, t.detach(), views).items()]
        return {"value": {name: tensor.clone() for name, tensor in seen}}

    def view(
        self, handle: Handle, turned: Sequence[str] = (), parts: Mapping[str, int] | None = None
    ) -> dict[str, Any]:
        """From here on show these matrices transposed, and these parameters cut into parts along axis 0."""
        views = dict.fromkeys(turned, (True, 1)) | {name: (False, n) for name, n in (parts or {}).items()}
        self._views[handle.number] = views
        return {"state": self.state(handle)}

    def prepare(
        self,
        handle: Handle,
        *,
        dtype: torch.dtype | None = None,
        training: bool | None = None,
        as_made: bool = False,
    ) -> dict[str, Any]:
        """Set a module's dtype and mode, or give it back the modes in which it was made."""
        module = self._objects[handle.number]
        if dtype is not None:
            self._told(lambda: module.to(dtype))
        if training is not None:
            self._told(lambda: module.train(training))
        if as_made:
            for inner, mode in self._modes.get(handle.number, ()):
                inner.training = mode
        return {"state": self.state(handle)}

    def fill(self, handle: Handle, values: Mapping[str, Tensor]) -> dict[str, Any]:
        """Copy values into parameters and buffers by name, axes of size one aside."""
        module = self._objects[handle.number]
        views = self._views.get(handle.number, {})
        own: dict[str, Tensor] = {}
        with torch.no_grad():
            for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
                own |= _seen(name, tensor, views)
            for name, value in values.items():
                own[name].copy_(value.reshape(own[name].shape))
        return {}

    # -- gradients -----------------------------------------------------------------------------

    def backward(self, call: int, cotangents: Sequence[Tensor | None]) -> dict[str, Any]:
        """Pull cotangents (one per tensor of the result, None to skip) back to inputs and parameters."""
        if call not in self._graphs:
            raise KeyError(f"the graph of call {call} is gone")
        graph = self._graphs[call]
        pairs = [
            (out, cot.to(out.dtype))
            for out, cot in zip(graph.outputs, cotangents, strict=False)
            if cot is not None and out.requires_grad
        ]
        parameters = list(graph.module.named_parameters()) if graph.module is not None else []
        wanted = graph.inputs + [p for _, p in parameters if p.requires_grad]
        grads: list[Tensor | None] = [None] * len(wanted)
        if pairs and wanted:
            # One scalar instead of grad_outputs=: with those, autograd imports a symbolic-algebra library.
            def pull() -> tuple[Tensor | None, ...]:
                with torch.enable_grad():
                    total = torch.stack([(out * cotangent).sum() for out, cotangent in pairs]).sum()
                return torch.autograd.grad(total, wanted, retain_graph=True, allow_unused=True)

            grads = list(self._told(pull))
        named = iter(grads[len(graph.inputs) :])
        return {
            "inputs": grads[: len(graph.inputs)],
            "parameters": {
                name: gradient
                for whole, p in parameters
                if p.requires_grad
                for name, gradient in _seen(whole, next(named), graph.views).items()
            },
        }

    # -- inside --------------------------------------------------------------------------------

    def _resolve(self, target: str | list[Any]) -> tuple[Callable[..., Any], nn.Module | None]:
        if isinstance(target, str):
            return self._symbols[target], None
        handle, method = target
        owner = self._objects[handle.number]
        module = owner if isinstance(owner, nn.Module) else None
        if method == "__call__":
            return owner, module
        return self._told(lambda: getattr(owner, method)), module

    def _given(self, value: Any) -> Any:
        return self._objects[value.number] if isinstance(value, Handle) else value

    def _remember(self, value: Any, inputs: Any, module: nn.Module | None, views: Views) -> None:
        leaves = [t for t in tensors_of(inputs) if t.requires_grad]
        outputs = list(tensors_of(value))
        if any(t.requires_grad for t in outputs):
            self._graphs[self._count] = _Graph(outputs, leaves, module, views)
            while len(self._graphs) > _KEPT_GRAPHS:
                self._graphs.popitem(last=False)

    def _told(self, run: Callable[[], Any]) -> Any:
        try:
            return run()
        except BaseException as error:
            raise Raised(_tell(error, self._filename)) from None


def _steady(values: Iterable[Any]) -> None:
    """Hand batch normalisation its gradient in the plain memory layout.

    On the CPU its backward pass goes wrong for a batch of one whose gradient comes channels last, as it does
    from ``flatten(2).transpose(1, 2)``.
    """
    for value in values:
        for layer in value.modules() if isinstance(value, nn.Module) else ():
            if isinstance(layer, _NORM) and _straighten not in layer._forward_hooks.values():
                layer.register_forward_hook(_straighten)


def _straighten(layer: nn.Module, inputs: Any, output: Any) -> None:
    if isinstance(output, Tensor) and output.requires_grad:
        output.register_hook(Tensor.contiguous)


def _plain_matrices(module: nn.Module) -> frozenset[str]:
    """Return the names of the matrices that belong to no layer of torch's: they may be stored either way."""
    return frozenset(
        f"{path}.{name}" if path else name
        for path, owner in module.named_modules()
        if not type(owner).__module__.startswith("torch.nn")
        for name, tensor in owner.named_parameters(recurse=False)
        if not isinstance(tensor, nn.UninitializedParameter) and tensor.dim() == 2
    )


def _seen(name: str, tensor: Any, views: Views) -> dict[str, Any]:
    """Return a parameter, or its gradient, under the names and in the forms in which it is looked at."""
    turned, parts = views.get(name, (False, 1))
    if parts == 1:
        return {name: tensor.t() if turned and tensor is not None else tensor}
    owner, _, leaf = name.rpartition(".")
    pieces = tensor.chunk(parts) if tensor is not None else [None] * parts
    # Named as if each part belonged to a layer of its own.
    return {f"{owner}[{i}].{leaf}": piece for i, piece in enumerate(pieces)}


def _seed(seed: int) -> None:
    # torch.manual_seed also leaves notes for every device that may yet be started, stack traces and all.
    torch.default_generator.manual_seed(seed)


def tensors_of(value: Any) -> Iterator[Tensor]:
    """Yield the tensors of a nested value in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_of(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_of(item)
    elif isinstance(value, Stream):
        yield from tensors_of(value.items)


def describe(value: Any) -> dict[str, Any]:
    """Tell of a callable what the judge wants to know before calling it."""
    kind = "class" if isinstance(value, type) else "function"
    try:
        names = [p.name for p in inspect.signature(value).parameters.values()]
    except (TypeError, ValueError):
        names = None
    return {"kind": kind, "parameters": names, "is_module": kind == "class" and issubclass(value, nn.Module)}


def _streams(values: Any) -> list[Any]:
    return [iter(v.items) if isinstance(v, Stream) else v for v in values]


def _snapshot(value: Any) -> Any:
    if isinstance(value, nn.Module):
        # Not buffers: a forward pass in training mode may move running statistics.
        return {name: _clone(_detach(p)) for name, p in value.named_parameters()}
    if isinstance(value, Tensor):
        return _clone(_detach(value))
    if isinstance(value, Mapping):
        return {k: _snapshot(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_snapshot(v) for v in value]
    if isinstance(value, set):
        return set(value)
    return value


def _changed(before: list[Any], after: list[Any]) -> list[Any]:
    """Return the positions and names of the arguments that no longer hold what they held."""
    places: list[Any] = [
        i for i, (a, b) in enumerate(zip(before[0], after[0], strict=True)) if not _same(a, b)
    ]
    return places + [name for name in after[1] if not _same(before[1][name], after[1][name])]


def _held(value: Any) -> Any:
    """Return what an argument holds; of a module its parameters by name."""
    if isinstance(value, nn.Module):
        return {name: _clone(_detach(p)) for name, p in value.named_parameters()}
    return value


def _owned(args: list[Any], kwargs: Mapping[str, Any]) -> dict[Any, dict[str, tuple[Tensor, bool]]]:
    """Return for each module among the arguments its parameters, and which of them are trained."""
    return {
        place: {name: (p, p.requires_grad) for name, p in value.named_parameters()}
        for place, value in [*enumerate(args), *kwargs.items()]
        if isinstance(value, nn.Module)
    }


def _replaced(before: Mapping[Any, dict], after: Mapping[Any, dict]) -> list[list[Any]]:
    """Return where a parameter is another one than before (True), or only its training has changed."""
    return [
        [place, name, now[0] is not own]
        for place, parameters in before.items()
        for name, (own, trained) in parameters.items()
        if (now := after[place].get(name)) is not None and (now[0] is not own or now[1] != trained)
    ]


def _same(before: Any, after: Any) -> bool:
    if isinstance(after, nn.Module):
        return _same(before, dict(after.named_parameters()))
    if isinstance(after, Tensor):
        if not isinstance(before, Tensor) or _size(before) != _size(after) or before.dtype != after.dtype:
            return False
        return _equal(before, after) or (
            _floating(after) and _allclose(before, _detach(after), rtol=0.0, atol=0.0, equal_nan=True)
        )
    if isinstance(after, Mapping):
        return list(before) == list(after) and all(_same(before[k], after[k]) for k in after)
    if isinstance(after, (list, tuple)):
        return len(before) == len(after) and all(_same(a, b) for a, b in zip(before, after, strict=True))
    return bool(before == after) or before is after


def _tell(error: BaseException, filename: str) -> dict[str, Any]:
    """Describe an exception without handing it over: type, message, and the source's own lines."""
    if isinstance(error, MemoryError):
        # What filled the memory is still held by the frames, and to tell of it takes some.
        traceback.clear_frames(error.__traceback__)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == filename]
    every = traceback.extract_tb(error.__traceback__)
    told: dict[str, Any] = {
        "type": type(error).__name__,
        "bases": [base.__name__ for base in type(error).__mro__],
        "message": plainly.message(error),
        "frames": [[f.lineno or 0, f.name, f.line or ""] for f in frames[-12:]],
        "own": bool(every) and every[-1].filename == filename,
        "forbidden": error.name if isinstance(error, Forbidden) else None,
    }
    if isinstance(error, SyntaxError):
        told["frames"] = [[error.lineno or 0, "", (error.text or "").rstrip("\n")]]
        told["message"] = error.msg or "invalid syntax"
    return told
