"""A short list of rules that turns all given names into their targets.

Rules run in order, each over all names. So a general rule may stand last, when the rules before it
have already renamed its exceptions. The list is made from its end: the most general rule first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.recipe.proposals.candidates import candidates, differing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mergec.recipe.proposals.families import Segments
    from mergec.recipe.proposals.rewrite import Rewrite

    Apply = Callable[[str], str | None]

_MOST_TESTS = 300_000  # of a rule on a name; beyond, the rules that fewer names suggest are left out
_MOST_FIRST_RULES = 5
_MOST_STAGES = 3
_MOST_SORTED = 30


@dataclass(frozen=True, slots=True)
class Group:
    """Names that change alike: their pattern before and after, some of them, and their number."""

    source: Segments
    target: Segments
    samples: tuple[tuple[str, str], ...]
    count: int

    @property
    def is_done(self) -> bool:
        """Whether the names are what they should be."""
        return all(before == after for before, after in self.samples)

    def after(self, apply: Apply) -> Group:
        """The group with its names changed by a rule."""
        source = apply(".".join(self.source))
        samples = tuple((apply(before) or before, after) for before, after in self.samples)
        return Group(tuple(source.split(".")) if source else self.source, self.target, samples, self.count)


def rule_list(groups: Sequence[Group], kept: Sequence[str], others: Sequence[str]) -> list[Rewrite]:
    """Rules that rename as many groups as they can.

    Names in `kept` stay what they are; `others` may change, but rather should not.
    """
    first: list[Rewrite] = []
    now = list(groups)
    best = _Decisions(now, kept, others).rules()
    for _ in range(_MOST_STAGES):
        better = _with_first_rule(now, (kept, others), _cost(now, best))
        if better is None:
            break
        rule, best = better
        first.append(rule)
        apply = rule.compiled()
        now = [group.after(apply) for group in now]
    return _largest_first([*first, *best], groups)


def _largest_first(rules: list[Rewrite], groups: Sequence[Group]) -> list[Rewrite]:
    """The rules that rename most names first, where the order makes no difference."""
    if len(rules) > _MOST_SORTED:
        return rules
    counts = {rule: sum(g.count for g in groups if rule.apply(g.samples[0][0]) is not None) for rule in rules}
    ordered: list[Rewrite] = []
    for rule in rules:
        at = len(ordered)
        while at and counts[ordered[at - 1]] < counts[rule] and _commute(ordered[at - 1], rule, groups):
            at -= 1
        ordered.insert(at, rule)
    return ordered


def _commute(one: Rewrite, other: Rewrite, groups: Sequence[Group]) -> bool:
    names = {name for group in groups for sample in group.samples for name in sample}
    first, second = one.compiled(), other.compiled()

    def both(name: str, before: Apply, after: Apply) -> str:
        middle = before(name) or name
        return after(middle) or middle

    return all(both(name, first, second) == both(name, second, first) for name in names)


def _with_first_rule(
    groups: list[Group], not_grouped: tuple[Sequence[str], Sequence[str]], cost: tuple[int, int]
) -> tuple[Rewrite, list[Rewrite]] | None:
    """A rule that brings many names nearer to their targets, and the fewer rules needed after it."""
    if cost[0] == 0 and cost[1] < 3:
        return None
    kept, others = not_grouped
    best: tuple[Rewrite, list[Rewrite]] | None = None
    for rule in _helpful(groups, kept)[:_MOST_FIRST_RULES]:
        apply = rule.compiled()
        after = [group.after(apply) for group in groups]
        then = _Decisions(after, kept, others).rules()
        missed, count = _cost(after, then)
        if (missed, count + 1) < cost:
            best, cost = (rule, then), (missed, count + 1)
    return best


def _cost(groups: list[Group], rules: list[Rewrite]) -> tuple[int, int]:
    for rule in rules:
        apply = rule.compiled()
        groups = [group.after(apply) for group in groups]
    return sum(not group.is_done for group in groups), len(rules)


def _helpful(groups: list[Group], kept: Sequence[str]) -> list[Rewrite]:
    """Rules that bring every name that they change nearer to its target, the most helpful first."""
    gains: list[tuple[int, int, Rewrite]] = []
    found = candidates((g.source, g.target) for g in groups if not g.is_done)
    for number, rule in enumerate(found[: _MOST_TESTS // (8 * max(len(groups), 1)) + 1]):
        apply = rule.compiled()
        if any(apply(name) not in {None, name} for name in kept):
            continue
        moves = [(g, new) for g in groups if (new := apply(g.samples[0][0])) is not None]
        changes = [
            _distance(before, g.samples[0][1]) - _distance(new, g.samples[0][1])
            for g, new in moves
            if new != (before := g.samples[0][0])
        ]
        if len(changes) > 1 and min(changes) > 0:
            gains.append((-sum(changes), number, rule))
    return [rule for _, _, rule in sorted(gains, key=lambda gain: gain[:2])]


def _distance(name: str, target: str) -> int:
    return differing(tuple(name.split(".")), tuple(target.split(".")))


@dataclass(frozen=True, slots=True)
class _Tried:
    """What a rule does: groups that it finishes, that it matches, and whose targets it would change.

    `touches` counts names without a target that it matches.
    """

    rule: Rewrite
    finishes: frozenset[int]
    matches: frozenset[int]
    undoes: frozenset[int]
    touches: int


class _Decisions:
    """Rules each of which takes names to their targets at once."""

    def __init__(self, groups: Sequence[Group], kept: Sequence[str], others: Sequence[str]) -> None:
        """Try all rules that the groups suggest on all names."""
        self._others = others
        self._groups = [group for group in groups if not group.is_done]
        fixed = [*kept, *(name for group in groups if group.is_done for name, _ in group.samples)]
        found = candidates((group.source, group.target) for group in self._groups)
        most = _MOST_TESTS // (len(fixed) + len(others) + len(self._groups) + 1) + 1
        self._tried: list[_Tried] = []
        for rule in found[:most]:
            # Names that are right already may be matched by no rule at all.
            apply = rule.compiled()
            if all(apply(name) in {None, name} for name in fixed):
                self._tried.append(self._try(rule, apply))

    def rules(self) -> list[Rewrite]:
        """The rules in the order in which they run."""
        open_groups = frozenset(range(len(self._groups)))
        later: frozenset[int] = frozenset()
        chosen: list[Rewrite] = []
        while open_groups:
            best: tuple[tuple[int, ...], _Tried] | None = None
            for tried in self._tried:
                won = tried.finishes & open_groups
                # Names of later rules must come through unchanged, and so must the work of earlier ones.
                if not won or tried.matches & later or tried.undoes & (open_groups - won):
                    continue
                worth = self._worth(tried, won, open_groups)
                if best is None or worth > best[0]:
                    best = worth, tried
            if best is None:
                break
            won = best[1].finishes & open_groups
            chosen.append(best[1].rule)
            open_groups, later = open_groups - won, later | won
        return chosen[::-1]

    def _worth(self, tried: _Tried, won: frozenset[int], open_groups: frozenset[int]) -> tuple[int, ...]:
        exceptions = len(tried.matches & (open_groups - won)) + tried.touches
        names = sum(self._groups[number].count for number in won)
        return len(won), -exceptions, names, not tried.rule.has_head, -len(tried.rule.source)

    def _try(self, rule: Rewrite, apply: Apply) -> _Tried:
        finishes, matches, undoes = set(), set(), set()
        for number, group in enumerate(self._groups):
            news = [apply(before) for before, _ in group.samples]
            if any(new is not None for new in news):
                matches.add(number)
            if news == [after for _, after in group.samples]:
                finishes.add(number)
            if any(apply(after) not in {None, after} for _, after in group.samples):
                undoes.add(number)
        touches = sum(apply(name) is not None for name in self._others)
        return _Tried(rule, frozenset(finishes), frozenset(matches), frozenset(undoes), touches)
