"""A component moved from one model into another by its name: `op: graft` with `component:`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mergec.components.config_keys import configured
from mergec.components.detect import components_of
from mergec.components.errors import (
    AmbiguousLayout,
    BuiltOtherwise,
    ComponentAbsent,
    NoPlace,
    UnknownLayout,
)
from mergec.components.layout import spoken
from mergec.components.move import is_built_otherwise, moved
from mergec.diagnostics import MergecError, safe
from mergec.ir.config_edit import edited_config
from mergec.ir.graph import JointDemand, Remark
from mergec.ir.model_table import ModelTable
from mergec.steps.component_files import files_of, settings_of
from mergec.steps.renaming import renamed
from mergec.steps.where import restricted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.components.detect import Grouping
    from mergec.diagnostics import Diagnostic, Span
    from mergec.ir.model_table import Entry
    from mergec.steps.graft import GraftKeys
    from mergec.steps.operation import Call


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model whose layout is known, and the config.json that it would have."""

    table: ModelTable
    grouping: Grouping
    config: Mapping[str, object]

    @property
    def name(self) -> str:
        """What the recipe calls it."""
        return self.table.name


def with_component(
    component: str, into: ModelTable, donor: ModelTable, keys: GraftKeys, call: Call
) -> ModelTable:
    """`into` with the donor's tensors of a component in the place of its own, as far as `where` lets them.

    What was taken from where is added to the remarks, and the component to those whose joints are judged
    on the output.

    Raises:
        MergecError: MC0321 to MC0324.
    """
    span = call.place.child("component").span()
    source = _known(donor, call.place.child("from").span())
    target = _known(into, call.place.child("into").span())
    if component not in source.grouping.components:
        raise MergecError([_absent(component, source, span)])
    move = moved(component, source.grouping, target.grouping)
    if move.homeless:
        raise MergecError([_no_place(component, move.homeless, source, target, span)])
    if is_built_otherwise(component, source.grouping, target.grouping):
        call.report.add(_built_otherwise(component, source, target, span))
    if move.rules:
        call.remarks.append(Remark(call.name, f"names of {donor.name}: {', '.join(move.rules)}", ()))
    _remark_kept_head(component, source, target, call)
    taken = renamed({new: donor.entries[old] for old, new in move.names.items()}, keys.rename, call)
    whole = ModelTable(call.name, {**_without(component, target), **taken}, into.config)
    result = restricted(whole, into, keys, call)
    if result.entries == whole.entries:
        settings = settings_of(component, source, target, span, call)
        files = files_of(component, source, target, call)
        result = replace(result, config=(*into.config, *settings, *files))
    else:
        what = f"only a part of the {spoken(component)} comes, so config.json and files of {into.name} stay"
        call.remarks.append(Remark(call.name, what, ()))
    call.joints.append(JointDemand(call.name, component, span))
    _remark_moves(component, result, into, donor, call)
    return result


def _remark_moves(
    component: str, result: ModelTable, into: ModelTable, donor: ModelTable, call: Call
) -> None:
    """Say which tensors came, and which of those that were there have gone."""
    came = tuple(name for name, entry in result.entries.items() if into.entries.get(name) is not entry)
    gone = tuple(name for name in into.entries if name not in result.entries)
    call.remarks.append(Remark(call.name, f"{spoken(component)} from {donor.name}", came))
    if gone:
        call.remarks.append(Remark(call.name, f"{spoken(component)} of {into.name} left out", gone))


def _remark_kept_head(component: str, source: KnownModel, target: KnownModel, call: Call) -> None:
    """A language model comes without its head: the one that stays was trained with another."""
    head = target.grouping.components.get("head")
    if component == "language_model" and head is not None:
        own = " (`component: head` takes its own)" if "head" in source.grouping.components else ""
        what = f"head of {target.name} kept before the language model of {source.name}{own}"
        call.remarks.append(Remark(call.name, what, head.names))


