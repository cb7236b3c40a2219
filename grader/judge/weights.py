"""Puts one module's weights into another of the same architecture, whatever its attributes are called.

Parameters and buffers are paired by where they came from (a module handed in), by name, then by shape and
order of registration; where equal layers leave a choice, a bounded number of assignments is offered.
Beside the first axis only the number of entries counts, so that a convolution over a whole map may stand
for a linear layer on the flattened one.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Entry = Mapping[str, Any]
Pairing = dict[str, str]
"""The learner's name for each of the reference's names."""


@dataclass(frozen=True, slots=True)
class View:
    """How to look at the learner's parameters so that they stand for the reference's."""

    turned: tuple[str, ...] = ()
    """Matrices that are kept as [in, out]."""
    parts: tuple[tuple[str, int], ...] = ()
    """Parameters of several layers in one, with the number of layers."""
    flat: bool = False
    """Whether only numbers of entries count, not shapes."""


Choice = tuple[Sequence[Any], Sequence[Any]]
"""What the reference has of one kind (entries, or layers of entries), and what the learner has."""

_MOST = 720
_FEW, _JOINED = 5, 4


def views(reference: Sequence[Entry], learner: Sequence[Entry]) -> Iterator[View]:
    """Yield the ways to look at the learner's parameters, likeliest first.

    Layers of torch's keep their weights as [out, in]; what somebody writes by hand may be either way round.
    Two layers on one input may be one with twice the channels. A grouped convolution may stand for a stack
    of matrices.
    """
    yield View()
    matrices = [e["name"] for e in learner if e["plain"]]
    if matrices:
        yield View(turned=tuple(matrices))
    for some in range(1, len(matrices)) if len(matrices) <= _FEW else ():
        yield from (View(turned=chosen) for chosen in itertools.combinations(matrices, some))
    if mismatch(reference, learner) is not None:
        if parts := _joined(reference, learner):
            yield View(parts=parts)
        yield View(flat=True)
        if matrices:
            yield View(turned=tuple(matrices), flat=True)


def _joined(reference: Sequence[Entry], learner: Sequence[Entry]) -> tuple[tuple[str, int], ...]:
    """Return the parameters that hold those of several of the reference's layers, or nothing."""
    missing = list(map(_key, reference))
    spare = []
    for entry in learner:
        if _key(entry) in missing:
            missing.remove(_key(entry))
        elif entry["kind"] == "parameter":
            spare.append(entry)
    found = []
    for entry in spare:
        rows, *rest = entry["shape"] or [0]
        for n in range(2, _JOINED + 1):
            part = _key({**entry, "shape": [rows // n, *rest]})
            if rows % n == 0 and missing.count(part) >= n:
                for _ in range(n):
                    missing.remove(part)
                found.append((entry["name"], n))
                break
        else:
            return ()
    return tuple(found)


def pairings(
    reference: Sequence[Entry], learner: Sequence[Entry], *, flat: bool = False
) -> Iterator[Pairing]:
    """Yield the ways to pair the reference's entries with the learner's, likeliest first."""
    if flat:
        reference, learner = _flattened(reference), _flattened(learner)
    fixed, left, right = _by_origin(reference, learner)
    theirs = _grouped(right)
    left = [e for e in left if not counts(e) or _key(e) in theirs]
    groups = [(ours, theirs.get(key, [])) for key, ours in _grouped(left).items()]
    if any(len(ours) > len(found) for ours, found in groups):
        return
    seen: set[tuple[tuple[str, str], ...]] = set()
    first = [dict(zip(_named(ours), _by_name(ours, found), strict=True)) for ours, found in groups]
    second = [dict(zip(_named(ours), _named(found), strict=False)) for ours, found in groups]
    whole = _by_layer(left, right)
    rest = _permuted(groups) if whole is None else _permuted(whole)
    for choice in itertools.chain([first, second], rest):
        pairing = {**fixed, **{k: v for part in choice for k, v in part.items()}}
        key = tuple(sorted(pairing.items()))
        if key not in seen:
            seen.add(key)
            yield pairing


def _flattened(entries: Sequence[Entry]) -> list[Entry]:
    return [{**e, "shape": [math.prod(e["shape"] or ())]} for e in entries]


def mismatch(reference: Sequence[Entry], learner: Sequence[Entry], *, flat: bool = False) -> str | None:
    """Return a side-by-side table when the parameters cannot be paired one to one, or None."""
    if flat:
        reference, learner = _flattened(reference), _flattened(learner)
    # A normalisation written by hand need not count its batches.
    wanted, found = Counter(_key(e) for e in reference if not counts(e)), Counter(map(_key, learner))
    spare = Counter({k: n for k, n in (found - wanted).items() if k[0] == "parameter"})
    # What is not trained is a constant, registered as a parameter or not.
    constant = Counter(_key(e) for e in learner if not e["trainable"])
    if wanted <= found and spare <= constant:
        return None
    if len(reference) == len(learner) and _turned(reference) == _turned(learner):
        return f"Weights are stored as [out, in], the way of torch's layers.\n\n{table(reference, learner)}"
    return table(reference, learner)


def counts(entry: Entry) -> bool:
    """Whether an entry is a counter, such as the number of batches a normalisation has seen."""
    return entry["kind"] == "buffer" and not entry["floating"] and entry["shape"] == []


def _turned(entries: Sequence[Entry]) -> list[tuple[int, ...]]:
    """Return the shapes of the parameters, those of matrices whichever way round."""
    shapes = [tuple(e["shape"] or ()) for e in entries if e["kind"] == "parameter"]
    return sorted(tuple(sorted(shape)) if len(shape) == 2 else shape for shape in shapes)


def table(reference: Sequence[Entry], learner: Sequence[Entry]) -> str:
    """Return the parameters and buffers of both sides, matched by shape, as text."""
    pool = list(learner)
    lines = [f"{'asked for':<26}  yours"]
    for entry in reference:
        twin = next((e for e in pool if _key(e) == _key(entry)), None)
        if twin is not None:
            pool.remove(twin)
        right = f"{twin['name']} {_shape(twin)}" if twin is not None else "(missing)"
        lines.append(f"{entry['kind'] + ' ' + _shape(entry):<26}  {right}")
    lines += [f"{'(not asked for)':<26}  {e['name']} {_shape(e)}" for e in pool if e["kind"] == "parameter"]
    shown = lines if len(lines) <= 16 else [*lines[:15], f"... and {len(lines) - 15} more"]
    return "\n".join(shown)


def _by_origin(
    reference: Sequence[Entry], learner: Sequence[Entry]
) -> tuple[Pairing, list[Entry], list[Entry]]:
    theirs = {e["origin"]: e["name"] for e in learner if e["origin"]}
    fixed = {e["name"]: theirs[e["origin"]] for e in reference if e["origin"] in theirs}
    used = set(fixed.values())
    return (
        fixed,
        [e for e in reference if e["name"] not in fixed],
        [e for e in learner if e["name"] not in used],
    )


def _grouped(entries: Sequence[Entry]) -> dict[tuple[Any, ...], list[Entry]]:
    groups: dict[tuple[Any, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[_key(entry)].append(entry)
    return groups


def _key(entry: Entry) -> tuple[Any, ...]:
    dims = [n for n in entry["shape"] or [] if n != 1]
    return entry["kind"], entry["floating"], *dims[:1], math.prod(dims[1:])


def _shape(entry: Entry) -> str:
    return "x".join(str(n) for n in entry["shape"] or []) or "scalar"


def _named(entries: Sequence[Any]) -> list[str]:
    """Return the names of entries, or of the entries of layers."""
    return [name for e in entries for name in ([e["name"]] if isinstance(e, Mapping) else _named(e))]


def _by_name(ours: Sequence[Entry], theirs: Sequence[Entry]) -> list[str]:
    """Pair equal names first and the others in order."""
    known = {e["name"] for e in theirs} & {e["name"] for e in ours}
    spare = iter(e["name"] for e in theirs if e["name"] not in known)
    return [e["name"] if e["name"] in known else next(spare) for e in ours]


def _by_layer(left: Sequence[Entry], right: Sequence[Entry]) -> list[Choice] | None:
    """Return layers alike that may stand for one another, or None where the two sides have other layers.

    A weight and its bias belong together, so that four equal convolutions make 24 assignments, not 24 * 24.
    """
    # Constants of the learner's own belong to no layer of the reference's.
    wanted = {_key(entry) for entry in left}
    ours, theirs = _layers(left), _layers([entry for entry in right if _key(entry) in wanted])
    if {kind: len(found) for kind, found in ours.items()} != {k: len(f) for k, f in theirs.items()}:
        return None
    return [(found, theirs[kind]) for kind, found in ours.items()]


def _layers(entries: Sequence[Entry]) -> dict[tuple[Any, ...], list[list[Entry]]]:
    """Group entries by the module that owns them, and owners by what they own."""
    owned: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        owned[entry["name"].rpartition(".")[0] or entry["name"]].append(entry)
    alike: dict[tuple[Any, ...], list[list[Entry]]] = defaultdict(list)
    for layer in owned.values():
        layer.sort(key=lambda e: (str(_key(e)), _leaf(e)))
        keys = [_key(e) for e in layer]
        # Two of one shape (the scale and the shift of a normalisation) are told apart by their names.
        kind = tuple((_key(e), _leaf(e) if keys.count(_key(e)) > 1 else "") for e in layer)
        alike[kind].append(layer)
    return alike


def _leaf(entry: Entry) -> str:
    return entry["name"].rpartition(".")[2]


def _permuted(groups: Sequence[Choice]) -> Iterator[list[Pairing]]:
    ways = math.prod(math.perm(len(found), len(ours)) for ours, found in groups)
    if ways > 50_000:
        return
    options = [
        [
            dict(zip(_named(ours), _named(chosen), strict=True))
            for chosen in itertools.permutations(found, len(ours))
        ]
        for ours, found in groups
    ]
    yield from (list(choice) for choice in itertools.islice(itertools.product(*options), _MOST))
