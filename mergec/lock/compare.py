"""What differs between a lock and what there is now, in words."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import safe
from mergec.lock.canonical import canonical
from mergec.recipe.shown_value import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeVar

    from mergec.lock.lock_model import LockedFile, LockModel

    T = TypeVar("T")

_MOST = 10
_LONGEST = 60


class Difference(NamedTuple):
    """What differs, for people, and where the lock says otherwise."""

    path: tuple[str, ...]
    what: str


def compare(locked: LockModel, now: LockModel) -> list[Difference]:
    """All that makes a lock stale; of each kind the first few, with the number of the rest.

    Which version of mergec wrote a lock does not matter, nor does what a build adds to it. What cannot be
    named otherwise is told by the keys of the tensors: another config.json, or index of shards, leads to
    other expressions.
    """
    found = list(chain(_recipe(locked, now), _tool(locked, now), _sources(locked, now), _files(locked, now)))
    if not found and locked.tensors != now.tensors:
        what = "the tensors are computed otherwise: a config or an index beside the weights is another one"
        found = [Difference(("tensors", "keys"), f"{what}, or mergec is")]
    return found


def _recipe(locked: LockModel, now: LockModel) -> Iterator[Difference]:
    if locked.recipe.sha256 == now.recipe.sha256:
        return
    old, new = locked.recipe.content, now.recipe.content
    leaves = recipe_differences(old, new) if old is not None and new is not None else []
    if not leaves:
        yield Difference(("recipe", "sha256"), "the recipe says something else")
    for path, what in leaves[:_MOST]:
        yield Difference(("recipe", "content", *path), f"recipe: {what}")
    if len(leaves) > _MOST:
        yield Difference(("recipe", "content"), f"recipe: {len(leaves) - _MOST} more places")


def recipe_differences(old: object, new: object) -> list[Difference]:
    """Where the canonical forms of two recipes differ, at the places deepest in them."""
    return [Difference(path, f"{'.'.join(map(safe, path))}{what}") for path, what in _leaves(old, new, ())]


def _leaves(old: object, new: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(old, dict) and isinstance(new, dict) and old and new:
        if list(old) != list(new) and set(old) == set(new):
            yield path, " stand in another order"
        for key in dict.fromkeys((*old, *new)):
            if key not in new:
                yield (*path, key), " is gone"
            elif key not in old:
                yield (*path, key), f": {_short(new[key])} is new"
            else:
                yield from _leaves(old[key], new[key], (*path, key))
    elif canonical(old) != canonical(new):
        yield path, f": {_short(old)} -> {_short(new)}"


def _short(value: object) -> str:
    text = shown(value) if not isinstance(value, str) else f"`{safe(value)}`"
    if isinstance(value, list):
        text = f"`[{', '.join(map(str, value))}]`"
    return safe(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...`")


def _tool(locked: LockModel, now: LockModel) -> Iterator[Difference]:
    for key in ("language", "numerics", "torch"):
        old, new = getattr(locked.tool, key), getattr(now.tool, key)
        # That an output needs torch, or no longer does, follows from its recipe.
        if old != new and None not in {old, new}:
            yield Difference(("tool", key), f"{key} {safe(old)} -> {safe(new)}")
    for name, old in locked.tool.libraries.items():
        if (new := now.tool.libraries.get(name, old)) != old:
            yield Difference(("tool", "libraries", name), f"{safe(name)} {safe(old)} -> {safe(new)}")


def _sources(locked: LockModel, now: LockModel) -> Iterator[Difference]:
    for name in dict.fromkeys((*locked.sources, *now.sources)):
        old, new = locked.sources.get(name), now.sources.get(name)
        if old is None or new is None:
            continue  # the recipe says so
        where = ("sources", name, "files")
        yield from _changes(old.files, new.files, where, f"source `{safe(name)}`: ", _content)


def _content(old: LockedFile, new: LockedFile) -> str:
    if old.size != new.size:
        return f" has another size ({old.size} -> {new.size} bytes)"
    if old.header == new.header is not None:
        return " has other weights under the same header"
    return " has another content" if old.sha256 != new.sha256 else ""


def _files(locked: LockModel, now: LockModel) -> Iterator[Difference]:
    yield from _changes(
        locked.copied,
        now.copied,
        ("copied",),
        "file for the output: ",
        lambda old, new: (
            f" comes from `{safe(new.from_)}`, not `{safe(old.from_)}`"
            if old.from_ != new.from_
            else " has another content"
        ),
    )
    for model, old in locked.decisions.items():
        new = now.decisions.get(model)
        for role, word in (("table", "symmetry table"), ("given", "permutations")):
            before, after = getattr(old, role), getattr(new, role, None)
            # Another path stands in the recipe, which is compared as well.
            if before is not None and after is not None and before.sha256 != after.sha256:
                what = f"{word} of `{safe(model)}`: {safe(after.path)} has another content"
                yield Difference(("decisions", model, role, "sha256"), what)


def _changes(
    old: Mapping[str, T],
    new: Mapping[str, T],
    where: tuple[str, ...],
    whose: str,
    difference: Callable[[T, T], str],
) -> Iterator[Difference]:
    """The entries that are not the same in both."""
    found: list[Difference] = []
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            what = " is gone"
        elif name not in old:
            what = " is new"
        else:
            what = difference(old[name], new[name]) if old[name] != new[name] else ""
        if what:
            path = (*where, name) if name in old else where
            found.append(Difference(path, f"{whose}{safe(name)}{what}"))
    yield from found[:_MOST]
    if len(found) > _MOST:
        yield Difference(where, f"{whose}{len(found) - _MOST} more files")
