"""Whether the components of the output fit together, where the recipe put some of them in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.components.detect import components_of
from mergec.components.errors import HeadOfAnother, JointMismatch
from mergec.components.joint_verdict import verdicts
from mergec.components.joints import joints_of
from mergec.components.layout import spoken
from mergec.diagnostics import Label, safe
from mergec.ir.config_edit import edited_config
from mergec.ir.graph import Remark
from mergec.ir.tied_names import HEADS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.components.joint_verdict import JointVerdict
    from mergec.components.joints import Figure, Joints
    from mergec.diagnostics import Diagnostic
    from mergec.ir.graph import JointDemand, LoweredRecipe


def check_joints(lowered: LoweredRecipe) -> tuple[list[Diagnostic], list[Remark]]:
    """A mistake for every joint that does not fit, and a remark for every other. Gives MC0325 and MC0329.

    Of an output into which components were put.
    """
    config = edited_config(lowered.base_config, lowered.config)
    shapes = {output.name: lowered.graph.type(output.node).shape for output in lowered.outputs}
    grouping = components_of(shapes, config)
    found: list[Diagnostic] = []
    remarks: list[Remark] = []
    joints = joints_of(grouping, shapes, config)
    for verdict in verdicts(joints):
        if verdict.fits is False:
            found.append(_mismatch(verdict, lowered))
        else:
            remarks.append(Remark("output", verdict.text, ()))
    return [*found, *_head_of_another(joints, lowered)], remarks


def _head_of_another(joints: Joints, lowered: LoweredRecipe) -> Iterator[HeadOfAnother]:
    """A warning of the head that stayed while a language model with another number of words came."""
    grafts = {demand.component: demand for demand in lowered.joints}
    head, vocabulary = joints.head_rows, joints.embedding_rows
    if "language_model" not in grafts or "head" in grafts or head is None or vocabulary is None:
        return
    if head.where.endswith(HEADS) and head.value != vocabulary.value:
        notes = tuple(_origin(figure, lowered) for figure in (head, vocabulary))
        span = grafts["language_model"].span
        yield HeadOfAnother(span=span, head=head.value, vocabulary=vocabulary.value, notes=notes)


def _mismatch(verdict: JointVerdict, lowered: LoweredRecipe) -> JointMismatch:
    """The mistake, at the last graft that put in one of the two components."""
    touching = [demand for demand in lowered.joints if set(verdict.sides) & {demand.component}]
    *earlier, last = touching or lowered.joints
    others = tuple(_label(demand) for demand in earlier if demand.span is not None)
    notes = tuple(_origin(figure, lowered) for figure in (verdict.left, verdict.right))
    if verdict.factor not in {None, 1}:
        notes = (*notes, f"{verdict.factor} vectors of the tower come in as one")
    return JointMismatch(
        span=last.span, joint=verdict.text, others=others, notes=notes, help=_advice(verdict, last)
    )


def _label(demand: JointDemand) -> Label:
    assert demand.span is not None
    return Label(demand.span, f"the {spoken(demand.component)} comes in here")


def _origin(figure: Figure, lowered: LoweredRecipe) -> str:
    """Where a figure was read."""
    if not figure.is_tensor:
        return f"{figure.value} is `{figure.where}` of config.json"
    node = next(output.node for output in lowered.outputs if output.name == figure.where)
    sources = dict.fromkeys(
        lowered.labels[leaf] for leaf in lowered.graph.leaves(node) if leaf in lowered.labels
    )
    read = ", ".join(f"`{safe(name)}` of `{safe(source)}`" for source, name in sources)
    return (
        f"{figure.value} is a size of {read}"
        if read
        else f"{figure.value} is a size of `{safe(figure.where)}`"
    )


def _advice(verdict: JointVerdict, last: JointDemand) -> str:
    if "connector" not in verdict.sides:
        return (
            "give the language model more rows with `op: resize`, or set the id in the source's config.json"
        )
    other = spoken(next(side for side in verdict.sides if side != last.component))
    return f"take the {other} from the same model with another graft, or make a connector with `op: init`"
