"""The tensors of a model by layers: what stands in each of a run of numbered modules stands here once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.ir.strided_view import Shape


class Run(NamedTuple):
    """Numbered modules that are alike. `before` is the text before the number."""

    before: str
    members: int
    inside: Node


class Node(NamedTuple):
    """Tensors by their names below the node, and the runs among them."""

    tensors: dict[str, Shape]
    runs: list[Run]


def name_tree(shapes: Mapping[str, Shape]) -> Node:
    """The tree. Modules that are numbered, but are not alike, stay under their own numbers."""
    node = Node({}, [])
    numbered: dict[str, dict[str, dict[str, Shape]]] = {}
    for name, shape in shapes.items():
        before, number, after = _parted(name)
        if after:
            numbered.setdefault(before, {}).setdefault(number, {})[after] = shape
        else:
            node.tensors[name] = shape
    for before, members in numbered.items():
        union = {after: shape for member in members.values() for after, shape in member.items()}
        if _are_alike(members, union):
            node.runs.append(Run(before, len(members), name_tree(union)))
            continue
        for number, member in members.items():
            _add_below(node, joined(before, number), name_tree(member))
    return node


def joined(*parts: str) -> str:
    """Parts of a name, those that are empty left out."""
    return ".".join(part for part in parts if part)


def _parted(name: str) -> tuple[str, str, str]:
    """The first number in a name with what stands before and after it; no `after` where there is none."""
    segments = name.split(".")
    for at, segment in enumerate(segments[:-1]):
        if segment.isascii() and segment.isdigit():
            return ".".join(segments[:at]), segment, ".".join(segments[at + 1 :])
    return name, "", ""


def _are_alike(members: Mapping[str, Mapping[str, Shape]], union: Mapping[str, Shape]) -> bool:
    """Whether they can be layers: of more than one module each, and of the same shapes."""
    if not any("." in after for after in union):
        return False
    return all(union[after] == shape for member in members.values() for after, shape in member.items())


def _add_below(node: Node, prefix: str, inside: Node) -> None:
    node.tensors.update((joined(prefix, name), shape) for name, shape in inside.tensors.items())
    node.runs.extend(Run(joined(prefix, run.before), run.members, run.inside) for run in inside.runs)
