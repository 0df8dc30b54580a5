"""Where in a nested PyTorch file the tensors sit, and what they are called there."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from mergec.diagnostics import MergecError, nearest, safe
from mergec.sources.torch_errors import (
    NestAmbiguous,
    NestedNameClash,
    NestUnknown,
    NoStateDict,
    UnsupportedTensor,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TypeGuard

    from mergec.diagnostics import Diagnostic

    IsTensor = Callable[[object], bool]
    Dictionary = dict[object, object]

_T = TypeVar("_T")
TOP = "."  # the `nest` that means the whole file
_SEARCHED = 3  # levels of keys; deeper dictionaries are parts of a model rather than models
_LISTED = 8
_DEEPEST = 64  # a dictionary may contain itself
_MOST_ENTRIES = 5_000_000  # and dictionaries that are shared multiply as they are spelt out
_SAVE_HINT = "save `model.state_dict()` with `safetensors.torch.save_file`"


def named_tensors(
    tree: object, nest: str | None, is_tensor: Callable[[object], TypeGuard[_T]], path: Path
) -> dict[str, _T]:
    """The tensors of the dictionary that `nest` names, or of the only one that there is.

    Tensors inside further dictionaries get the keys that lead to them joined with dots. Numbers and
    other values beside tensors are left out, and so is the state of optimizers.

    Raises:
        MergecError: there are no tensors there, or `nest` is needed and missing.
    """
    places = _places(tree, is_tensor)
    if nest is not None:
        chosen = tree if nest == TOP else _follow(tree, nest)
        found = _flattened(chosen, is_tensor, path) if isinstance(chosen, dict) else {}
        if not found:
            raise MergecError([_unknown(path, nest, tuple(places))])
        return found
    if len(places) > 1:
        raise MergecError([_ambiguous(path, places, is_tensor)])
    if not places:
        raise MergecError([NoStateDict(path=str(path), reason=_what_it_is(tree, is_tensor), help=_SAVE_HINT)])
    (only,) = places.values()
    return _flattened(only, is_tensor, path)


def _places(tree: object, is_tensor: IsTensor) -> dict[str, Dictionary]:
    """The dictionaries that hold tensors directly, by the `nest` that leads to them.

    One that can be reached by two paths is listed once: it is one set of weights.
    """
    found: dict[str, Dictionary] = {}
    if not isinstance(tree, dict):
        return found
    seen: set[int] = set()
    layer: list[tuple[str, Dictionary]] = [(TOP, tree)]
    for _ in range(_SEARCHED + 1):
        below: list[tuple[str, Dictionary]] = []
        for name, place in layer:
            if id(place) in seen:
                continue
            seen.add(id(place))
            if any(is_tensor(value) for value in place.values()):
                found[name] = place
            prefix = "" if name == TOP else f"{name}."
            below.extend((f"{prefix}{key}", value) for key, value in _inner(place))
        layer = below
    return found


def _inner(place: Dictionary) -> Iterator[tuple[object, Dictionary]]:
    """The dictionaries inside one, without those of optimizers: their moments are no weights."""
    for key, value in place.items():
        if isinstance(value, dict) and not _is_optimizer(key, value):
            yield key, value


def _is_optimizer(key: object, value: Dictionary) -> bool:
    return str(key).lower().startswith("optimizer") or {"state", "param_groups"} <= value.keys()


def _follow(tree: object, nest: str) -> object:
    """What the keys lead to, where a key may itself contain dots; None if nothing."""
    if not isinstance(tree, dict):
        return None
    for key, value in tree.items():
        if str(key) == nest:
            return value
        if nest.startswith(f"{key}."):
            found = _follow(value, nest[len(str(key)) + 1 :])
            if found is not None:
                return found
    return None


def _flattened(place: Dictionary, is_tensor: Callable[[object], TypeGuard[_T]], path: Path) -> dict[str, _T]:
    found: dict[str, _T] = {}
    waiting: list[Iterator[tuple[str, object]]] = [_children("", place)]
    entries = 0
    while waiting:
        name, value = next(waiting[-1], ("", waiting))
        if value is waiting:
            waiting.pop()
            continue
        entries += 1
        if entries > _MOST_ENTRIES or len(waiting) > _DEEPEST:
            reason = "its dictionaries nest without end"
            raise MergecError([NoStateDict(path=str(path), reason=reason, help=_SAVE_HINT)])
        if is_tensor(value):
            if name in found:
                raise MergecError([NestedNameClash(path=str(path), tensor=name, help=_SAVE_HINT)])
            found[name] = value
        elif isinstance(value, dict):
            waiting.append(_children(f"{name}.", value))
        elif isinstance(value, (list, tuple, set)) and any(is_tensor(item) for item in value):
            reason = "it is an item of a list and has no name of its own"
            raise MergecError(
                [UnsupportedTensor(path=str(path), tensor=name, reason=reason, help=_SAVE_HINT)]
            )
    return found


def _children(prefix: str, place: Dictionary) -> Iterator[tuple[str, object]]:
    for key, value in place.items():
        if not (isinstance(value, dict) and _is_optimizer(key, value)):
            yield f"{prefix}{key}", value


def _what_it_is(tree: object, is_tensor: IsTensor) -> str:
    if is_tensor(tree):
        return "it is a single tensor without a name"
    if isinstance(tree, dict):
        return f"its dictionaries have no tensors, {_SEARCHED} levels down"
    return f"it is a {type(tree).__name__}"


def _choices(places: tuple[str, ...]) -> str:
    shown = " or ".join(f"`nest: {safe(name)}`" for name in places[:_LISTED])
    return shown if len(places) <= _LISTED else f"{shown} or one of {len(places) - _LISTED} more"


def _ambiguous(path: Path, places: dict[str, Dictionary], is_tensor: IsTensor) -> Diagnostic:
    advice = f"say which: {_choices(tuple(places))}"
    if TOP not in places:
        advice += f"; `nest: {TOP}` takes them all under their full names"
    held = [(name, sum(map(is_tensor, place.values()))) for name, place in places.items()]
    notes = tuple(
        f"`{safe(name)}` holds {count} tensor{'s' if count > 1 else ''}" for name, count in held[:_LISTED]
    )
    return NestAmbiguous(path=str(path), count=len(places), help=advice, notes=notes)


def _unknown(path: Path, nest: str, places: tuple[str, ...]) -> Diagnostic:
    if not places:
        return NestUnknown(path=str(path), nest=nest, help="there are no tensors anywhere in this file")
    near = nearest(nest, places, count=1)
    if near and len(places) == 1:
        return NestUnknown(path=str(path), nest=nest, help=f"did you mean `nest: {safe(near[0])}`?")
    start = f"did you mean `nest: {safe(near[0])}`? " if near else ""
    return NestUnknown(path=str(path), nest=nest, help=f"{start}the tensors are at {_choices(places)}")
