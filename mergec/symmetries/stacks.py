"""Tensors whose names differ in a number that is a group: one tensor, stacked along a new axis 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.symmetries.errors import BrokenStack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mergec.diagnostics import Report
    from mergec.ir.strided_view import Shape
    from mergec.symmetries.table_match import Matched


def stacks(
    matched: Sequence[Matched], shapes: Mapping[str, Shape], report: Report
) -> Iterator[list[Matched]]:
    """Each tensor alone, or with those that it is stacked with, by their numbers.

    Reports MC0510 for numbers that do not go from 0 on, or shapes that differ; these are left out.
    """
    together: dict[tuple[object, ...], list[Matched]] = {}
    for one in matched:
        together.setdefault(_without_number(one) if one.entry.stacked else (one.name,), []).append(one)
    for members in together.values():
        if members[0].entry.stacked:
            members.sort(key=_number)
            if (broken := _broken(members, shapes)) is not None:
                report.add(broken)
                continue
        yield members


def _number(one: Matched) -> int:
    return int(one.captures[one.entry.stacked])


def _without_number(one: Matched) -> tuple[object, ...]:
    """What tensors of one stack have in common."""
    before, _ = one.number or ("", 0)
    below = one.name[len(one.layer) + 1 if one.layer else 0 :]
    return one.entry, one.layer, before, below[len(before) + len(one.captures[one.entry.stacked]) :]


def _broken(members: Sequence[Matched], shapes: Mapping[str, Shape]) -> BrokenStack | None:
    first = members[0]
    for expected, member in enumerate(members):
        if _number(member) != expected:
            problem = f"number {expected} is missing"
        elif shapes[member.name] != shapes[first.name]:
            here, there = list(shapes[member.name]), list(shapes[first.name])
            problem = f"its shape is {here}, and that of `{first.name}` {there}"
        else:
            continue
        group = first.entry.stacked
        return BrokenStack(span=first.entry.pattern.span, tensor=member.name, group=group, problem=problem)
    return None
