"""The models of an alignment, and that they are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.ir.primitives import READ
from mergec.steps.align_errors import ModelsDiffer, WidthsDiffer
from mergec.steps.common_names import rename_rule
from mergec.symmetries.instantiate import instantiate
from mergec.symmetries.model_shape import ModelShape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        made_up = not any(call.graph[leaf].primitive is READ for leaf in call.graph.leaves(entry.node))
        if not made_up and first.setdefault(entry.node, name) != name:
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

    Reports MC05xx for the table, MC0360 and MC0361 where models differ.
    """
    shape = model_shape(anchor, models[0], call)
    symmetry = instantiate(table, shape, call.report, sizes=sizes, freeze=freeze, step=call.place)
    if symmetry is None:
        return None
    names = [name for tensor in symmetry.tensors for name in tensor.names]
    ok = [_is_alike(model, anchor, names, call) for model in models]
    return symmetry if all(ok) else None


def _is_alike(model: ModelTable, anchor: ModelTable, names: Sequence[str], call: Call) -> bool:
    """Whether a model holds all tensors that are permuted, in the anchor's shapes, and none beside."""
    missing = [name for name in names if name not in model.entries]
    extra = [name for name in model.entries if name not in anchor.entries]
    if not missing and not extra:
        return _has_shapes(model, anchor, names, call)
    rule = rename_rule(extra[0], missing[0]) if missing and extra else None
    help_ = "leave out what only one of them has with `keep:` or `drop:` on a source"
    if missing and extra:
        help_ = f"line the names up with `rename:` on the source of `{model.name}`"
    call.report.add(
        ModelsDiffer(
            span=call.span,
            model=model.name,
            anchor=anchor.name,
            notes=tuple(
                f"only `{table.name}` has {_listed(found)}"
                for table, found in ((anchor, missing), (model, extra))
                if found
            ),
            help=f"a rename rule on the source of `{model.name}` may help: `{safe(rule)}`" if rule else help_,
        )
    )
    return False


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{safe(name)}`" for name in names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


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
                more=f", and {len(unlike) - 1} more" if len(unlike) > 1 else "",
                found=str(list(shape(model, first))),
                wanted=str(list(shape(anchor, first))),
            )
        )
    return not unlike
