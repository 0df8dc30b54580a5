"""What a symmetry table says, read and checked as far as no model is needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Span
    from mergec.recipe.pattern import Pattern
    from mergec.recipe.template import Template
    from mergec.symmetries.axis_syntax import AxesText
    from mergec.symmetries.size_expression import SizeExpression


@dataclass(frozen=True, slots=True, eq=False)
class Tensors:
    """The tensors that a pattern matches, and the axes that they may have: the first that fit.

    Without axes they stay as they are, whatever their shape. `stacked` is the capture that is a group: the
    tensors whose names differ in it are one. A table of mergec's own covers variants of a model, so that its
    patterns need not match.
    """

    pattern: Pattern
    axes: tuple[AxesText, ...]
    span: Span
    is_built_in: bool
    stacked: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """The layers that a pattern matches, and what each of them holds."""

    pattern: Pattern
    entries: tuple[Entry, ...]
    is_built_in: bool


Entry = Tensors | Layers


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Modules that follow one another, in the order of the patterns and of their indices."""

    patterns: tuple[Pattern, ...]
    span: Span
    is_built_in: bool


@dataclass(frozen=True, slots=True, eq=False)
class Size:
    """The size of the groups of one name, before any model is known."""

    expression: SizeExpression
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Groups of which something holds: for each match of `each`, if that is given.

    It does not hold where a tensor matches one of `unless` with the same captures, nor where `when` is zero
    for config.json.
    """

    groups: tuple[Template, ...]
    when: SizeExpression
    each: Pattern | None = None
    unless: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Tied:
    """A tensor and another that may be the same one.

    It is where it is missing, shares the first one's storage, or `when` is not zero for config.json.
    """

    first: Pattern
    second: Template
    when: SizeExpression
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A symmetry table. Of several entries that match a tensor the first one counts.

    Groups that are `equal` are one, and those that are `frozen` stay as they are.
    """

    name: str
    entries: tuple[Entry, ...]
    span: Span
    summary: str = ""
    caution: str = ""
    shared: frozenset[str] = frozenset()
    sizes: Mapping[str, Size] = field(default_factory=dict)
    chain: Chain | None = None
    equal: tuple[Groups, ...] = ()
    frozen: tuple[Groups, ...] = ()
    tied: tuple[Tied, ...] = ()
    last: Mapping[str, Pattern] = field(default_factory=dict)
    is_built_in: bool = False
