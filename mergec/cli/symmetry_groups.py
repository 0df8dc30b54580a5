"""A symmetry table applied to a checkpoint, as text: its groups, and what they act on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mergec.cli.columns import in_columns
from mergec.cli.name_groups import grouped
from mergec.diagnostics import safe

if TYPE_CHECKING:
    from mergec.ir.symmetry import Axis, Factor, SymmetricTensor, Symmetry
    from mergec.symmetries.model_shape import ModelShape


def groups_text(table: str, model: ModelShape, symmetry: Symmetry) -> str:
    """The groups by name, how many there are of each, their sizes; then all tensors with their axes."""
    permuted = {name for tensor in symmetry.tensors for name in tensor.names}
    rest = [name for name in model.tensors if name not in permuted]
    head = f"{table} on {safe(model.name)}: {len(permuted)} of {len(model.tensors)} tensors have groups"
    lines = [head, "", "Groups:", *in_columns(_group_rows(symmetry), indent="  ", right={1, 2})]
    lines += ["", "Tensors:", *in_columns(_tensor_rows(symmetry), indent="  ")]
    if rest:
        lines += ["", "As they are:", *(f"  {one.pattern}" for one in grouped(rest, str, lambda _: None))]
    return "\n".join(lines)


def _group_rows(symmetry: Symmetry) -> list[tuple[str, ...]]:
    used = Counter(
        group for tensor in symmetry.tensors for group in set(tensor.groups()) for _ in tensor.names
    )
    found: dict[tuple[str, int, str, bool], list[int]] = {}
    for number, group in enumerate(symmetry.groups):
        parents = " ".join(_label(symmetry, parent) for parent in symmetry.parents(number))
        found.setdefault((_label(symmetry, number), group.size, parents, group.is_frozen), []).append(number)
    rows: list[tuple[str, ...]] = [("group", "times", "size", "", "")]
    for (label, size, parents, is_frozen), numbers in found.items():
        tensors = sum(used[number] for number in numbers)
        acts = f"on {tensors} tensor{'s' * (tensors != 1)}"
        family = f"for each {parents}" if parents else ""
        rows.append((label, str(len(numbers)), str(size), family, f"{acts}, frozen" if is_frozen else acts))
    return rows


def _tensor_rows(symmetry: Symmetry) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    tensors = symmetry.tensors
    texts = [_axes_text(symmetry, tensor) for tensor in tensors]
    named = [(name, number) for number, tensor in enumerate(tensors) for name in tensor.names]
    for group in grouped(named, lambda one: one[0], lambda one: (texts[one[1]], tensors[one[1]].shape)):
        tensor = tensors[named[group.members[0]][1]]
        stack = f"stacked: {len(tensor.names)}" if tensor.is_stacked else ""
        shape = " x ".join(map(str, tensor.shape))
        rows.append((group.pattern, shape, texts[named[group.members[0]][1]], stack))
    return rows


def _axes_text(symmetry: Symmetry, tensor: SymmetricTensor) -> str:
    text = " ".join(_axis_text(symmetry, axis) for axis in tensor.axes)
    return text if tensor.weight else f"{text}!"


def _axis_text(symmetry: Symmetry, axis: Axis) -> str:
    if all(factor.group is None for segment in axis for factor in segment):
        return "_"
    inner = " | ".join(" ".join(_factor_text(symmetry, one) for one in segment) for segment in axis)
    return f"({inner})" if len(axis) > 1 or len(axis[0]) > 1 else inner


def _factor_text(symmetry: Symmetry, factor: Factor) -> str:
    if factor.group is None:
        return str(factor.size)
    parent = symmetry.groups[factor.group].parent
    label = _label(symmetry, factor.group)
    return label if parent is None else f"{label}[{_label(symmetry, parent)}]"


def _label(symmetry: Symmetry, group: int) -> str:
    """The name of a group without that of its layer."""
    return symmetry.groups[group].name.rpartition("/")[2]
