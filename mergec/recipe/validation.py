"""Plain values -> pydantic models, with each complaint at its line and column."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from mergec.diagnostics import Severity, did_you_mean, nearest, safe
from mergec.recipe.errors import MissingKey, UnknownKey, WrongValue
from mergec.recipe.likely_edit import likely_edit
from mergec.recipe.model_keys import fields_of, keys_of, model_at
from mergec.recipe.params import is_unresolved
from mergec.recipe.shown_value import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from mergec.diagnostics import Diagnostic, Report, Span
    from mergec.recipe.place import TreePlace

_M = TypeVar("_M", bound=BaseModel)
_Path = tuple[int | str, ...]


def validate(model: type[_M], value: object, place: TreePlace, where: str, report: Report) -> _M | None:
    """The validated model, or None after reporting MC0110, MC0111 and MC0112 for all that is wrong.

    `where` names the value in messages: "the recipe", "the operation `linear`".
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        complaints = _Complaints(model, value, place, where)
        has_errors = any(one.severity is Severity.ERROR for one in report.diagnostics)
        for details in _one_for_each_place(error.errors(include_url=False), value):
            # A parameter that could not be filled in is reported already.
            if not (has_errors and is_unresolved(details.value)):
                complaints.add(details)
        report.extend(complaints.without_effects())
        return None


class _Complaint(NamedTuple):
    """What pydantic says about one place: its kind, what was expected there, and what was found."""

    path: _Path
    kind: str
    expected: str
    value: object


def _one_for_each_place(errors: Iterable[ErrorDetails], root: object) -> list[_Complaint]:
    """The complaints, with what the branches of a union say about one value put together.

    Of a union, those branches speak that fit the kind of the value; else all that say what they expect.
    """
    found: dict[_Path, list[_Complaint]] = {}
    for details in errors:
        path, union = _recipe_path(details, root)
        complaint = _Complaint(path, details["type"], _expectation(details), details["input"])
        found.setdefault(path if union is None else union, []).append(complaint)
    return [one for place, alike in found.items() for one in _together(place, alike)]


def _together(place: _Path, alike: list[_Complaint]) -> list[_Complaint]:
    inside = {(one.path, one.kind): one for one in alike if one.path != place}
    if inside or len(alike) == 1:
        return list(inside.values()) or alike
    empty = [one for one in alike if one.kind == "too_short"]
    if empty:
        return empty
    expected = list(dict.fromkeys(part for one in alike for part in re.split(", | or ", one.expected)))
    return [alike[0]._replace(expected=_either(expected))]


def _either(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"


def _recipe_path(details: ErrorDetails, root: object) -> tuple[_Path, _Path | None]:
    """The path of a complaint in the recipe, and that of the union that it comes from, if it does.

    Pydantic puts the names of a union's branches into its locations; what is in the data is no such name.
    """
    path: list[int | str] = []
    union: _Path | None = None
    value = root
    location = details["loc"]
    for number, key in enumerate(location):
        is_last = number == len(location) - 1
        if isinstance(value, dict) and (key in value or (is_last and details["type"] == "missing")):
            value = value.get(str(key))
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            union = tuple(path) if union is None else union
            continue
        path.append(key)
    return tuple(path), union


_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "finite_number": "a finite number",
    "string_too_short": "a text that is not empty",
    "too_short": "at least one entry",
}
# Limits, by the key under which pydantic keeps them.
_LIMITS = {
    "gt": "a number above",
    "ge": "a number of at least",
    "lt": "a number below",
    "le": "a number up to",
}


def _expectation(details: ErrorDetails) -> str:
    context = details.get("ctx", {})
    kind = details["type"]
    if kind == "literal_error":
        return str(context["expected"]).replace("'", "`")
    for key, words in _LIMITS.items():
        if key in context and kind in {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}:
            return f"{words} {_round(context[key])}"
    return _EXPECTED.get(kind) or details["msg"].removeprefix("Value error, ")


