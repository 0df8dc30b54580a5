"""The models of an alignment, and that they are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.steps.align_errors import ModelsDiffer, WidthsDiffer
from mergec.symmetries.instantiate import instantiate
from mergec.symmetries.model_shape import ModelShape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mergec.ir.graph import NodeId
    from mergec.ir.model_table import ModelTable
    from mergec.ir.symmetry import Symmetry
    from mergec.steps.operation import Call
    from mergec.symmetries.table_entries import Table

_SHOWN = 3


def model_shape(model: ModelTable, fallback: ModelTable, call: Call) -> ModelShape:
    """What a table needs to know of a model; its config.json may be that of another one."""
    first: dict[NodeId, str] = {}
    same: dict[str, str] = {}
    for name, entry in model.entries.items():
        if first.setdefault(entry.node, name) != name:
            same[name] = first[entry.node]
    shapes = {name: call.graph.type(entry.node).shape for name, entry in model.entries.items()}
    givers = (one.facts.config for one in (model, fallback) if one.facts is not None)
    return ModelShape(model.name, shapes, next((config for config in givers if config), {}), same)


def symmetry_of(
    table: Table,
    anchor: ModelTable,
    models: Sequence[ModelTable],
    sizes: Mapping[str, int],
    freeze: Sequence[str],
    call: Call,
) -> Symmetry | None:
    """The symmetry that all models share with the anchor; None after reporting why there is none.

    Reports MC05xx for the table, MC0530 and MC0531 where models differ.
    """
    span = call.place.child("symmetry").span()
    shape = model_shape(anchor, models[0], call)
    symmetry = instantiate(table, shape, call.report, sizes=sizes, freeze=freeze, span=span)
    if symmetry is None:
        return None
    names = [name for tensor in symmetry.tensors for name in tensor.names]
    ok = [_is_alike(model, anchor, names, call) for model in models]
    return symmetry if all(ok) else None


def _is_alike(model: ModelTable, anchor: ModelTable, names: Sequence[str], call: Call) -> bool:
    """Whether a model holds all tensors that are permuted, in the anchor's shapes, and none beside."""
    missing = [name for name in names if name not in model.entries]
    extra = [name for name in model.entries if name not in anchor.entries]
    for problem, found in ((f"only `{anchor.name}` has", missing), (f"only `{model.name}` has", extra)):
        if found:
            call.report.add(_differ(model, anchor, problem, found, call))
    if missing or extra:
        return False
    return _has_shapes(model, anchor, names, call)


def _differ(
    model: ModelTable, anchor: ModelTable, problem: str, found: Sequence[str], call: Call
) -> ModelsDiffer:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ModelsDiffer(
        span=call.span,
        model=model.name,
        anchor=anchor.name,
        problem=f"{problem} {_listed(found[:_SHOWN])}{more}",
        help="line the names up with `rename:` on a source, or leave tensors out with `keep:` or `drop:`",
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{safe(name)}`" for name in names)


def _has_shapes(model: ModelTable, anchor: ModelTable, names: Sequence[str], call: Call) -> bool:
    def shape(table: ModelTable, name: str) -> tuple[int, ...]:
        return call.graph.type(table.entries[name].node).shape

    unlike = [name for name in names if shape(model, name) != shape(anchor, name)]
    if unlike:
        first = unlike[0]
        call.report.add(
            WidthsDiffer(
                span=call.span,
                model=model.name,
                anchor=anchor.name,
                tensor=first,
                more=f" and {len(unlike) - 1} more" if len(unlike) > 1 else "",
                found=list(shape(model, first)),
                wanted=list(shape(anchor, first)),
            )
        )
    return not unlike
