"""An implementation as the judge sees it: something to call, wherever it runs.

A ``Candidate`` offers the few operations of a worker session. Checks do not use them directly; they get
proxies with the call form of functions and modules, through which even autograd works, so that a check
reads as mathematics and never knows which side of the cut the code runs on.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from grader.worker import wire
from grader.worker.plainly import visible
from grader.worker.session import Raised, Session, tensors_of
from grader.worker.wire import Handle, Opaque
from grader.worker.zygote import Died

__all__ = ["Candidate", "Died", "Handle", "Local", "ObjectProxy", "Opaque", "Raised", "Remote", "mapped"]


class Transport(Protocol):
    """How requests reach a session."""

    def request(self, op: str, **fields: Any) -> dict[str, Any]:
        """Ask for one operation; raise ``Raised`` or ``Died`` when it goes wrong."""

    def allow(self, seconds: float) -> None:
        """Give a new budget of wall-clock time."""

    def close(self) -> None:
        """Let go of the session."""


class Local:
    """A session in this process: for the author's own versions, and for the debugger."""

    def __init__(self, session: Session | None = None) -> None:
        self.session = session or Session()

    def request(self, op: str, **fields: Any) -> dict[str, Any]:
        """Run the operation here on copies, packed and unpacked as the wire would."""
        given = {name: wire.unpack(*wire.pack(value)) for name, value in fields.items()}
        reply = getattr(self.session, op)(**given)
        return wire.unpack(*wire.pack(reply, keep=self.session.keep))

    def allow(self, seconds: float) -> None:
        """Nothing is limited here."""

    def close(self) -> None:
        """Nothing to let go of."""


class WorkerLike(Protocol):
    """The judge's end of a worker process, forked or spawned."""

    def exchange(self, frame: bytes, *, seconds: float) -> tuple[bytes, ...]:
        """Send a frame, return the reply."""

    def printed(self, limit: int = ...) -> str:
        """Return new output."""

    def close(self) -> int:
        """End the process."""


_STARTING = 120.0
"""Seconds a worker may take until it runs; an interpreter that imports torch on a busy machine needs many."""


class Remote:
    """A session in a worker process, with a wall-clock budget for everything it is asked."""

    def __init__(self, worker: WorkerLike, *, seconds: float, deny: Sequence[str] = ()) -> None:
        self._worker = worker
        # Until it answers for the first time the process is starting, which is not the learner's time.
        self._allowed = self._left = _STARTING
        self.died: Died | None = None
        self.request("confine", deny=list(deny))
        self.allow(seconds)

    def request(self, op: str, **fields: Any) -> dict[str, Any]:
        """Send the operation across and wait for its answer."""
        if self.died is not None:
            raise self.died
        frame = wire.encode({"op": op, **fields})
        start = time.monotonic()
        try:
            parts = self._worker.exchange(frame, seconds=max(self._left, 0.01))
            message = wire.decode(_reader(parts))
        except Died as died:
            if died.kind == "timeout":
                died = Died("timeout", f"ran out of time: more than {self._allowed:g} seconds", died.stack)
            self.died = died
            raise died from None
        except wire.WireError as bad:
            self.died = Died("crashed", f"sent back something that cannot be read: {bad}")
            raise self.died from None
        finally:
            self._left -= time.monotonic() - start
            if text := self._worker.printed():
                # Under `pytest -s` this is the terminal, which may know fewer characters.
                encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
                sys.stdout.write(visible(text).encode(encoding, "replace").decode(encoding))
        return self._opened(op, message)

    def allow(self, seconds: float) -> None:
        """Give a new budget, for the search for an explanation."""
        self._allowed = self._left = seconds

    def close(self) -> None:
        """End the worker."""
        self._worker.close()

    def _opened(self, op: str, message: dict[str, Any]) -> dict[str, Any]:
        if "raised" in message:
            raise Raised(message["raised"])
        if "bad" in message:
            raise Died("crashed", str(message["bad"]))
        answer = message.get("ok", {})
        return answer if isinstance(answer, dict) else {}


