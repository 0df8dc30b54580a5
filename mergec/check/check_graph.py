"""Everything that can be known to be wrong before a weight is read, found at once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mergec.check.errors import (
    DTypeMismatch,
    NotADelta,
    NotRoundable,
    NotWeights,
    ShapeMismatch,
    UnwritableName,
    WeightsDoNotSumToOne,
    WrongOutputDegree,
)
from mergec.diagnostics import Label, safe
from mergec.ir.graph import CheckedGraph, DegreeDemand, Graph, LoweredRecipe, NodeId
from mergec.ir.linear_form import linear_form
from mergec.ir.primitives import CAST, READ

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence
    from typing import TypeVar

    from mergec.diagnostics import Diagnostic, Report, Span
    from mergec.ir.graph import Remark
    from mergec.ir.tensor_type import TensorType

    T = TypeVar("T")

_TOLERANCE = 1e-6
_WANTED = {"weights": 1.0, "delta": 0.0}


def check(lowered: LoweredRecipe, files: Sequence[str], report: Report) -> CheckedGraph:
    """Judge shapes, dtypes, degrees and joints. `files` are the names of the weight files, for messages.

    Raises:
        MergecError: MC04xx and MC0325, all that were found; findings of one kind at one place are told once,
            with the number of tensors that they concern.
    """
    checking = _Checking(lowered, files)
    unfit, joints = _judged_joints(lowered)
    for diagnostic in (*checking.findings(), *unfit, *_mixed_frames(lowered)):
        report.add(diagnostic)
    report.stop_on_error()
    return CheckedGraph(
        lowered.graph,
        lowered.outputs,
        lowered.labels,
        (*lowered.remarks, *joints),
        lowered.config,
        len(lowered.graph),
        lowered.matches,
        lowered.aligned,
        lowered.told,
    )


def _judged_joints(lowered: LoweredRecipe) -> tuple[list[Diagnostic], list[Remark]]:
    """Nothing is said of an output into which no component was put: it is as its sources are."""
    if not lowered.joints:
        return [], []
    from mergec.check.check_joints import check_joints  # reads the table of components

    return check_joints(lowered)


def _mixed_frames(lowered: LoweredRecipe) -> list[Diagnostic]:
    """Without an alignment there is one frame."""
    if not lowered.frames:
        return []
    from mergec.check.check_frames import check_frames

    return check_frames(lowered)


def _grouped(items: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    groups: defaultdict[Hashable, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return list(groups.values())


def _more(group: Sequence[object]) -> str:
    return f" and {len(group) - 1} more" if len(group) > 1 else ""


@dataclass(frozen=True, slots=True)
class _Mismatch:
    """Tensors that cannot be combined, and where they would be: `count` names, of which `tensor` is one."""

    kind: str
    tensor: str
    count: int
    types: tuple[TensorType, ...]
    notes: tuple[str, ...]
    origins: tuple[Span | None, ...]
    rounded_to: str = ""  # the dtype, where a cast is at fault

    @property
    def cause(self) -> Hashable:
        """Equal for findings that one change mends: the same two shapes, or one name's dtypes."""
        shapes = frozenset(self.notes) if self.kind == "shape" else None
        return (self.kind, self.tensor, self.rounded_to, shapes)

    def joined(self, other: _Mismatch) -> _Mismatch:
        """Both as one finding."""
        return replace(
            self,
            count=max(self.count, other.count),
            types=(*self.types, *other.types),
            notes=tuple(dict.fromkeys((*self.notes, *other.notes))),
            origins=tuple(dict.fromkeys((*self.origins, *other.origins))),
        )


