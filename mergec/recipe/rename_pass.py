"""Runs rename rules over the tensors of a source."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.recipe.no_match import advice
from mergec.recipe.preset_match import preset_matches_nothing
from mergec.recipe.rename_errors import NamesCollide, PresetMatchesNothing, RuleMatchesNothing
from mergec.recipe.rename_join import Joining, filled
from mergec.recipe.shape_change import Concat, Split, Stack, Transpose

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mergec.diagnostics import Diagnostic, Report
    from mergec.ir.layout import Layout
    from mergec.recipe.pattern import BoundPattern
    from mergec.recipe.rename_join import Moves, Origin
    from mergec.recipe.rename_rule import PresetUse, RenameRule

_MISSES = (RuleMatchesNothing, PresetMatchesNothing)


@dataclass(frozen=True, slots=True)
class RuleUse:
    """How often a rule applied: the number of tensors it matched. `plan` prints it."""

    rule: str
    count: int


def apply_rules(
    tensors: Mapping[str, Layout], rules: Sequence[RenameRule], source_name: str, report: Report
) -> tuple[dict[str, Layout], list[RuleUse]]:
    """The tensors under their new names, in the order of the source, and the use of each rule.

    Rules run in order, each over all names that the earlier ones left; within one rule all names
    change at once, so two names may be exchanged. A new tensor stands where its first part stood.
    Of a preset, only the rules that applied are among the uses.

    Reports MC0124, MC0125, MC0136 to MC0144 and MC0146. When it reported an error the result is for finding
    further errors only.
    """
    state = _Pass(dict(tensors), source_name)
    uses: list[RuleUse] = []
    for preset, members in groupby(rules, key=lambda rule: rule.preset):
        found = [(rule, state.run(rule)) for rule in members]
        if preset is None:
            uses.extend(RuleUse(rule.text, count) for rule, count in found)
            continue
        applied = [RuleUse(f"{rule.text} (preset {preset.name})", count) for rule, count in found if count]
        if not applied and not preset.optional:
            state.miss(preset)
        uses.extend(applied)
    for finding in state.found:
        report.add(finding)
    return state.tensors, uses


class _Pass:
    def __init__(self, tensors: dict[str, Layout], source: str) -> None:
        self.tensors = tensors
        self.source = source
        self.found: list[Diagnostic] = []
        # Renamed tensors only: what the source calls them, and the rule that renamed them last.
        self._origins: dict[str, Origin] = {}

    def run(self, rule: RenameRule) -> int:
        """The number of tensors that the rule matched; each counts once for each repetition."""
        count = self._once(rule)
        total = count
        while count and rule.repeats and not self.found:
            count = self._once(rule)
            total += count
        return total

    def miss(self, preset: PresetUse) -> None:
        """Report a preset of which no rule applied."""
        self._report([preset_matches_nothing(preset, self.tensors, self.source)])

    def _once(self, rule: RenameRule) -> int:
        bound = [pattern.bind(self.tensors) for pattern in rule.sources]
        count = sum(len(one) for one in bound)
        if not count:
            if not rule.optional:
                self._report([self._matches_nothing(rule)])
            return 0
        found: list[Diagnostic] = []
        moves = self._moves(rule, bound, found)
        # After a failure the tensors that could not be renamed would be in the way of the others.
        if not found:
            self._move(moves, rule, found)
        self._report(_told_by_preset(_summed_up(found), rule))
        return count

    def _report(self, found: Iterable[Diagnostic]) -> None:
        # After a failed rule the names are not what the user meant; later misses only follow from it.
        failed = any(not isinstance(one, _MISSES) for one in self.found)
        self.found.extend(one for one in found if not (failed and isinstance(one, _MISSES)))

    def _matches_nothing(self, rule: RenameRule) -> RuleMatchesNothing:
        help_, notes = advice(rule.sources[0], self.tensors)
        return RuleMatchesNothing(
            span=rule.span,
            rule=rule.text,
            count=len(self.tensors),
            source=self.source,
            help=help_ or "write `optional: true` if only some checkpoints have these tensors",
            notes=notes,
        )

    def _moves(self, rule: RenameRule, bound: list[BoundPattern], found: list[Diagnostic]) -> Moves:
        if isinstance(rule.change, Concat | Stack):
            joining = Joining(rule, self.tensors, self._collision, self._origin, found)
            if isinstance(rule.change, Concat):
                return joining.concat(rule.change, bound)
            return joining.stack(rule.change, bound[0])
        moves: Moves = {}
        for name in bound[0].matches:
            names = [filled(target, bound[0], name, found) for target in rule.targets]
            layouts = self._single(rule, name, found)
            new = [(target, part) for target, part in zip(names, layouts, strict=False) if target is not None]
            if len(new) == len(names):
                moves[name] = new
        return moves

    def _single(self, rule: RenameRule, name: str, found: list[Diagnostic]) -> list[Layout]:
        """What becomes of one tensor under a rule that does not join; nothing where that fails."""
        layout = self.tensors[name]
        if isinstance(rule.change, Split):
            parts, refused = rule.change.apply((name, layout), len(rule.targets), rule.span)
        elif isinstance(rule.change, Transpose):
            whole, refused = rule.change.apply((name, layout), rule.span)
            parts = [] if whole is None else [whole]
        else:
            return [layout]
        found.extend(refused)
        return parts

    def _move(self, moves: Moves, rule: RenameRule, found: list[Diagnostic]) -> None:
        moved: dict[str, Layout] = {}
        origins: dict[str, Origin] = {}
        for old, layout in self.tensors.items():
            origin = self._origin(old)
            if old in moves:
                origin = (origin[0], rule)
            for name, new in moves.get(old, [(old, layout)]):
                if name in moved:
                    found.append(self._collision(name, origins.get(name, (name, None)), origin))
                    continue
                moved[name] = new
                if origin[1] is not None:
                    origins[name] = origin
        self.tensors = moved
        self._origins = origins

    def _origin(self, name: str) -> Origin:
        return self._origins.get(name, (name, None))

    def _collision(self, name: str, first: Origin, second: Origin) -> NamesCollide:
        notes = tuple(
            f"`{safe(origin)}` is renamed by {rule.title}" if rule else f"`{safe(origin)}` is not renamed"
            for origin, rule in (first, second)
        )
        span = next((rule.span for _, rule in (second, first) if rule is not None), None)
        return NamesCollide(
            span=span, source=self.source, name=name, first=first[0], second=second[0], notes=notes
        )


def _summed_up(found: list[Diagnostic]) -> list[Diagnostic]:
    """The first finding of each kind; a rule that fails for one layer mostly fails for all."""
    kinds: dict[tuple[object, object], list[Diagnostic]] = {}
    for one in found:
        kinds.setdefault((type(one), getattr(one, "pattern", None)), []).append(one)
    return [_with_count(alike[0], len(alike) - 1) for alike in kinds.values()]


def _told_by_preset(found: list[Diagnostic], rule: RenameRule) -> list[Diagnostic]:
    """The findings, with the rule's text in those that would show no more of it than the preset's name."""
    if rule.preset is None:
        return found
    note = f"the rule is {rule.title}"
    return [one if isinstance(one, NamesCollide) else replace(one, notes=(*one.notes, note)) for one in found]


def _with_count(one: Diagnostic, more: int) -> Diagnostic:
    if not more:
        return one
    note = f"this rule has the same problem {more} more time{'s' if more > 1 else ''}"
    return replace(one, notes=(*one.notes, note))
