"""From the names of two checkpoints to the rename rules that make the one's the other's."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, Report
from mergec.ir.dtype import DType
from mergec.ir.strided_view import StridedView
from mergec.recipe.proposals.families import LETTERS, Kind, Reading, families
from mergec.recipe.proposals.pairing import pair_names
from mergec.recipe.proposals.rewrite import Rewrite, with_shift
from mergec.recipe.proposals.rule_list import Group, rule_list
from mergec.recipe.rename_pass import apply_rules
from mergec.recipe.rename_rule import RenameRule
from mergec.recipe.value_place import NoPlace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mergec.ir.layout import Layout
    from mergec.recipe.proposals.fit import Fit
    from mergec.recipe.proposals.pairing import Undecided

_PARAMETER = "${"  # a recipe would put a value there
# Rules are made from the largest groups of names, and then tried on all names. Real checkpoints have fewer.
_MOST_GROUPS = 200
_MOST_SAMPLES = 1_000
_MOST_RENAMES = 2_000_000  # names times rules
_FEW = 20


@dataclass(frozen=True, slots=True)
class ProposedRule:
    """A rule as it is read, as a recipe holds it and as YAML writes it.

    `lines_up` counts those of the tensors that it renames that line up in the end.
    """

    rule: RenameRule
    value: str | dict[str, str]
    yaml: str
    lines_up: int


@dataclass(frozen=True, slots=True)
class Tie:
    """Names that may be the same tensors, but nothing says which is which, or says so but one shape."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """The rules in the order in which they run, the names that they give, and what stayed undecided.

    `names` holds every name of the source with what the rules make of it. `lined_up` counts those that
    then are names of the target with the same shape.
    """

    rules: tuple[ProposedRule, ...]
    names: Mapping[str, str]
    lined_up: int
    ties: tuple[Tie, ...]


def propose_rules(sources: Mapping[str, Kind], targets: Mapping[str, Kind]) -> Proposal:
    """Rules that rename `sources` to line up with `targets`, tried out by the pass that runs rules."""
    pairing = pair_names(sources, targets)
    groups = [group for fit in pairing.fits if (group := _group(fit)) is not None]
    shared = {name: kind for name, kind in sources.items() if name in targets}
    groups.sort(key=lambda group: -group.count)
    paired = {name for fit in pairing.fits for name, _ in fit.names()}
    others = {name: kind for name, kind in sources.items() if name not in shared and name not in paired}
    samples = (_samples_of(names)[:_MOST_SAMPLES] for names in (shared, others))
    rewrites = rule_list(groups[:_MOST_GROUPS], *samples)
    return _tried_out(rewrites, sources, targets, pairing.undecided)


def _group(fit: Fit) -> Group | None:
    names = list(fit.names())
    if not names:
        return None
    chosen = dict.fromkeys((names[0], names[len(names) // 2], names[-1]))
    letters = dict(zip(LETTERS, fit.shifts, strict=False))
    target = tuple(with_shift(segment, letters) for segment in fit.target.segments)
    return Group(fit.source.segments, target, tuple(chosen), len(names))


def _samples_of(names: Mapping[str, Kind]) -> list[str]:
    """One name of each family."""
    return [next(iter(family.names.values())) for family in families(names, Reading.SEGMENTS)]


def _tried_out(
    rewrites: Iterable[Rewrite],
    sources: Mapping[str, Kind],
    targets: Mapping[str, Kind],
    undecided: Iterable[Undecided],
) -> Proposal:
    # Each tensor is known again by a file number of its own.
    old = list(sources)
    state: dict[str, Layout] = {
        name: StridedView.contiguous(number, 0, DType.U8, (1,)) for number, name in enumerate(old)
    }
    used: list[tuple[Rewrite, RenameRule, frozenset[int]]] = []
    for rewrite in islice(rewrites, max(_MOST_RENAMES // (len(old) + 1), _FEW)):
        rule = _parsed(rewrite)
        if rule is None:
            continue
        report = Report()
        after, _ = apply_rules(state, [rule], "", report)
        moved = {_number(layout) for name, layout in after.items() if state.get(name) != layout}
        if not report.diagnostics and moved:
            used.append((rewrite, rule, frozenset(moved)))
            state = after
    names = {old[_number(layout)]: name for name, layout in state.items()}
    good = {n for n, name in enumerate(old) if targets.get(names[name]) == sources[name]}
    rules = tuple(
        ProposedRule(rule, rewrite.value, rewrite.yaml, len(moved & good)) for rewrite, rule, moved in used
    )
    return Proposal(rules, names, len(good), tuple(_ties(undecided, sources, targets)))


def _number(layout: Layout) -> int:
    assert isinstance(layout, StridedView)
    return layout.file


def _parsed(rewrite: Rewrite) -> RenameRule | None:
    """The rule as a recipe would read it; None for names that no pattern can hold."""
    if _PARAMETER in rewrite.yaml:
        return None
    try:
        return RenameRule.parse(rewrite.value, NoPlace())
    except MergecError:
        return None


def _ties(
    undecided: Iterable[Undecided], sources: Mapping[str, Kind], targets: Mapping[str, Kind]
) -> Iterator[Tie]:
    """Names instead of families, in the order of the checkpoints."""
    orders = [{name: at for at, name in enumerate(names)} for names in (sources, targets)]
    for tie in undecided:
        held = ((name for family in side for name in family.names.values()) for side in tie)
        yield Tie(
            *(tuple(sorted(names, key=order.__getitem__)) for names, order in zip(held, orders, strict=True))
        )