def _reader(parts: tuple[bytes, ...]) -> Callable[[int], bytes]:
    rest = iter(parts)
    return lambda _size: next(rest)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call gave back."""

    value: Any
    mutated: tuple[str | int, ...]
    call: int
    seconds: float
    after: Mapping[str | int, Any] = field(default_factory=dict)
    """What the arguments that were changed hold now; of a module its parameters by name."""
    replaced: tuple[tuple[str | int, str, bool], ...] = ()
    """The parameters of modules among the arguments in whose place there is another one now (True), or of
    which only whether they are trained has changed."""


class Candidate:
    """One implementation of a kata's symbols."""

    def __init__(self, transport: Transport, *, forbid: Sequence[str] = ()) -> None:
        self.transport = transport
        self.symbols: dict[str, dict[str, Any]] = {}
        self._forbid = list(forbid)
        self._calls = 0

    def load(self, source: str, filename: str, exports: Mapping[str, str] | None = None) -> None:
        """Run the source and learn which callables it has."""
        self.symbols = self.transport.request("load", source=source, filename=filename, exports=exports)

    def call(
        self,
        target: str | tuple[Handle, str],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        elsewhere: bool = False,
    ) -> Answer:
        """Call a function, or a method of an object."""
        self._calls += 1
        where = target if isinstance(target, str) else list(target)
        reply = self.transport.request(
            "call",
            target=where,
            args=list(args),
            kwargs=dict(kwargs or {}),
            seed=self._calls,
            forbid=self._forbid,
            elsewhere=elsewhere,
        )
        replaced = tuple((place, str(name), bool(other)) for place, name, other in reply["replaced"])
        told = (tuple(reply["mutated"]), reply["call"], float(reply["seconds"]), reply["after"], replaced)
        return Answer(reply["value"], *told)

    def construct(
        self, target: str, kwargs: Mapping[str, Any], *, seed: int | None = None
    ) -> tuple[Handle, list[dict[str, Any]] | None]:
        """Make an object; return its handle and, for a module, its state entries."""
        self._calls += 1
        seed = self._calls if seed is None else seed
        reply = self.transport.request("construct", target=target, kwargs=dict(kwargs), seed=seed)
        return reply["value"], reply["state"]

    def backward(self, call: int, cotangents: Sequence[Tensor | None]) -> dict[str, Any]:
        """Return gradients of a call: ``inputs`` in order, ``parameters`` by name."""
        return self.transport.request("backward", call=call, cotangents=list(cotangents))

    def symbol(self, name: str) -> Any:
        """Return a proxy that is called like the symbol itself."""
        if self.symbols.get(name, {}).get("kind") == "class":
            return lambda *args, **kwargs: ObjectProxy(self, self._made(name, args, kwargs))
        return lambda *args, **kwargs: self._bridged(name, args, kwargs)

    def close(self) -> None:
        """Let go of whatever runs the implementation."""
        self.transport.close()

    def _made(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Handle:
        self._calls += 1
        reply = self.transport.request(
            "construct", target=name, args=list(args), kwargs=dict(kwargs), seed=self._calls
        )
        return reply["value"]

    def _bridged(self, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        answer = self.call(target, args, kwargs)
        for place, held in answer.after.items():
            _brought_back(args[place] if isinstance(place, int) else kwargs[place], held)
        leaves = [t for t in tensors_of([list(args), dict(kwargs)]) if t.requires_grad]
        results = list(tensors_of(answer.value))
        if not leaves or not any(t.requires_grad for t in results):
            return mapped(answer.value, lambda t: t.detach())
        tracked = _Bridge.apply(self, answer.call, [t.detach() for t in results], *leaves)
        joined = iter(new if old.requires_grad else old for new, old in zip(tracked, results, strict=True))
        return mapped(answer.value, lambda _t: next(joined))


def _brought_back(given: Any, held: Any) -> None:
    """Let a module that was handed over hold what the candidate left in it."""
    if not isinstance(given, nn.Module):
        return
    with torch.no_grad():
        for name, parameter in given.named_parameters():
            if isinstance(now := held.get(name), Tensor) and now.shape == parameter.shape:
                parameter.copy_(now)


class ObjectProxy:
    """An object that lives with the candidate, called and asked as if it were here."""

    def __init__(self, candidate: Candidate, handle: Handle) -> None:
        self._candidate = candidate
        self._handle = handle

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the object itself (a module's forward)."""
        return self._candidate._bridged((self._handle, "__call__"), args, kwargs)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        """Return the object's method of that name."""
        if method.startswith("__"):
            raise AttributeError(method)
        return lambda *args, **kwargs: self._candidate._bridged((self._handle, method), args, kwargs)

    def train(self, mode: bool = True) -> ObjectProxy:
        """Set training mode."""
        self._candidate.transport.request("prepare", handle=self._handle, training=mode)
        return self

    def eval(self) -> ObjectProxy:
        """Set evaluation mode."""
        return self.train(False)

    def double(self) -> ObjectProxy:
        """Convert parameters and buffers to float64."""
        self._candidate.transport.request("prepare", handle=self._handle, dtype=torch.float64)
        return self

    def state(self) -> dict[str, Tensor]:
        """Return parameters and buffers by name."""
        return self._candidate.transport.request("values", handle=self._handle)["value"]

    def fill(self, values: Mapping[str, Tensor]) -> ObjectProxy:
        """Copy values into parameters and buffers by name."""
        self._candidate.transport.request("fill", handle=self._handle, values=dict(values))
        return self


class _Bridge(torch.autograd.Function):
    """Joins the judge's graph to the candidate's: backward asks the candidate for the pull-back."""

    @staticmethod
    def forward(ctx: Any, candidate: Candidate, call: int, results: list[Tensor], *leaves: Tensor) -> Any:
        ctx.candidate, ctx.call, ctx.count = candidate, call, len(leaves)
        return tuple(t.clone() for t in results)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> Any:
        grads = ctx.candidate.backward(ctx.call, [None if c is None else c.detach() for c in cotangents])
        return None, None, None, *grads["inputs"][: ctx.count]


def mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Return a nested value with every tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {k: mapped(v, change) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([mapped(v, change) for v in value])
    return value
