"""The form of a question as it is written: its keys, their types, and the JSON Schema for editors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Meta

from grader.model import SKILLS, QuestionKind

_ANY = {"written": ["string", "number", "boolean"]}
"""The types that an editor may see in a text: everything in a bank is loaded as text."""
_NUMBER = {"written": ["number", "string"]}
"""The types of a number, which may stand in quotes."""

Name = Annotated[str, Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Text = Annotated[str, Meta(min_length=1)]
Option = Annotated[str, Meta(min_length=1, extra_json_schema=_ANY)]
Skill = Literal[SKILLS]  # type: ignore[valid-type]  # the names are in the model alone
Choices = Annotated[list[Option], Meta(min_length=2, max_length=9, description="The options, in any order.")]
But = Annotated[dict[str, Text], Meta(description="For each wrong option, why it is wrong.")]


class Form(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What every question has."""

    id: Annotated[Name, Meta(description="Unique in the file; never changes.")]
    level: Annotated[
        int, Meta(ge=1, le=3, description="1 recall, 2 reasoning, 3 an interviewer's follow-up.")
    ]
    skills: Annotated[list[Skill], Meta(min_length=1, description="What the question trains.")]
    ask: Annotated[Text, Meta(description="Markdown with inline code; maths as Unicode.")]
    why: Annotated[Text, Meta(description="Why the answer is right.")]
    source: Annotated[Text, Meta(description="Paper and year.")] = ""
    kata: Annotated[str, Meta(pattern="^[a-z0-9_]+/[a-z0-9_]+$", description="track/name")] = ""
    family: Annotated[Name, Meta(description="One word that near-duplicates share.")] = ""


class One(Form, kw_only=True):
    """One of several options is right."""

    choices: Choices
    answer: Annotated[Option, Meta(description="The right option.")]
    but: But


class Several(Form, kw_only=True):
    """All the right options are to be found."""

    choices: Choices
    answers: Annotated[list[Option], Meta(min_length=1, description="All the right options.")]
    but: But = {}


class Bug(One, kw_only=True):
    """Code is shown, and one option says what is wrong with it."""

    code: Annotated[Text, Meta(description="Python, 14 lines at most.")]


class Number(Form, kw_only=True):
    """The answer is a number."""

    number: Annotated[float, Meta(description="The right number.", extra_json_schema=_NUMBER)]
    unit: Text = ""
    tolerance: Annotated[float, Meta(ge=0, description="How far off still counts, absolute.")] = 0.0


class Shape(Form, kw_only=True):
    """The answer is the shape of a tensor."""

    shape: Annotated[Text, Meta(description="Such as [B, 512, 7, 7], in quotes.")]


class Order(Form, kw_only=True):
    """Steps are to be brought into order."""

    order: Annotated[
        list[Option], Meta(min_length=3, max_length=9, description="The steps in the right order.")
    ]


class Open(Form, kw_only=True):
    """The answer is in the learner's own words."""

    points: Annotated[
        list[Option], Meta(min_length=1, max_length=9, description="Key points for the learner to tick.")
    ]


FORMS: Mapping[QuestionKind, type[Form]] = {
    QuestionKind.ONE: One,
    QuestionKind.SEVERAL: Several,
    QuestionKind.NUMBER: Number,
    QuestionKind.SHAPE: Shape,
    QuestionKind.ORDER: Order,
    QuestionKind.BUG: Bug,
    QuestionKind.OPEN: Open,
}

MUST: Mapping[str, str] = {
    "id": "lower-case words joined by hyphens, such as `giou-range`",
    "family": "lower-case words joined by hyphens, such as `giou`",
    "kata": "written `track/name`, such as `detection/pairwise_iou`",
    "level": "1, 2 or 3",
    "number": "a number with a decimal point, such as `7`, `0.25` or `1e-3`",
    "tolerance": "a number that is not negative, such as `0.01`",
    "choices": "2 to 9 options",
    "order": "3 to 9 steps",
    "points": "1 to 9 points",
}
"""What a value must be, as a sentence says it."""


class Key(NamedTuple):
    """One key of a form."""

    name: str
    hint: Any
    inner: Any
    """The type of the entries of a list or a mapping, else nothing."""
    container: type[list[Any]] | type[dict[str, Any]] | type[str]
    required: bool


@cache
def keys(form: type[Form]) -> Mapping[str, Key]:
    """Return the keys of a form by name."""
    found = {}
    for each in msgspec.structs.fields(form):
        bare = get_args(each.type)[0] if get_origin(each.type) is Annotated else each.type
        container = get_origin(bare) if get_origin(bare) in (list, dict) else str
        inner = get_args(bare)[-1] if container is not str else None
        found[each.name] = Key(each.name, each.type, inner, container or str, each.required)
    return found


def all_keys() -> tuple[str, ...]:
    """Return every key that some form has."""
    return tuple(dict.fromkeys(name for form in FORMS.values() for name in keys(form)))


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a bank."""
    _, parts = msgspec.json.schema_components(FORMS.values(), ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A bank of questions",
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": [{"$ref": f"#/$defs/{form.__name__}"} for form in FORMS.values()]},
        "$defs": {name: _opened(parts[name]) for name in sorted(parts)},
    }


def _opened(part: Any) -> Any:
    """Give texts and numbers the types they may be written as, and leave out what no editor need know."""
    if isinstance(part, list):
        return [_opened(item) for item in part]
    if not isinstance(part, dict):
        return part
    found = {key: _opened(value) for key, value in part.items() if key not in ("written", "default")}
    if "written" in part:
        found["type"] = part["written"]
    return found
