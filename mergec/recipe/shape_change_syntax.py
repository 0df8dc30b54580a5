"""The `split`, `concat`, `stack` and `transpose` keys of a rename rule -> a ShapeChange."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from mergec.diagnostics import did_you_mean
from mergec.recipe.errors import MissingKey, UnknownKey
from mergec.recipe.finite_number import described
from mergec.recipe.rename_errors import BadRule
from mergec.recipe.shape_change import Concat, ShapeChange, Split, Stack, Transpose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Diagnostic
    from mergec.recipe.value_place import Place

CHANGES = ("split", "concat", "stack", "transpose")
# For each change that is a mapping: the keys it must have and those it may have.
_KEYS = {"split": (("dim",), ("sizes",)), "concat": (("dim",), ()), "stack": (("over",), ("dim",))}


def parse_change(value: Mapping[str, object], place: Place, found: list[Diagnostic]) -> ShapeChange | None:
    """The one change of shape in a rule; None where there is none or, with a finding, a bad one.

    Adds MC0110, MC0111 and MC0135 to `found`.
    """
    named = [key for key in CHANGES if key in value]
    if len(named) > 1:
        reason = f"it holds both `{named[0]}` and `{named[1]}`"
        help_ = "write two rules: the second one works on the names of the first"
        found.append(BadRule(span=place.key_span(named[1]), reason=reason, help=help_))
        return None
    if not named:
        return None
    key, here = named[0], place.child(named[0])
    if key == "transpose":
        return _transpose(value[key], here, found)
    fields = value[key]
    if not isinstance(fields, dict):
        example = "{over: e}" if key == "stack" else "{dim: 0}"
        found.append(_wrong(here, key, fields, f"a mapping such as `{example}`"))
        return None
    before = len(found)
    _check_keys(key, fields, here, found)
    change = _from_fields(key, fields, here, found)
    return change if len(found) == before else None


def _check_keys(key: str, fields: Mapping[str, object], place: Place, found: list[Diagnostic]) -> None:
    required, others = _KEYS[key]
    for name in fields:
        if name not in required + others:
            help_ = did_you_mean(name, required + others)
            found.append(UnknownKey(span=place.key_span(name), key=name, where=f"`{key}`", help=help_))
    lacking = [name for name in required if name not in fields]
    found.extend(MissingKey(span=place.span(), key=name, where=f"`{key}`") for name in lacking)


def _from_fields(
    key: str, fields: Mapping[str, object], place: Place, found: list[Diagnostic]
) -> ShapeChange:
    dim = fields.get("dim", 0)
    if not _is_int(dim):
        found.append(_wrong(place.child("dim"), "dim", dim, "a whole number"))
        dim = 0
    if key == "concat":
        return Concat(dim)
    if key == "split":
        return Split(dim, _sizes(fields["sizes"], place.child("sizes"), found) if "sizes" in fields else None)
    over = fields.get("over", "")
    if not isinstance(over, str):
        found.append(_wrong(place.child("over"), "over", over, "the name of a capture"))
        over = ""
    return Stack(over, dim)


def _sizes(value: object, place: Place, found: list[Diagnostic]) -> tuple[int, ...]:
    if isinstance(value, list) and value:
        sizes = tuple(item for item in value if _is_int(item) and item > 0)
        if len(sizes) == len(value):
            return sizes
    found.append(_wrong(place, "sizes", value, "a list of sizes above zero"))
    return ()


def _transpose(value: object, place: Place, found: list[Diagnostic]) -> Transpose | None:
    if isinstance(value, list):
        order = tuple(item for item in value if _is_int(item))
        if len(order) == len(value) and sorted(order) == list(range(len(value))) and value:
            return Transpose(order)
    wanted = "a list that holds each dimension once, such as `[1, 0]`"
    found.append(_wrong(place, "transpose", value, wanted))
    return None


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _wrong(place: Place, key: str, value: object, wanted: str) -> BadRule:
    return BadRule(span=place.span(), reason=f"`{key}` is {wanted}, not {described(value)}")
