"""What moves beside the weights of a component: its settings in config.json, and its processor's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.components.config_changes import DescribedModel, config_changes, is_left_as_it_was
from mergec.components.errors import ConfigSilent
from mergec.components.joints import joints_of
from mergec.components.layout import spoken, table
from mergec.ir.config_edit import ConfigValue, SideFile
from mergec.ir.graph import Remark

if TYPE_CHECKING:
    from mergec.diagnostics import Span
    from mergec.steps.component_move import KnownModel
    from mergec.steps.operation import Call


def settings_of(
    component: str, source: KnownModel, target: KnownModel, span: Span | None, call: Call
) -> list[ConfigValue]:
    """The changes that make config.json describe the donor's component. Reports MC0326."""
    donor = DescribedModel.of(source.grouping, source.config, component)
    into = DescribedModel.of(target.grouping, target.config, component)
    changes = config_changes(component, donor, into, _width(component, source, call))
    if is_left_as_it_was(component, changes, into):
        help_ = "edit it there, or put the config.json of these weights beside them"
        call.report.add(ConfigSilent(span=span, donor=source.name, component=spoken(component), help=help_))
    if changes:
        keys = ", ".join(".".join(change.path) for change in changes)
        call.remarks.append(Remark(call.name, f"config.json: {keys} from {source.name}", ()))
    return changes


def _width(component: str, source: KnownModel, call: Call) -> int | None:
    """The size of the vectors that a moved tower gives out."""
    shapes = {name: call.graph.type(entry.node).shape for name, entry in source.table.entries.items()}
    tower = joints_of(source.grouping, shapes, source.config).towers.get(component)
    return tower.width.value if tower is not None and tower.width is not None else None


def files_of(component: str, source: KnownModel, target: KnownModel, call: Call) -> list[SideFile]:
    """The files of the component's processor, from the donor's folder where it has them."""
    theirs = source.table.facts.folder if source.table.facts is not None else None
    ours = target.table.facts.folder if target.table.facts is not None else None
    names: list[str] = table()["config"][component]["files"]
    if theirs is None or theirs == ours:
        return []
    taken = [name for name in names if (theirs / name).is_file()]
    kept = [name for name in names if name not in taken and ours is not None and (ours / name).is_file()]
    if taken:
        call.remarks.append(Remark(call.name, f"{', '.join(taken)} from {source.name}", ()))
    if kept:
        what = f"{', '.join(kept)} of {target.name} kept, {source.name} has none"
        call.remarks.append(Remark(call.name, what, ()))
    return [SideFile(name, str(theirs)) for name in taken]
