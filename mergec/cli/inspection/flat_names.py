"""Names whose dots were made underscores, so that layers that are alike can be told again."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from mergec.cli.name_groups import NameGroup, grouped

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    T = TypeVar("T")

_NUMBER = re.compile(r"(?<=_)([0-9]+)(?=(_)|\.|$)")
_JOINTS = ("_.", "._")


def grouped_flat(
    items: Sequence[T], name: Callable[[T], str], alike: Callable[[T], Hashable]
) -> list[NameGroup]:
    """`grouped`, where numbers between underscores count layers too: `te_layers_{0-3}_mlp`."""
    apart = [_with_dots(name(item)) for item in items]
    is_flat = [text != name(item) for text, item in zip(apart, items, strict=True)]
    groups = grouped(range(len(items)), apart.__getitem__, lambda at: (is_flat[at], alike(items[at])))
    return [
        replace(group, pattern=_without_dots(group.pattern)) if is_flat[group.members[0]] else group
        for group in groups
    ]


def _with_dots(name: str) -> str:
    """The name with dots around such numbers; as it is where that could not be undone."""
    if any(joint in name for joint in _JOINTS):
        return name
    return _NUMBER.sub(lambda found: f".{found[1]}." if found[2] else f".{found[1]}", name)


def _without_dots(pattern: str) -> str:
    return pattern.replace("_.", "_").replace("._", "_")
