"""The blocks of `op: blockwise`: patterns, and the method that each of them gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from mergec.diagnostics import MergecError, did_you_mean
from mergec.methods.listed_models import names_parameters
from mergec.methods.parameter import Role
from mergec.recipe.errors import MissingKey, UnknownKey, WrongValue
from mergec.recipe.model_keys import keys_of
from mergec.recipe.pattern import Pattern
from mergec.recipe.place import TreePlace
from mergec.recipe.shown_value import shown
from mergec.recipe.validation import validate
from mergec.steps.errors import BadOperation, UnknownOperation
from mergec.steps.registry import find_step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Diagnostic, Report, Span
    from mergec.methods.known_methods import KnownMethods
    from mergec.methods.method import Method
    from mergec.methods.method_operation import MethodOperation
    from mergec.recipe.recipe_model import Strict
    from mergec.recipe.yaml_tree import PathKey

KEEP = "keep"
INHERITED = ("base", "inputs", "missing", "seed", "arithmetic")


@dataclass(frozen=True, slots=True)
class Block:
    """A pattern, and the method for the tensors that it is the first to match; None where they are kept."""

    pattern: Pattern
    place: TreePlace
    operation: MethodOperation | None
    keys: Strict | None


@dataclass(frozen=True, slots=True)
class _BlockPlace(TreePlace):
    """The place of a block, some of whose keys are written beside all blocks."""

    outer: TreePlace | None = None
    inherited: frozenset[str] = frozenset()

    def child(self, key: PathKey) -> TreePlace:
        return self._owner(key).child(key)

    def key_span(self, key: PathKey) -> Span:
        return self._owner(key).key_span(key)

    def _owner(self, key: PathKey) -> TreePlace:
        if self.outer is not None and key in self.inherited:
            return self.outer
        return TreePlace(self.root, self.path)


def read_blocks(
    common: Mapping[str, Any],
    written: Mapping[str, Any],
    place: TreePlace,
    known: KnownMethods,
    report: Report,
) -> list[Block]:
    """The blocks in their order. What is wrong with one is reported, and the block left out.

    `common` are the keys that blocks inherit where their methods know them, `written` is what stands under
    `blocks`, and `place` is that of the operation.
    """
    parts = [part for text, value in written.items() if (part := _part(text, value, place, known, report))]
    methods = [part.operation.method for part in parts if part.operation is not None]
    parameters = list(dict.fromkeys(key for method in methods for key in _parameters(method)))
    if len(parts) == len(written):
        _check_common_parameters(common, parameters, place, report)
    blocks: list[Block] = []
    for pattern, at, operation, given in parts:
        if operation is None:
            blocks.append(Block(pattern, at, None, None))
            continue
        understood = _understood(operation, common, parameters)
        inherited = {key: value for key, value in understood.items() if key not in given}
        mixed = _BlockPlace(at.root, at.path, place, frozenset(inherited))
        where = f"`{operation.name}` in the block `{pattern.text}`"
        keys = validate(operation.keys, {**inherited, **given}, mixed, where, report)
        if keys is not None:
            blocks.append(Block(pattern, mixed, operation, keys))
    return blocks


class _Part(NamedTuple):
    """A block before its keys are judged."""

    pattern: Pattern
    place: TreePlace
    operation: MethodOperation | None
    given: Mapping[str, object]


def _part(text: str, value: object, outer: TreePlace, known: KnownMethods, report: Report) -> _Part | None:
    """The pattern and the method of a block; None after reporting what is wrong with them."""
    place = outer.child("blocks").child(text)
    try:
        pattern = Pattern.parse(text, place.name_span())
        operation = _operation(value, place, known)
    except MergecError as error:
        report.extend(error.diagnostics)
        return None
    if value == KEEP:
        return _Part(pattern, place, None, {})
    where = f"the block `{text}`"
    if not isinstance(value, dict):
        problem = f"{where}: expected a mapping with `op`, or `{KEEP}`, found {shown(value)}"
        help_ = f"write `{{op: {value}}}`" if value in known.names() else None
        report.add(WrongValue(span=place.span(), problem=problem, help=help_))
    elif "op" not in value:
        help_ = f"write `op: linear` or another method, or `{KEEP}` instead of the block"
        report.add(MissingKey(span=place.name_span(), key="op", where=where, help=help_))
    elif not isinstance(value["op"], str):
        problem = f"`op`: expected the name of a method, found {shown(value['op'])}"
        report.add(WrongValue(span=place.child("op").span(), problem=problem))
    elif operation is None:
        report.add(_not_a_method(value["op"], place, known))
    else:
        return _Part(pattern, place, operation, {key: item for key, item in value.items() if key != "op"})
    return None


def _operation(value: object, place: TreePlace, known: KnownMethods) -> MethodOperation | None:
    name = value.get("op") if isinstance(value, dict) else None
    return known.find(name, place.child("op").span()) if isinstance(name, str) else None


def _not_a_method(name: str, place: TreePlace, known: KnownMethods) -> Diagnostic:
    span = place.child("op").span()
    if find_step(name) is not None:
        problem = "it works on whole models, and a block takes a merge method"
        help_ = "make a model of it, and name that model in the block"
        return BadOperation(span=span, operation=name, problem=problem, help=help_)
    help_ = did_you_mean(name, known.names()) or "`mergec methods` lists the methods"
    return UnknownOperation(span=span, operation=name, help=help_)


def _understood(
    operation: MethodOperation, common: Mapping[str, Any], parameters: list[str]
) -> dict[str, Any]:
    """The common keys that a method knows; of what each input is given, the parameters that it knows.

    `parameters` are those that any of the blocks' methods knows.
    """
    known = keys_of(operation.keys)
    inherited = {key: value for key, value in common.items() if key in known}
    inputs, own = inherited.get("inputs"), _parameters(operation.method)
    if isinstance(inputs, dict):
        inherited["inputs"] = {
            name: {key: item for key, item in given.items() if key in own}
            if isinstance(given, dict) and names_parameters(given, parameters)
            else given
            for name, given in inputs.items()
        }
        if not own:
            inherited["inputs"] = list(inputs)
    return inherited


def _check_common_parameters(
    common: Mapping[str, Any], parameters: list[str], place: TreePlace, report: Report
) -> None:
    """Report what the inputs are given that none of the blocks' methods knows."""
    inputs = common.get("inputs")
    for model, given in inputs.items() if isinstance(inputs, dict) else ():
        if isinstance(given, dict) and names_parameters(given, parameters):
            for key in (key for key in given if key not in parameters):
                span = place.child("inputs").child(model).key_span(key)
                help_ = did_you_mean(key, parameters) or f"known keys: {', '.join(parameters)}"
                report.add(UnknownKey(span=span, key=key, where=f"the input `{model}`", help=help_))


def _parameters(method: Method) -> list[str]:
    return [p.key for p in (*method.of_role(Role.PER_MODEL), *method.of_role(Role.COMPANION))]