def _round(limit: float) -> str:
    is_power = isinstance(limit, int) and limit > 2**32 and limit & (limit - 1) == 0
    return f"2^{limit.bit_length() - 1}" if is_power and isinstance(limit, int) else f"{limit:g}"


class _Complaints:
    """Makes diagnostics of complaints."""

    def __init__(self, model: type[BaseModel], root: object, place: TreePlace, where: str) -> None:
        self._model = model
        self._root = root
        self._place = place
        self._where = where
        self._found: list[tuple[_Path, Diagnostic]] = []

    def add(self, one: _Complaint) -> None:
        """Remember what to tell about it."""
        if one.kind == "extra_forbidden":
            made: Diagnostic = self._unknown(one.path)
        elif one.kind == "missing":
            made = self._missing(one.path)
        else:
            made = self._wrong(one)
        self._found.append((one.path, made))

    def without_effects(self) -> list[Diagnostic]:
        """All, but a key that is missing because it is misspelt, or called as it is elsewhere."""
        meant: set[_Path] = set()
        for path, one in self._found:
            if isinstance(one, UnknownKey):
                other = self._other_name(path)
                near = [other] if other else nearest(one.key, self._keys(path[:-1]), count=1)
                meant.update((*path[:-1], key) for key in near)
        return [one for path, one in self._found if not (isinstance(one, MissingKey) and path in meant)]

    def _unknown(self, path: _Path) -> Diagnostic:
        key, known = str(path[-1]), self._keys(path[:-1])
        advice = getattr(model_at(self._model, path[:-1]), "advice", {}).get(key)
        if other := self._other_name(path):
            advice = f"write `{other}`"
        help_ = advice or did_you_mean(key, known) or f"known keys: {', '.join(known)}"
        span = self._at(path[:-1]).key_span(key)
        return UnknownKey(span=span, key=key, where=self._inside(path), help=help_)

    def _other_name(self, path: _Path) -> str | None:
        """The key that is called so elsewhere."""
        names: Mapping[str, str] = getattr(model_at(self._model, path[:-1]), "other_names", {})
        return names.get(str(path[-1]))

    def _missing(self, path: _Path) -> Diagnostic:
        key = str(path[-1])
        field = fields_of(model_at(self._model, path[:-1])).get(key)
        return MissingKey(
            span=self._owner(path[:-1]), key=key, where=self._inside(path), help=_how_to_add(key, field)
        )

    def _owner(self, path: _Path) -> Span:
        """What wants the missing key: the operation, or the name of the mapping that lacks it."""
        if not path:
            return self._place.child("op").span()
        above = self._at(path[:-1])
        return above.child(path[-1]).span() if isinstance(path[-1], int) else above.key_span(path[-1])

    def _wrong(self, one: _Complaint) -> Diagnostic:
        what = f"`{_written(one.path)}`" if one.path else self._where
        if one.kind == "value_error":
            # Our own validators may say "what was expected; what to do".
            problem, _, advice = one.expected.partition("; ")
            problem += f", found {shown(one.value)}" if problem.startswith("expected ") else ""
            help_ = advice or None
        else:
            problem = f"expected {one.expected}, found {shown(one.value)}"
            help_ = likely_edit(one.kind, one.value, one.expected)
        return WrongValue(span=self._at(one.path).span(), problem=f"{what}: {problem}", help=help_)

    def _at(self, path: _Path) -> TreePlace:
        place = self._place
        for key in path:
            place = place.child(key)
        return place

    def _inside(self, path: _Path) -> str:
        return f"`{_written(path[:-1])}`" if len(path) > 1 else self._where

    def _keys(self, path: _Path) -> list[str]:
        return keys_of(model_at(self._model, path))


def _written(path: _Path) -> str:
    """The path as people write one: `slices[0].model`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{safe(key)}" for key in path)
    return text.removeprefix(".")


def _how_to_add(key: str, field: FieldInfo | None) -> str | None:
    if field is None:
        return None
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "const" in extra:
        return f"add `{key}: {extra['const']}`"
    about = (field.description or "").partition(" (")[0]
    return f"add `{key}: ...`" + (f" ({about[:1].lower()}{about[1:]})" if about else "")
