"""Two checkpoints for people at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.cli.columns import in_columns
from mergec.cli.inspection.flat_names import grouped_flat
from mergec.cli.name_groups import collapsed
from mergec.cli.plan_text import counted
from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mergec.cli.inspection.pair_facts import Compared, Different, PairFacts
    from mergec.ir.strided_view import StridedView
    from mergec.recipe.proposals import Tie

_INDENT = "  "
_MOST_TIES = 10


def pair_text(facts: PairFacts) -> str:
    """What differs, the rules, and what still differs after them."""
    lines = [_head(facts, 0), _head(facts, 1), *_sections(facts.now, facts.tensors)]
    if facts.adapter is not None:
        reads = "folds it into a model and reads its names as they are"
        return "\n".join([*lines, "", f"{facts.adapter} is an adapter; `op: lora` {reads}."])
    lines += _rule_lines(facts)
    ties = facts.proposal.ties
    if ties:
        lines += ["", "Left alone, as nothing in names and shapes says clearly what is what (B, A)"]
        lines += in_columns([_tie_row(tie) for tie in ties[:_MOST_TIES]], indent=_INDENT)
        if len(ties) > _MOST_TIES:
            lines.append(f"{_INDENT}and {len(ties) - _MOST_TIES:,} more")
    return "\n".join(lines)


def _head(facts: PairFacts, side: int) -> str:
    dialect = facts.dialects[side]
    what = "" if dialect is None else f", an adapter of the dialect {dialect}"
    return f"{'AB'[side]}: {safe(facts.paths[side])}: {counted(len(facts.tensors[side]), 'tensor')}{what}"


def _rule_lines(facts: PairFacts) -> Iterator[str]:
    """The rules and what they leave; or why there are none."""
    proposal, (first, second) = facts.proposal, facts.tensors
    if not proposal.rules:
        if facts.now.only_first and facts.now.only_second:
            yield ""
            nothing = "Nothing to rename: what only B has is like nothing that only A has."
            yield "No rule is clear enough to be proposed." if proposal.ties else nothing
        return
    yield ""
    yield "Rules that line B up with A, for `rename:` of its source"
    rows = [(f"- {one.yaml}", f"# lines up {one.lines_up:,}") for one in proposal.rules]
    yield from in_columns(rows, indent=_INDENT)
    lined_up = f"{proposal.lined_up:,} of {len(second):,} names of B"
    yield f"After them {lined_up} have a partner of their shape in A."
    if facts.is_mostly_apart:
        yield "Less than half line up: these may be models of two kinds that have some shapes in common."
        return
    yield from _name_section("Then only in A", facts.after.only_first, first)
    renamed = {new: second[old] for old, new in proposal.names.items()}
    yield from _name_section("Then only in B", facts.after.only_second, renamed)
    if facts.after.shapes != facts.now.shapes:
        yield from _different_section("Then of other shapes (A, B)", facts.after.shapes)


def _sections(
    compared: Compared, tensors: tuple[Mapping[str, StridedView], Mapping[str, StridedView]]
) -> Iterator[str]:
    same = counted(compared.alike, "tensor")
    yield f"Equal in name, shape and dtype: {same}"
    yield from _name_section("Only in A", compared.only_first, tensors[0])
    yield from _name_section("Only in B", compared.only_second, tensors[1])
    yield from _different_section("Of other shapes (A, B)", compared.shapes)
    yield from _different_section("Of other dtypes (A, B)", compared.dtypes)


def _name_section(title: str, names: Sequence[str], tensors: Mapping[str, StridedView]) -> list[str]:
    """Names that are alike on one line."""
    if not names:
        return []
    rows = []
    for group in grouped_flat(names, str, lambda name: (tensors[name].shape, tensors[name].dtype)):
        view = tensors[names[group.members[0]]]
        count = len(group.members)
        size = f"{count:,} x {list(view.shape)}" if count > 1 else str(list(view.shape))
        rows.append((group.pattern, size, str(view.dtype)))
    return ["", f"{title}: {counted(len(names), 'tensor')}", *in_columns(rows, indent=_INDENT)]


def _different_section(title: str, found: Sequence[Different]) -> list[str]:
    if not found:
        return []
    rows = []
    for group in grouped_flat(found, lambda one: one.name, lambda one: (one.first, one.second)):
        first = found[group.members[0]]
        rows.append((group.pattern, first.first, first.second))
    return ["", f"{title}: {counted(len(found), 'tensor')}", *in_columns(rows, indent=_INDENT)]


def _tie_row(tie: Tie) -> tuple[str, ...]:
    sources, targets = (_some(collapsed(names)) for names in (tie.sources, tie.targets))
    return sources, "<->", targets


def _some(patterns: list[str]) -> str:
    more = f" and {len(patterns) - 4} more" if len(patterns) > 4 else ""
    return ", ".join(patterns[:4]) + more
