"""The list of tracks and katas, read from the solutions' text with ``ast``: nothing is imported or run."""

from __future__ import annotations

import ast
import difflib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.model import KataInfo
from grader.workspace import cache as caches
from grader.workspace.places import Places, kata_of
from grader.workspace.source import public_symbols, version
from grader.workspace.stub import StubError, is_bare, plain, stub_text

TRACKS = (
    "classification",
    "detection",
    "semantic_segmentation",
    "instance_segmentation",
    "depth",
    "optical_flow",
    "lane_detection",
    "trajectory_prediction",
    "anomaly_detection",
    "captioning",
    "super_resolution",
    "inpainting",
    "pytorch_basics",
    "image_processing",
    "cnn_architectures",
    "transformers",
    "losses_and_metrics",
    "training_and_augmentation",
    "generative_and_restoration",
)
"""The tracks in the order a learner meets them; folders not named here come last."""

_ONE = ("title", "statement", "level", "minutes")
_MANY = ("hints", "symbols", "rights", "wrongs")


class CatalogError(ValueError):
    """A solution that cannot be read; the message is ``file:line: sentence``."""


class UnknownKata(LookupError):
    """A name that is neither a kata nor a track; the message says what was probably meant."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """The katas that could be read, in working order, and a sentence for each that could not."""

    katas: tuple[KataInfo, ...]
    problems: tuple[str, ...] = ()
    stubs: Mapping[str, str] = field(default_factory=dict)
    """The fingerprint of each kata's stub, by id."""

    def is_stub(self, kata: KataInfo) -> bool:
        """Whether the learner's file is the stub still, or not there at all."""
        try:
            return fingerprint(kata.stub.read_text(encoding="utf-8-sig")) == self.stubs.get(kata.id)
        except FileNotFoundError:
            return True
        except (OSError, UnicodeDecodeError):
            return False

    def is_untouched(self, kata: KataInfo) -> bool:
        """Whether nothing was written yet: the file is the stub, or one that an earlier version gave out."""
        return self.is_stub(kata) or is_bare(kata.stub.read_text(encoding="utf-8-sig", errors="replace"))

    def __iter__(self) -> Iterator[KataInfo]:
        return iter(self.katas)

    def __len__(self) -> int:
        return len(self.katas)


def read(places: Places, *, cache: Path | None = None) -> Catalog:
    """Read every solution of a workspace, in the order of tracks, levels, minutes and names."""
    katas, problems, stubs = [], [], {}
    shelf = caches.load(cache)
    for path in sorted(places.solutions.glob("*/[!_.]*.py")):
        try:
            kata, stub = _cached(path, places, shelf)
        except CatalogError as error:
            problems.append(str(error))
            continue
        katas.append(kata)
        stubs[kata.id] = stub
    shelf.save()
    return Catalog(tuple(sorted(katas, key=_order)), tuple(problems), stubs)


