"""Renames that make one tensor of several: which parts belong to which tensor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.recipe.name_errors import PatternError
from mergec.recipe.no_match import matches_nothing
from mergec.recipe.rename_errors import PartMissing, StackGap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mergec.diagnostics import Diagnostic
    from mergec.ir.layout import Layout
    from mergec.recipe.pattern import BoundPattern
    from mergec.recipe.rename_rule import RenameRule
    from mergec.recipe.shape_change import Concat, Stack
    from mergec.recipe.template import Template

    # What each tensor that a rule touches becomes: nothing where another one takes it in.
    Moves = dict[str, list[tuple[str, Layout]]]
    # What the source calls a tensor, and the rule that renamed it last.
    Origin = tuple[str, RenameRule | None]
    # The parts of each new tensor by their numbers.
    _Groups = dict[str, dict[int, str]]


@dataclass(frozen=True, slots=True)
class Joining:
    """One run of a `concat` or `stack` rule. Adds what is wrong to `found`."""

    rule: RenameRule
    tensors: Mapping[str, Layout]
    collision: Callable[[str, Origin, Origin], Diagnostic]
    origin: Callable[[str], Origin]
    found: list[Diagnostic]

    def concat(self, change: Concat, bound: list[BoundPattern]) -> Moves:
        """Parts that give one name go together, in the order of the patterns.

        A tensor that two patterns match is a part for the first of them.
        """
        missing = [matches_nothing(one.pattern, self.tensors) for one in bound if not len(one)]
        if missing:
            self.found.extend(missing)
            return {}
        groups: _Groups = {}
        seen: set[str] = set()
        for number, one in enumerate(bound):
            fresh = [name for name in one.matches if name not in seen]
            seen.update(fresh)
            self._collect(((name, number) for name in fresh), one, groups)
        complete: list[tuple[str, list[str]]] = []
        for target, members in groups.items():
            lacking = [one.pattern.text for number, one in enumerate(bound) if number not in members]
            self.found.extend(
                PartMissing(span=self.rule.span, target=target, pattern=text) for text in lacking
            )
            if not lacking:
                complete.append((target, [members[number] for number in range(len(bound))]))
        return self._joined(change, complete)

    def stack(self, change: Stack, bound: BoundPattern) -> Moves:
        """Parts that give one name are stacked in the order of their numbers."""
        groups: _Groups = {}
        numbered = ((name, int((bound.match(name) or {})[change.over])) for name in bound.matches)
        self._collect(numbered, bound, groups)
        complete: list[tuple[str, list[str]]] = []
        for target, members in groups.items():
            count = next(number for number in range(len(members) + 1) if number not in members)
            if count < len(members):
                reason = f"number {count} is missing, and the highest is {max(members)}"
                self.found.append(StackGap(span=self.rule.span, target=target, reason=reason))
            else:
                complete.append((target, [members[number] for number in range(count)]))
        return self._joined(change, complete)

    def _collect(self, numbered: Iterable[tuple[str, int]], bound: BoundPattern, groups: _Groups) -> None:
        for name, number in numbered:
            target = filled(self.rule.targets[0], bound, name, self.found)
            if target is None:
                continue
            other = groups.setdefault(target, {}).setdefault(number, name)
            if other != name:
                first, second = ((self.origin(part)[0], self.rule) for part in (other, name))
                self.found.append(self.collision(target, first, second))

    def _joined(self, change: Concat | Stack, groups: list[tuple[str, list[str]]]) -> Moves:
        order = {name: number for number, name in enumerate(self.tensors)}
        moves: Moves = {}
        for target, names in groups:
            whole, refused = change.apply([(name, self.tensors[name]) for name in names], self.rule.span)
            self.found.extend(refused)
            if whole is not None:
                first = min(names, key=order.__getitem__)
                moves.update((name, [(target, whole)] if name == first else []) for name in names)
        return moves


def filled(template: Template, bound: BoundPattern, name: str, found: list[Diagnostic]) -> str | None:
    """The new name of a tensor; None, with MC0124 added to `found`, where there is none."""
    try:
        return template.fill(bound.match(name) or {})
    except PatternError as error:
        found.extend(replace(one, notes=(f"the tensor is `{safe(name)}`",)) for one in error.diagnostics)
        return None