class _Checking:
    def __init__(self, lowered: LoweredRecipe, files: Sequence[str]) -> None:
        self._lowered = lowered
        self._graph: Graph = lowered.graph
        self._files = files

    def findings(self) -> list[Diagnostic]:
        found = [*self._mismatches(), *self._demands()]
        # A shape that does not fit makes every later degree doubtful: tell causes, not effects.
        return [*found, *([] if found else self._output_degrees()), *self._names()]

    def _mismatches(self) -> list[Diagnostic]:
        def place(node: NodeId) -> Hashable:
            reason = self._graph.mismatches[node]
            return (
                reason,
                self._graph[node].origin,
                tuple(self._source(i) for i in self._graph[node].inputs),
            )

        found: dict[Hashable, _Mismatch] = {}
        for group in _grouped(self._graph.mismatches, place):
            node = self._graph[group[0]]
            one = _Mismatch(
                kind=self._graph.mismatches[group[0]],
                tensor=self._tensor(group[0]),
                count=len(group),
                types=tuple(self._graph.type(i) for i in node.inputs),
                notes=tuple(self._describe(i) for i in node.inputs),
                origins=(node.origin,),
                rounded_to=self._unfit_dtype(group[0]),
            )
            key = one.cause
            found[key] = found[key].joined(one) if key in found else one
        return [self._mismatch(one) for one in found.values()]

    def _mismatch(self, one: _Mismatch) -> Diagnostic:
        more = f" and {one.count - 1} more" if one.count > 1 else ""
        first, *rest = one.origins
        others = tuple(Label(span, "and here") for span in rest if span is not None)
        if one.kind == "shape":
            help_ = self._shape_help([t.shape for t in one.types])
            return ShapeMismatch(
                span=first, tensor=one.tensor, more=more, notes=one.notes, help=help_, others=others
            )
        if one.rounded_to:
            return NotRoundable(
                span=first, tensor=one.tensor, dtype=one.rounded_to, more=more, notes=one.notes, others=others
            )
        dtypes = list(dict.fromkeys(str(t.dtype) for t in one.types))
        told = f"its dtype is {dtypes[0]}" if len(dtypes) == 1 else f"its dtypes are {' and '.join(dtypes)}"
        help_ = "copy such tensors: leave them out with `where:`, or take them with `op: graft`"
        return DTypeMismatch(
            span=first, tensor=one.tensor, dtypes=told, more=more, notes=one.notes, help=help_, others=others
        )

    @staticmethod
    def _shape_help(shapes: list[tuple[int, ...]]) -> str:
        if len(shapes) >= 2 and len(shapes[0]) == 2 and shapes[0] == shapes[1][::-1]:
            return "one is the transpose of the other: a rename rule with `transpose: [1, 0]` turns it"
        return "restrict the operation with `where:`, or leave the tensor out with `drop:` on a source"

    def _unfit_dtype(self, node: NodeId) -> str:
        """The dtype of a cast to what holds no weights; empty for everything else."""
        primitive, attributes = self._graph[node].primitive, self._graph[node].attributes
        return str(attributes[0]) if primitive is CAST and not attributes[0].is_float else ""

    def _leaf(self, node: NodeId) -> NodeId:
        return next(self._graph.leaves(node), node)  # a decision has no leaf

    def _source(self, node: NodeId) -> str:
        return self._lowered.labels.get(self._leaf(node), ("", ""))[0]

    def _tensor(self, node: NodeId) -> str:
        return self._lowered.labels.get(self._leaf(node), ("", "a new tensor"))[1]

    def _describe(self, node: NodeId) -> str:
        """`base`: [2048, 2048] bfloat16 in weights/base.safetensors."""
        leaf = self._leaf(node)
        type_ = self._graph.type(node)
        what = f"{list(type_.shape)} {self._graph.type(leaf).dtype}"
        source, name = self._lowered.labels.get(leaf, ("", ""))
        if self._graph[leaf].primitive is not READ or not source:
            return f"a new tensor: {what}"
        file = self._files[self._graph[leaf].attributes[0].file]
        return f"`{source}`: {what} as `{safe(name)}` in {safe(file)}"

    def _demands(self) -> Iterable[Diagnostic]:
        def place(demand: DegreeDemand) -> Hashable:
            return demand.model, demand.place, demand.wanted

        for group in _grouped(self._lowered.demands, place):
            first = group[0]
            if first.place == "weights":
                yield WeightsDoNotSumToOne(
                    span=first.span,
                    model=first.model,
                    tensor=first.tensor,
                    total=f"{first.found:.6g}",
                    more=_more(group),
                    notes=(first.why,) if first.why else (),
                    help="write `weight: rest` on one input, or `normalize: true`, or `allow_scaling: true`",
                )
            elif abs(first.wanted) <= _TOLERANCE:
                yield NotADelta(
                    span=first.span,
                    place=first.place,
                    degree=f"{first.found:.6g}",
                    tensor=first.tensor,
                    more=_more(group),
                    help="make a delta with `op: delta` or `a - b`; or say `kind: delta` on its source",
                )
            else:
                is_one = abs(first.wanted - 1) <= _TOLERANCE
                yield NotWeights(
                    span=first.span,
                    place=first.place,
                    wanted="be weights" if is_one else f"have degree {first.wanted:.6g}",
                    degree=f"{first.found:.6g}",
                    tensor=first.tensor,
                    more=_more(group),
                    help="add the difference to a model first, with `op: apply` or `base + delta`",
                )

    def _output_degrees(self) -> Iterable[Diagnostic]:
        wanted = _WANTED[self._lowered.kind]
        wrong = [
            (output, degree)
            for output in self._lowered.outputs
            if (degree := self._graph.type(output.node).degree) is not None
            and abs(degree - wanted) > _TOLERANCE
        ]
        if not wrong:
            return
        output, degree = wrong[0]
        help_ = "let the factors of models sum to 1, or add differences, as in `base + 0.3 * (tuned - base)`"
        if self._lowered.kind == "delta":
            help_ = "remove `kind: delta` under `output:`, or subtract the model that it was trained from"
        elif abs(degree) <= _TOLERANCE:
            help_ = (
                "this is a difference: add it to a model, or say `kind: delta` under `output:` to write it"
            )
        yield WrongOutputDegree(
            span=self._lowered.span,
            degree=f"{degree:.6g}",
            wanted=f"{wanted:g}",
            tensor=output.name,
            more=_more(wrong),
            notes=self._sum_of_degrees(output.node),
            help=help_,
        )

    def _sum_of_degrees(self, node: NodeId) -> tuple[str, ...]:
        form = linear_form(self._graph, node)
        terms = []
        for leaf, share in form.items():
            degree = self._graph.type(leaf).degree or 0.0
            amount = share * degree
            what = f"`{self._source(leaf)}`" if self._source(leaf) else "new tensors"
            what += "" if degree else ", a delta"
            terms.append(f"{'-' if amount < 0 else '+'} {abs(amount):.6g} ({what})")
        total = self._graph.type(node).degree or 0.0
        return (f"the degrees: {' '.join(terms).removeprefix('+ ')} = {total:.6g}",)

    def _names(self) -> Iterable[Diagnostic]:
        for output in self._lowered.outputs:
            help_ = None
            if output.name == "__metadata__":
                help_ = "rename it: `__metadata__ -> another_name`"
            elif any("\ud800" <= char <= "\udfff" for char in output.name):  # a pickle's; headers have none
                help_ = "it holds half of a character (a lone surrogate): leave it out with `keep:`"
            if help_ is not None:
                yield UnwritableName(span=self._lowered.span, name=output.name, help=help_)
