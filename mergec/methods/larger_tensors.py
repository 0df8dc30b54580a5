"""`larger:` of methods whose models may hold more than their base."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import safe
from mergec.ir.config_edit import ConfigEdit
from mergec.ir.graph import Remark
from mergec.methods.errors import LargerThanBase, MostAreLarger
from mergec.methods.pieces.top_left import holds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mergec.ir.model_table import ModelTable
    from mergec.ir.strided_view import Shape
    from mergec.steps.operation import Call

_SHOWN = 3
_FEWEST = 3  # of so few tensors, most may well be embeddings


class Larger(NamedTuple):
    """A tensor that is larger in a model than in the base."""

    name: str
    model: str
    old: Shape
    new: Shape


def find_larger(
    names: Iterable[str], base: ModelTable, models: Sequence[ModelTable], call: Call
) -> list[Larger]:
    """The tensors of `base` that another model holds larger; an empty one is no tensor of the base."""
    found: list[Larger] = []
    for name in names:
        old = call.graph.type(base.entries[name].node).shape
        for model in models:
            new = call.graph.type(model.entries[name].node).shape
            if new != old and 0 not in old and holds(new, old):
                found.append(Larger(name, model.name, old, new))
                break
    return found


def refuse_larger(found: Sequence[Larger], total: int, base: str, call: Call) -> None:
    """Report MC0375."""
    first = found[0]
    shown = [
        f"`{safe(one.name)}`: {list(one.old)} in `{base}`, {list(one.new)} in `{one.model}`"
        for one in found[:_SHOWN]
    ]
    help_ = "if the base is the top-left part of it, as where rows were added, say `larger: top_left`"
    if _are_most(found, total):
        help_ = f"most tensors are: look whether `{first.model}` was made from a larger model than `{base}`"
    more = f", and so are {len(found) - 1} more" if len(found) > 1 else ""
    call.report.add(
        LargerThanBase(
            span=call.span,
            tensor=first.name,
            more=more,
            model=first.model,
            base=base,
            notes=tuple(shown),
            help=help_,
        )
    )


def accept_larger(found: Sequence[Larger], total: int, base: str, call: Call) -> tuple[ConfigEdit, ...]:
    """Say which tensors are larger; what that changes in config.json. Reports MC0376 where most are."""
    if _are_most(found, total):
        span = call.place.child("larger").span()
        model = found[0].model
        call.report.add(MostAreLarger(span=span, count=len(found), total=total, model=model, base=base))
    names = tuple(one.name for one in found)
    call.remarks.append(Remark(call.name, f"larger than in {base}, which is their top-left part", names))
    rows = [(one.old[0], one.new[0]) for one in found if len(one.old) > 1 and one.old[0] != one.new[0]]
    return tuple(ConfigEdit(("vocab_size",), old, new) for old, new in dict.fromkeys(rows))


def _are_most(found: Sequence[Larger], total: int) -> bool:
    return total > _FEWEST and 2 * len(found) > total
