"""A symmetry table and the shapes of a model -> the symmetry of that model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, Report, safe
from mergec.ir.natural_order import natural_key
from mergec.recipe.value_place import NoPlace
from mergec.symmetries.as_symmetry import as_symmetry
from mergec.symmetries.chain import place_chain
from mergec.symmetries.coverage import check_coverage
from mergec.symmetries.errors import UnlistedTensors
from mergec.symmetries.families import check_products, find_parents
from mergec.symmetries.freeze import frozen
from mergec.symmetries.given_sizes import GivenSizes
from mergec.symmetries.group_names import unknown_group
from mergec.symmetries.once_per_line import once_per_line
from mergec.symmetries.place_tensors import Placement
from mergec.symmetries.placed import PlacedGroups
from mergec.symmetries.sizes import Sizes
from mergec.symmetries.table_match import match_table
from mergec.symmetries.unify import check_tied, tied_names, unify

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mergec.ir.symmetry import Symmetry
    from mergec.recipe.value_place import Place
    from mergec.symmetries.model_shape import ModelShape
    from mergec.symmetries.placed import PlacedTensor
    from mergec.symmetries.table_entries import Table

_SHOWN = 5


def instantiate(
    table: Table,
    model: ModelShape,
    report: Report,
    *,
    sizes: Mapping[str, int] | None = None,
    freeze: Sequence[str] = (),
    step: Place = NoPlace(),  # noqa: B008  # it has no state
) -> Symmetry | None:
    """The groups of the model; None after reporting what is wrong with the table for it.

    `sizes` come before those of the table. `freeze` names groups that are not to be permuted: `ffn` in all
    layers, `model.layers.[0:4]/ffn` in some. `step` is where the recipe has `symmetry`, `sizes` and `freeze`.
    """
    found = Report()
    made = None
    try:
        groups = _placed(table, model, sizes or {}, step, found)
    except MergecError as error:  # a name of a group cannot be filled in
        found.extend(error.diagnostics)
        groups = None
    if groups is not None:
        stays = groups.held | frozen(freeze, groups, step.child("freeze"), found)
        made = as_symmetry(groups, stays | check_coverage(groups, stays, found))
    report.extend(once_per_line(found.diagnostics, step.child("symmetry").span()))
    return None if found.has_errors() else made


def _placed(
    table: Table, model: ModelShape, sizes: Mapping[str, int], step: Place, report: Report
) -> PlacedGroups | None:
    """The tensors with their groups and sizes; None if the table does not fit the model."""
    placement, placed = _place(table, model, report)
    names = {*placement.written.values(), *(symbol.name for symbol in placement.written), *table.sizes}
    for name in sizes:
        if name not in names:
            report.add(unknown_group(name, names, step.child("sizes").key_span(name)))
    if report.has_errors():
        return None
    unified = unify(placement, placed, model, report)
    tensors = [unified.applied(tensor) for tensor in placed]
    check_products(tensors, report)
    if report.has_errors():
        return None
    given = GivenSizes(table, model, sizes, report)
    known = Sizes(given.known(placement.written, unified), report)
    tensors = known.settle(tensors)
    given.report_unknown(known.unknown(tensors), placement.written)
    real = tuple(tensor for tensor in tensors if tensor.label in model.tensors)
    parents = find_parents(real, report)
    check_tied(real, unified.held(), model, report)
    if report.has_errors():
        return None
    return PlacedGroups(real, parents, known.known(), unified.names(placement.written), unified.held())


def _place(table: Table, model: ModelShape, report: Report) -> tuple[Placement, list[PlacedTensor]]:
    """The tensors in the order of the table, then those of its chain, with groups that have no sizes yet."""
    # Of a tied pair the second tensor may be absent; its axes count as much as if it were there.
    virtual = {second: model.tensors[first] for first, second in tied_names(table, model)}
    shapes = {**virtual, **model.tensors}
    placement = Placement(table, shapes, match_table(table.entries, shapes, report), report)
    left = {name: shape for name, shape in model.tensors.items() if name not in placement.layers}
    chain = place_chain(table.chain, left, report)
    _check_all_listed(left.keys() - chain.keys(), table, model, report)
    placed = placement.tensors()
    for tensor in chain.values():
        if tensor is not None:
            placement.note(tensor)
            placed.append(tensor)
    return placement, placed


def _check_all_listed(left: Collection[str], table: Table, model: ModelShape, report: Report) -> None:
    """Report MC0508 for tensors that no entry of the table matches."""
    if not left:
        return
    unlisted = sorted(left, key=natural_key)
    others = len(unlisted) - 1
    more = f" and {others} other{'s' * (others > 1)}" if others else ""
    help_ = "list it under `tensors`, or under `fixed` if it stays"
    if table.is_built_in:
        help_ = f"write a table with `extends: {table.name}` that lists it, or drop the tensor"
    shown = ", ".join(f"`{safe(name)}`" for name in unlisted[1:_SHOWN])
    notes = (f"the others are {shown}{', ...' if others >= _SHOWN else ''}",) if shown else ()
    report.add(
        UnlistedTensors(
            span=None if table.is_built_in else table.span,
            model=model.name,
            tensor=unlisted[0],
            more=more,
            help=help_,
            notes=notes,
        )
    )
