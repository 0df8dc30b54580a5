"""The parents of groups: each has the same ones everywhere, and they stand where the group does."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import Report
from mergec.symmetries.axis_errors import FamilyOfItself, ParentMissing, TwiceInProduct, TwoParents
from mergec.symmetries.axis_syntax import axis_as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from mergec.symmetries.placed import PlacedFactor, PlacedTensor, Symbol


class _Claim(NamedTuple):
    """What a tensor's axes say of a group's parent."""

    group: Symbol
    parent: Symbol | None
    tensor: PlacedTensor


def check_products(tensors: Iterable[PlacedTensor], report: Report) -> None:
    """Report MC0523: a group twice in a product, whose size then no axis tells."""
    for tensor in tensors:
        for number, axis in enumerate(tensor.axes):
            for segment in axis:
                _check_product(tensor, number, segment, report)


def find_parents(tensors: Sequence[PlacedTensor], report: Report) -> dict[Symbol, Symbol | None]:
    """Each group's parent, in the order of the table; parents stand before their families.

    Reports MC0516 to MC0518.
    """
    found = Report()
    claims: dict[Symbol, _Claim] = {}
    for tensor in tensors:
        for claim in _claims(tensor):
            first = claims.setdefault(claim.group, claim)
            if claim.parent != first.parent:
                found.add(_two_parents(claim, first))
    parents: dict[Symbol, Symbol | None] = {}
    for group in claims:
        for one in reversed(_chain(group, claims, found)):
            parents.setdefault(one, claims[one].parent if one in claims else None)
    if not found.has_errors():
        for tensor in tensors:
            _check_standing(tensor, parents, found)
    report.extend(found.diagnostics)
    return parents


def _check_standing(tensor: PlacedTensor, parents: Mapping[Symbol, Symbol | None], report: Report) -> None:
    """Report MC0518 for families without their parents on the tensor."""
    axes: dict[Symbol | None, set[int]] = {}
    for number, *_, factor in tensor.factors():
        axes.setdefault(factor.symbol, set()).add(number)
    for number, part, position, factor in tensor.factors():
        if not factor.is_group or factor.symbol is None:
            continue
        before = {other.symbol for other in tensor.axes[number][part][:position]}
        parent = parents[factor.symbol]
        while parent is not None:
            on = axes.get(parent, set())
            is_on_another = (
                len(on) == 1 and number not in on and all(len(tensor.axes[one]) == 1 for one in on)
            )
            if parent not in before and not is_on_another:
                report.add(_parent_missing(tensor, number, factor, parent, on))
            parent = parents[parent]


def _two_parents(claim: _Claim, first: _Claim) -> TwoParents:
    return TwoParents(
        span=claim.tensor.entry.span,
        group=str(claim.group),
        parent=_named(claim.parent),
        tensor=claim.tensor.label,
        other=_named(first.parent),
        others_tensor=first.tensor.label,
        help="write the same parents in brackets wherever the group stands",
    )


def _check_product(tensor: PlacedTensor, axis: int, segment: Sequence[PlacedFactor], report: Report) -> None:
    counted = Counter(factor.symbol for factor in segment if factor.is_group)
    for group, times in counted.items():
        if times > 1:
            report.add(
                TwiceInProduct(
                    span=tensor.entry.span,
                    group=str(group),
                    axes=axis_as_text(tensor.axes[axis]),
                    place=tensor.place(axis),
                    help="give the two factors two names",
                )
            )


def _parent_missing(
    tensor: PlacedTensor, axis: int, factor: PlacedFactor, parent: Symbol, on: AbstractSet[int]
) -> ParentMissing:
    name = factor.symbol.name if factor.symbol is not None else ""
    if not on:
        problem = "does not stand on it"
    elif len(on) > 1:
        problem = "stands on several axes"
    else:
        problem = "stands neither before it in the same product nor on another axis without `|`"
    return ParentMissing(
        span=tensor.entry.span,
        family=str(factor.symbol),
        place=tensor.place(axis),
        parent=str(parent),
        problem=problem,
        help=f"write `({parent.name} {factor})`, or let `{name}` have no parent",
    )


def _claims(tensor: PlacedTensor) -> Iterator[_Claim]:
    for _, _, _, factor in tensor.factors():
        if factor.is_group and factor.symbol is not None:
            chain = (*factor.parents, factor.symbol)
            if not factor.parents:
                yield _Claim(factor.symbol, None, tensor)
            # `v[kv q]` says that q is the parent of v, and that kv is that of q.
            for parent, group in pairwise(chain):
                yield _Claim(group, parent, tensor)


def _chain(group: Symbol, claims: Mapping[Symbol, _Claim], report: Report) -> list[Symbol]:
    """The group, its parent, the parent of that, and so on."""
    chain = [group]
    while (claim := claims.get(chain[-1])) is not None and claim.parent is not None:
        if claim.parent in chain:
            first = claims[min(chain[chain.index(claim.parent) :])]
            report.add(FamilyOfItself(span=first.tensor.entry.span, group=str(first.group)))
            break
        chain.append(claim.parent)
    return chain


def _named(parent: Symbol | None) -> str:
    return "nothing" if parent is None else f"`{parent}`"
