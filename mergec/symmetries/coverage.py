"""Each group acts on what makes its units and on what reads them, never on a model's inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.tied_names import EMBEDDINGS, HEADS
from mergec.symmetries.axis_errors import OneSided, PermutedVocabulary, VectorsOnly
from mergec.symmetries.axis_syntax import axis_as_text
from mergec.symmetries.errors import QuadraticGroup

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from mergec.diagnostics import Report
    from mergec.symmetries.placed import PlacedGroups, PlacedTensor, Symbol

_SHOWN = 3
# Those of torch's layers, and what its parametrizations make of them.
_WEIGHTS = ("weight", "original")


def check_coverage(groups: PlacedGroups, frozen: Collection[Symbol], report: Report) -> frozenset[Symbol]:
    """Report MC0512 and MC0519 to MC0521 for groups that are not frozen. Returns those that must be as well.

    These are groups of mergec's own tables whose units nothing in this model reads: such a table covers
    models with and without the parts that would.
    """
    acting: dict[Symbol, list[PlacedTensor]] = {group: [] for group in groups.parents}
    for tensor in groups.tensors:
        for group in dict.fromkeys(factor.symbol for *_, factor in tensor.factors() if factor.is_group):
            if group is not None:
                acting[group].append(tensor)
    stays = set(frozen)
    for group, tensors in acting.items():
        # A single unit has nothing to change places with.
        if group in stays or groups.sizes[group] == 1:
            continue
        is_used = len(set(_places(group, tensors))) > 1
        if not is_used and all(tensor.entry.is_built_in for tensor in tensors):
            stays.add(group)
        elif not is_used:
            _report_unused(group, tensors, report)
        else:
            _remark_quadratic(group, tensors, report)
    _check_vocabulary(groups, stays, report)
    return frozenset(stays)


def _places(group: Symbol, tensors: Sequence[PlacedTensor]) -> Iterator[tuple[str, int, int]]:
    """The places where weights make or read the units: weight, axis, part of the axis.

    A weight that has the group on two axes makes of the units what reads them: it is no such place.
    """
    for tensor in tensors:
        found = [(axis, part) for axis, part, _, factor in tensor.factors() if factor.symbol == group]
        if len(tensor.shape) > 1 and len({axis for axis, _ in found}) == 1:
            for axis, part in found:
                yield _weight(tensor), axis, part


def _report_unused(group: Symbol, tensors: Sequence[PlacedTensor], report: Report) -> None:
    first = tensors[0]
    if all(len(tensor.shape) == 1 for tensor in tensors):
        shown = ", ".join(f"`{tensor.label}`" for tensor in tensors[:_SHOWN])
        more = ", ..." if len(tensors) > _SHOWN else ""
        help_ = "name the group on the weights beside these vectors, or write `_`"
        report.add(VectorsOnly(span=first.entry.span, group=str(group), tensors=f"{shown}{more}", help=help_))
        return
    weight = next(tensor for tensor in tensors if len(tensor.shape) > 1)
    help_ = "name the group on what reads or makes these units as well, or write `_`"
    report.add(OneSided(span=weight.entry.span, group=str(group), module=_weight(weight), help=help_))


def _remark_quadratic(group: Symbol, tensors: Sequence[PlacedTensor], report: Report) -> None:
    twice = [
        tensor
        for tensor in tensors
        if len({axis for axis, _, _, factor in tensor.factors() if factor.symbol == group}) > 1
    ]
    if twice and not twice[0].entry.is_built_in:
        others = len(twice) - 1
        more = f" and {others} other{'s' * (others > 1)}" if others else ""
        report.add(
            QuadraticGroup(span=twice[0].entry.span, group=str(group), tensor=twice[0].label, more=more)
        )


def _check_vocabulary(groups: PlacedGroups, stays: set[Symbol], report: Report) -> None:
    biased = {_module(tensor) for tensor in groups.tensors if tensor.label.endswith(".bias")}
    # A linear layer may be called `shared` as well; embeddings have no bias.
    embeddings = [
        tensor
        for tensor in groups.tensors
        if _is_called(tensor, EMBEDDINGS) and len(tensor.shape) == 2 and _module(tensor) not in biased
    ]
    words = {tensor.shape[0] for tensor in embeddings}
    heads = (tensor for tensor in groups.tensors if _is_called(tensor, HEADS) and tensor.shape[0] in words)
    for tensor in (*embeddings, *heads):
        on_rows = (factor.symbol for axis, *_, factor in tensor.factors() if axis == 0 and factor.is_group)
        if any(group not in stays for group in on_rows):
            report.add(
                PermutedVocabulary(
                    span=tensor.entry.span,
                    tensor=tensor.label,
                    axes=axis_as_text(tensor.axes[0]),
                    help="write `_` for the vocabulary",
                )
            )


def _is_called(tensor: PlacedTensor, names: Sequence[str]) -> bool:
    return any(tensor.label == name or tensor.label.endswith(f".{name}") for name in names)


def _weight(tensor: PlacedTensor) -> str:
    """The module of a `weight`, or of a part of one such as `weight_g`; else the tensor's own name."""
    module, _, last = tensor.label.rpartition(".")
    return module if last.startswith(_WEIGHTS) else tensor.label


def _module(tensor: PlacedTensor) -> str:
    return tensor.label.rpartition(".")[0]
