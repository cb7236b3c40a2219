"""What each key does, page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from grader.practice import desk as desks
from grader.practice import progress
from grader.watching import view
from grader.watching.kata_page import near, next_in
from grader.watching.sight import Page
from grader.workspace.keeping import Refusal
from grader.workspace.stub import StubError

if TYPE_CHECKING:
    from grader.watching.loop import Watch


def press(watch: Watch, name: str) -> None:
    """Do what a key means on the page that is open; one without a meaning does nothing."""
    watch.see(note="")
    if watch.sight.asks_reset:
        watch.see(asks_reset=False)
        if name in ("y", "Y"):
            _reset(watch)
        return
    pages = {Page.KATA: _on_kata, Page.LIST: _on_list, Page.ALL: _on_all, Page.KEYS: _on_keys}
    pages[watch.sight.page](watch, name)


def _on_kata(watch: Watch, name: str) -> None:
    if name in _ACTIONS:
        _ACTIONS[name](watch)
    else:
        _scrolled(watch, name)


def _on_list(watch: Watch, name: str) -> None:
    listed, last = watch.sight.listed, len(watch.sight.listed) - 1
    step = _steps(watch, last).get(name)
    if step is not None:
        watch.see(cursor=max(0, min(last, watch.sight.cursor + step)))
    elif name in ("left", "right"):
        _turn_track(watch, 1 if name == "right" else -1)
    elif name == "enter" and listed:
        watch.open(listed[watch.sight.cursor])
    elif name in ("q", "esc", "l"):
        watch.see(page=Page.KATA, scroll=0)


def _on_all(watch: Watch, name: str) -> None:
    if _scrolled(watch, name):
        return
    sight = watch.sight
    watch.see(page=Page.KATA, scroll=0)
    # The run over all has ended the one over this kata, or is ended now.
    if sight.is_running or (not sight.is_missing and not sight.run.is_over):
        watch.grade()


def _on_keys(watch: Watch, name: str) -> None:
    if not _scrolled(watch, name):
        watch.see(page=Page.KATA, scroll=0)


# -- scrolling -------------------------------------------------------------------------------------


def _scrolled(watch: Watch, name: str) -> bool:
    """Scroll, if the key does that and there is more than fits."""
    width, height = watch.size
    most = view.reach(watch.sight, width=width, height=height, look=watch.look)
    step = _steps(watch, most).get(name)
    if step is None or not most:
        return False
    watch.see(scroll=max(0, min(most, min(watch.sight.scroll, most) + step)))
    return True


def _steps(watch: Watch, most: int) -> Mapping[str, int]:
    width, height = watch.size
    page = view.page_rows(watch.sight, width=width, height=height, look=watch.look)
    ends = dict.fromkeys(("g", "home"), -most) | dict.fromkeys(("G", "end"), most)
    return ends | {"j": 1, "down": 1, "k": -1, "up": -1, "pgdn": page, "space": page, "pgup": -page}


# -- deeds -----------------------------------------------------------------------------------------


def _next(watch: Watch) -> None:
    if not watch.sight.is_passed:
        watch.see(note=f"{watch.sight.kata.name} is not passed yet; l lists the others.")
        return
    watch.look_up()
    found = next_in(watch.sight) or progress.next_kata(watch.desk.catalog, dict(watch.sight.states))
    if found is None or found == watch.sight.kata:
        watch.see(note="Every kata is passed; l lists them, to take one again.")
    else:
        watch.open(found)


def _hint(watch: Watch) -> None:
    watch.see(hint=desks.next_hint(watch.desk, watch.sight.kata), scroll=0)


def _list(watch: Watch) -> None:
    track = watch.sight.track
    watch.look_up()
    watch.see(page=Page.LIST, listed=track, cursor=track.index(watch.sight.kata))


def _turn_track(watch: Watch, step: int) -> None:
    names = list(watch.tracks)
    at_hand = watch.sight.listed[0].track if watch.sight.listed else watch.sight.kata.track
    listed = watch.tracks[names[(names.index(at_hand) + step) % len(names)]]
    watch.see(listed=listed, cursor=0)


def _ask_reset(watch: Watch) -> None:
    kata = watch.sight.kata
    if kata.stub.exists() and watch.desk.catalog.is_stub(kata):
        watch.see(note=f"{kata.name} is the untouched stub already: there is nothing to reset.")
    else:
        kept = " Your answer is kept aside." if kata.stub.exists() else ""
        watch.see(asks_reset=True, note=f"Reset {kata.name}?{kept} y/n")


def _reset(watch: Watch) -> None:
    kata = watch.sight.kata
    try:
        kept = desks.reset(watch.desk, kata)
    except (Refusal, StubError) as error:
        watch.see(note=str(error))
    except OSError as error:
        watch.see(note=f"{error.filename or near(kata.stub)}: {error.strerror or error}.")
    else:
        behind = f"; your answer is in {near(kept)}" if kept else ""
        watch.see(note=f"{kata.name} is a stub again{behind}.")
        watch.begin_again()


def _open_editor(watch: Watch) -> None:
    if watch.edit is not None:
        watch.see(note=watch.edit(watch.sight.kata))


def _quit(watch: Watch) -> None:
    watch.is_over = True


_ACTIONS: Mapping[str, Callable[[Watch], None]] = {
    **{"n": _next, "r": lambda watch: watch.grade(), "h": _hint, "l": _list},
    **{"c": lambda watch: watch.grade_all(), "x": _ask_reset, "o": _open_editor, "q": _quit},
    "?": lambda watch: watch.see(page=Page.KEYS, scroll=0),
    "esc": lambda watch: watch.see(hint=None),
}
