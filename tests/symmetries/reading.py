"""Tables written in a test, and what they make of names and shapes."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import MergecError, Report, SourceText
from mergec.recipe.place import TreePlace
from mergec.recipe.yaml_tree import plain, read_yaml
from mergec.symmetries.instantiate import instantiate
from mergec.symmetries.model_shape import ModelShape
from mergec.symmetries.table import read_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.diagnostics import Diagnostic
    from mergec.ir.symmetry import Axis, SymmetricTensor, Symmetry
    from mergec.symmetries.table_entries import Table

Shapes = dict[str, tuple[int, ...]]


def read(text: str) -> tuple[Table | None, Sequence[Diagnostic]]:
    """A table that stands in a recipe of its own, and what is said of it."""
    tree = read_yaml(SourceText("table.yaml", textwrap.dedent(text)))
    report = Report()
    value = plain(tree)
    assert isinstance(value, dict)
    return read_table(value, TreePlace(tree), Path(), report), report.diagnostics


class Made(NamedTuple):
    """A symmetry, and what was said while it was made."""

    symmetry: Symmetry | None
    said: tuple[Diagnostic, ...]

    @property
    def groups(self) -> dict[str, tuple[int, str | None]]:
        """The groups that are not frozen: name -> size and name of the parent."""
        assert self.symmetry is not None, self.said
        groups = self.symmetry.groups
        return {
            one.name: (one.size, None if one.parent is None else groups[one.parent].name)
            for one in groups
            if not one.is_frozen
        }

    @property
    def frozen(self) -> list[str]:
        assert self.symmetry is not None, self.said
        return [group.name for group in self.symmetry.groups if group.is_frozen]

    def tensor(self, name: str) -> SymmetricTensor:
        assert self.symmetry is not None, self.said
        return next(tensor for tensor in self.symmetry.tensors if name in tensor.names)

    def axes(self, name: str) -> list[str]:
        """A tensor's axes with the full names of groups and the sizes of fixed factors."""
        return [self._axis(axis) for axis in self.tensor(name).axes]

    def _axis(self, axis: Axis) -> str:
        assert self.symmetry is not None
        groups = self.symmetry.groups
        return " | ".join(
            " ".join(str(size) if group is None else groups[group].name for size, group in segment)
            for segment in axis
        )


def make(
    table: Table,
    tensors: Mapping[str, tuple[int, ...]],
    *,
    config: Mapping[str, object] | None = None,
    same: Mapping[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
    freeze: Sequence[str] = (),
) -> Made:
    """The symmetry that a table makes of these names and shapes."""
    report = Report()
    model = ModelShape("tiny", tensors, config or {}, same or {})
    return Made(instantiate(table, model, report, sizes=sizes or {}, freeze=freeze), report.diagnostics)


def made(
    text: str,
    tensors: Mapping[str, tuple[int, ...]],
    *,
    config: Mapping[str, object] | None = None,
    same: Mapping[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
    freeze: Sequence[str] = (),
) -> Made:
    """The symmetry that a table makes, where the text is one that can be read."""
    table, said = read(text)
    assert table is not None, [(one.code, one.message, one.help) for one in said]
    return make(table, tensors, config=config, same=same, sizes=sizes, freeze=freeze)


def complaint(
    text: str,
    tensors: Mapping[str, tuple[int, ...]],
    *,
    config: Mapping[str, object] | None = None,
    same: Mapping[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
    freeze: Sequence[str] = (),
) -> Diagnostic:
    """The only thing that is said of a table and a model that do not fit."""
    table, said = read(text)
    if table is not None:
        found = make(table, tensors, config=config, same=same, sizes=sizes, freeze=freeze)
        assert found.symmetry is None
        said = found.said
    (only,) = said
    MergecError([only])  # an error that can be shown
    return only


def marked(one: Diagnostic) -> str:
    """What the caret stands under."""
    assert one.span is not None
    return one.span.source.line(one.span.line)[one.span.column - 1 : one.span.end_column - 1]