def read_kata(solution_path: Path, places: Places) -> KataInfo:
    """Read one solution; raises ``CatalogError`` with file, line and what is missing."""
    shown = _shown(solution_path, places)
    try:
        tree = ast.parse(solution_path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise CatalogError(f"{shown}:{error.lineno or 1}: the file is not Python: {error.msg}.") from None
    except (OSError, ValueError) as error:
        raise CatalogError(f"{shown}:1: the file cannot be read: {error}.") from None
    statement = ast.get_docstring(tree)
    if not statement:
        raise CatalogError(f"{shown}:1: the statement is missing: begin the file with a docstring.")
    symbols = tuple(node.name for node in public_symbols(tree))
    if not symbols:
        raise CatalogError(f"{shown}:1: nothing to write: define a public function or class.")
    return KataInfo(
        **_files(solution_path, places),
        title=statement.splitlines()[0].rstrip("."),
        statement=statement,
        level=_number(tree, "LEVEL", shown, most=5),
        minutes=_number(tree, "MINUTES", shown, most=600),
        hints=_hints(tree, shown),
        symbols=symbols,
        rights=_sentences(tree, "right"),
        wrongs=_sentences(tree, "wrong"),
    )


def fingerprint(text: str) -> str:
    """Return a short digest of a file's text that survives a change of line ends."""
    return hashlib.sha256(plain(text).encode()).hexdigest()


def tracks(katas: Iterable[KataInfo]) -> dict[str, tuple[KataInfo, ...]]:
    """Group katas by track, keeping their order."""
    groups: dict[str, list[KataInfo]] = {}
    for kata in katas:
        groups.setdefault(kata.track, []).append(kata)
    return {track: tuple(group) for track, group in groups.items()}


def find(katas: Iterable[KataInfo], text: str) -> tuple[KataInfo, ...]:
    """Return what a learner means by a kata's id, its name, one of its files, or a track."""
    known = tuple(katas)
    word = _word(text)
    found = tuple(kata for kata in known if word in (kata.id, kata.name, kata.track))
    if len({kata.track for kata in found}) > 1:
        choices = " or ".join(f"`{kata.id}`" for kata in found)
        raise UnknownKata(f"`{text}` is the name of several katas: say {choices}.")
    if found:
        return found
    raise UnknownKata(f"There is no kata or track `{text}`{_guess(known, word)}.")


def track_rank(track: str) -> tuple[int, str]:
    """Return the sort key of a track: its place in ``TRACKS``, unknown ones last by name."""
    return (TRACKS.index(track) if track in TRACKS else len(TRACKS), track)


def _cached(path: Path, places: Places, shelf: caches.Cache) -> tuple[KataInfo, str]:
    """Read a solution and fingerprint its stub, unless that was done before."""
    entry: Mapping[str, Any] | None = shelf.get(path)
    if entry is not None:
        words: dict[str, Any] = {name: entry[name] for name in _ONE} | {n: tuple(entry[n]) for n in _MANY}
        return KataInfo(**_files(path, places), **words), entry["stub"]
    kata = read_kata(path, places)
    try:
        stub = fingerprint(stub_text(path.read_text(encoding="utf-8")))
    except StubError as error:
        raise CatalogError(f"{_shown(path, places)}:{error}") from None
    shelf.put(path, {name: getattr(kata, name) for name in _ONE + _MANY} | {"stub": stub})
    return kata, stub


def _files(solution: Path, places: Places) -> dict[str, Any]:
    track, name = kata_of(solution)
    folder = places.katas / track
    return {
        "track": track,
        "name": name,
        "stub": folder / f"{name}.py",
        "test": folder / f"test_{name}.py",
        "solution": solution,
    }


def _word(text: str) -> str:
    """Cut a path down to ``track/name``; ids, names and tracks stay what they are."""
    plain = text.replace("\\", "/").rstrip("/")
    parts = [part for part in plain.split("/") if part not in ("", ".", "katas", "solutions")]
    if not parts:
        return plain
    if parts[-1].endswith(".py"):
        parts = [*parts[-2:-1], parts[-1].removesuffix(".py").removeprefix("test_")]
    return "/".join(parts[-2:])


def _guess(katas: tuple[KataInfo, ...], word: str) -> str:
    """Return `: did you mean ...?` for the nearest names, or where to look."""
    names: dict[str, str] = {}
    for kata in katas:
        names |= {kata.id: kata.id, kata.name: kata.id, kata.track: kata.track}
    near = difflib.get_close_matches(word, names, n=5, cutoff=0.6)
    near += [kata.id for kata in katas if word and word.lower() in kata.name]
    meant = list(dict.fromkeys(names[name] for name in near))[:3]
    if not meant:
        return ": `dojo list` shows them all"
    return ": did you mean " + " or ".join(f"`{name}`" for name in meant) + "?"


def _order(kata: KataInfo) -> tuple[tuple[int, str], int, int, str]:
    return (track_rank(kata.track), kata.level, kata.minutes, kata.name)


def _shown(path: Path, places: Places) -> str:
    try:
        return path.relative_to(places.workspace).as_posix()
    except ValueError:
        return str(path)


def _assigned(tree: ast.Module, name: str, shown: str) -> ast.Assign | ast.AnnAssign:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            return node
    raise CatalogError(f"{shown}:1: {name} is missing.")


def _value(tree: ast.Module, name: str, shown: str) -> tuple[object, int]:
    node = _assigned(tree, name, shown)
    try:
        return ast.literal_eval(node.value) if node.value else None, node.lineno
    except ValueError:
        raise CatalogError(f"{shown}:{node.lineno}: {name} must be written out as a plain value.") from None


def _number(tree: ast.Module, name: str, shown: str, *, most: int) -> int:
    value, line = _value(tree, name, shown)
    if type(value) is not int or not 1 <= value <= most:
        raise CatalogError(f"{shown}:{line}: {name} must be a whole number from 1 to {most}, not {value!r}.")
    return value


def _hints(tree: ast.Module, shown: str) -> tuple[str, ...]:
    value, line = _value(tree, "HINTS", shown)
    if not isinstance(value, tuple | list) or not value or not all(isinstance(h, str) and h for h in value):
        raise CatalogError(f"{shown}:{line}: HINTS must be a tuple of sentences.")
    return tuple(value)


def _sentences(tree: ast.Module, word: str) -> tuple[str, ...]:
    """Return the sentences of the ``@right`` or ``@wrong`` versions, in order."""
    found = [version(node) for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    values = [call.args[0] for kind, call in filter(None, found) if kind == word and call.args]
    return tuple(str(value.value) for value in values if isinstance(value, ast.Constant))
