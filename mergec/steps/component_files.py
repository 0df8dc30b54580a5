"""What moves beside the weights of a component: its settings in config.json, and its processor's files."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from mergec.components.config_changes import DescribedModel, config_changes, is_left_as_it_was
from mergec.components.config_keys import configured
from mergec.components.errors import ConfigSilent
from mergec.components.joints import joints_of
from mergec.components.layout import spoken
from mergec.ir.config_edit import ConfigValue, SideFile
from mergec.ir.graph import Remark

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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
    """The files that belong to the component, from the donor's folder where it has them.

    Those of a language model only make sense together: where the donor has some of them, the others of
    the target are left out.
    """
    theirs = _folder(source)
    if theirs is None:
        return []
    told = configured()[component]
    present = _present(target, told.files)
    offered = _matching(theirs, told.files)
    taken = [name for name in offered if present.get(name) != str(theirs)]
    others = [name for name in present if name not in offered]
    gone = others if offered and told.files_are_one_set else []
    kept = [name for name in others if name not in gone]
    for names, what in (
        (taken, f"from {source.name}"),
        (gone, f"of {target.name} left out, {source.name} has none"),
        (kept, f"of {target.name} kept, {source.name} has none"),
    ):
        if names:
            call.remarks.append(Remark(call.name, f"{', '.join(names)} {what}", ()))
    return [*(SideFile(name, str(theirs)) for name in taken), *(SideFile(name, None) for name in gone)]


def _folder(model: KnownModel) -> Path | None:
    return model.table.facts.folder if model.table.facts is not None else None


def _present(model: KnownModel, patterns: Sequence[str]) -> dict[str, str]:
    """The files that a model has so far, and the folder of each: its own, but for what was moved before."""
    folder = _folder(model)
    found: dict[str, str | None] = {}
    if folder is not None:
        found.update(dict.fromkeys(_matching(folder, patterns), str(folder)))
    for change in model.table.config:
        if isinstance(change, SideFile) and any(PurePath(change.name).match(one) for one in patterns):
            found[change.name] = change.folder
    return {name: origin for name, origin in found.items() if origin is not None}


def _matching(folder: Path, patterns: Sequence[str]) -> list[str]:
    """The names of the files in a folder that one of the patterns matches, in the order of the patterns."""
    found = (path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file())
    return list(dict.fromkeys(path.name for path in found))