def _known(model: ModelTable, span: Span | None) -> KnownModel:
    config = edited_config(model.facts.config if model.facts is not None else {}, model.config)
    grouping = components_of(model.entries, config)
    if grouping.is_ambiguous:
        candidates = ", ".join(str(layout) for layout in grouping.candidates)
        help_ = "say `model_type` in its config.json, or use `take:` with patterns"
        note = f"the layouts are: {candidates}"
        raise MergecError([AmbiguousLayout(span=span, model=model.name, help=help_, notes=(note,))])
    if grouping.layout is None:
        raise MergecError([_unknown(model, config, span)])
    return KnownModel(model, grouping, config)


def _unknown(model: ModelTable, config: Mapping[str, object], span: Span | None) -> Diagnostic:
    """The mistake, with the rule that would mend it where one segment stands before all names."""
    first = {name.partition(".")[0] for name in model.entries}
    inner = components_of([name.partition(".")[2] for name in model.entries], config)
    if len(first) != 1 or inner.layout is None:
        return UnknownLayout(span=span, model=model.name)
    help_ = f"rename them on the source: `{safe(first.pop())}.{{rest:**}} -> {{rest}}`"
    note = f"without their first segment they are those of {inner.layout}"
    return UnknownLayout(span=span, model=model.name, help=help_, notes=(note,))


def _without(component: str, model: KnownModel) -> dict[str, Entry]:
    own = model.grouping.components.get(component)
    names = set(own.names) if own is not None else set()
    return {name: entry for name, entry in model.table.entries.items() if name not in names}


def _absent(component: str, source: KnownModel, span: Span | None) -> Diagnostic:
    held = ", ".join(f"`{name}`" for name in source.grouping.components)
    note = f"its names are those of {source.grouping.layout}, with the components {held}"
    elsewhere = [key for key in configured()[component].named_by if source.config.get(key)]
    named = "".join(f"`{key}: {safe(str(source.config[key]))}`" for key in elsewhere[:1])
    help_ = f"its config.json names one: {named}" if named else "take one that it has, or name another `from`"
    return ComponentAbsent(
        span=span, model=source.name, component=spoken(component), help=help_, notes=(note,)
    )


def _built_otherwise(component: str, source: KnownModel, target: KnownModel, span: Span | None) -> Diagnostic:
    notes = tuple(
        f"`{safe(one.name)}` has `{safe(one.grouping.components[component].names[0])}`"
        for one in (source, target)
    )
    part = spoken(component)
    help_ = f"keep the {part} of `{safe(target.name)}`, or load the output with code that builds this one"
    return BuiltOtherwise(
        span=span, donor=source.name, into=target.name, component=part, help=help_, notes=notes
    )


def _no_place(
    component: str, homeless: tuple[str, ...], source: KnownModel, target: KnownModel, span: Span | None
) -> Diagnostic:
    assert target.grouping.layout is not None
    places = [place.prefix for place in target.grouping.layout.places_of(component)]
    where = ", ".join(f"`{prefix}`" for prefix in places)
    part = spoken(component)
    kept = f"which keeps the {part} in: {where}" if where else f"which has no {part}"
    advice = "use `take:` and `rename:` if you know the names that its code looks for"
    if not where and target.grouping.components.keys() <= source.grouping.components.keys():
        advice = _other_way(source, target)
    return NoPlace(
        span=span,
        model=target.name,
        tensor=homeless[0],
        more=f" and {len(homeless) - 1} more of `{safe(source.name)}`" if len(homeless) > 1 else "",
        help=advice,
        notes=(
            f"`{safe(source.name)}` has names of {source.grouping.layout}",
            f"`{safe(target.name)}` has names of {target.grouping.layout}, {kept}",
        ),
    )


def _other_way(source: KnownModel, target: KnownModel) -> str:
    """The grafts that put all of the target into the source, which has a place for each part."""
    first, *others = target.grouping.components
    more = f", then its {' and '.join(map(spoken, others))} into the result" if others else ""
    into, donor = safe(source.name), safe(target.name)
    return f"do it the other way round: `into: {into}, from: {donor}, component: {first}`{more}"
