"""What is found in a checkpoint, for people at a terminal: components first, then groups of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.cli.columns import in_columns
from mergec.cli.inspect_text import detail_lines, group_lines, summary, tensor_lines
from mergec.cli.inspection.adapter_text import adapter_lines
from mergec.cli.inspection.amounts import format_count
from mergec.cli.inspection.spelling import spelled
from mergec.cli.name_groups import collapsed
from mergec.cli.plan_text import counted
from mergec.diagnostics import safe
from mergec.ir.byte_size import format_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mergec.cli.inspection.config_check import ConfigLine
    from mergec.cli.inspection.model_facts import ModelFacts
    from mergec.cli.inspection.parts import Part
    from mergec.cli.inspection.subject import Subject

_INDENT = "  "
_MOST_FILES = 12
_MOST_PREFIXES, _WIDEST_PREFIXES = 4, 80


def model_text(facts: ModelFacts, *, every_tensor: bool) -> str:
    """All sections that have something to say."""
    subject = facts.subject
    lines = [f"{safe(subject.path)}: {summary(subject.checkpoint)}"]
    lines += [f"{_INDENT}{line}" for line in detail_lines(subject.checkpoint, all_files=every_tensor)]
    lines += [f"{_INDENT}{line}" for line in beside_lines(subject, every_file=every_tensor)]
    for title, section in (
        ("Components", _component_lines(facts)),
        ("Joints", joint_lines(facts)),
        ("config.json beside the file", [*subject.broken, *config_texts(facts.config)]),
        ("Quantised weights", quantised_lines(facts)),
        ("Adapter", () if facts.adapter is None else adapter_lines(facts.adapter)),
        ("Names", name_lines(facts)),
        ("Tensors", _tensors(facts, every_tensor=every_tensor)),
    ):
        found = [f"{_INDENT}{line}" for line in section]
        if found:
            lines += ["", title, *found]
    return "\n".join(lines)


def beside_lines(subject: Subject, *, every_file: bool) -> Iterator[str]:
    """The other files of the folder."""
    names = subject.beside
    shown = names if every_file else names[:_MOST_FILES]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    if names:
        yield f"beside the weights: {', '.join(map(safe, shown))}{more}"


def _tensors(facts: ModelFacts, *, every_tensor: bool) -> Iterable[str]:
    if every_tensor:
        return tensor_lines(facts.subject.checkpoint)
    # The targets of an adapter say already what its tensors are.
    return () if facts.adapter is not None else group_lines(facts.subject.checkpoint)


def _component_lines(facts: ModelFacts) -> Iterator[str]:
    if facts.adapter is not None or not facts.parts.parts:
        return
    yield layout_text(facts)
    rows = [
        (
            part.title,
            f"{format_count(part.parameters)} parameters",
            format_size(part.nbytes),
            ", ".join(part.dtypes),
            counted(part.layers, "layer") if part.layers else "",
            counted(len(part.tensors), "tensor"),
            begins(part),
        )
        for part in facts.parts.parts
    ]
    yield from in_columns(rows, right={1, 2, 4, 5})
    yield from elsewhere_lines(facts)


def elsewhere_lines(facts: ModelFacts) -> Iterator[str]:
    """The components that config.json names instead of the file holding them."""
    for name, value in facts.elsewhere.items():
        yield f"{name.replace('_', ' ')}: not in the file; config.json names {safe(value)}"


def layout_text(facts: ModelFacts) -> str:
    """How the components were told apart."""
    grouping = facts.parts.grouping
    if grouping.layout is not None:
        return f"layout: {grouping.layout}"
    if grouping.is_ambiguous:
        listed = ", ".join(map(str, grouping.candidates))
        return f"layout: not clear, as these would divide the names differently: {listed}"
    return "layout: none that is known, so no component can be named"


def begins(part: Part) -> str:
    """What the names of a component begin with; else patterns of its names."""
    found = [safe(prefix) for prefix in part.prefixes] or collapsed(part.tensors)
    shown = found[:_MOST_PREFIXES]
    while len(shown) > 1 and len(", ".join(shown)) > _WIDEST_PREFIXES:
        shown.pop()
    more = f" and {len(found) - len(shown)} more" if len(found) > len(shown) else ""
    return ", ".join(shown) + more


def joint_lines(facts: ModelFacts) -> Iterator[str]:
    """The sizes where components meet, and whether they agree."""
    for verdict in facts.verdicts:
        mark = {True: "", False: "  DOES NOT FIT", None: ""}[verdict.fits]
        yield f"{verdict.text}{mark}"
    if facts.adapter is not None:
        return
    joints = facts.joints
    figures = []
    for title, figure in (
        ("hidden size", joints.hidden_size),
        ("vocabulary rows", joints.embedding_rows),
        ("head rows", joints.head_rows),
        *((f"{name.replace('_', ' ')} width", tower.width) for name, tower in joints.towers.items()),
        *(("connector input", connector.inlet) for connector in joints.connectors),
        *(("connector output", connector.outlet) for connector in joints.connectors),
    ):
        if figure is not None:
            where = f"{'' if figure.is_tensor else 'config.json, '}{safe(figure.where)}"
            figures.append((title, str(figure.value), where))
    yield from in_columns(figures, right={1})


def config_texts(lines: tuple[ConfigLine, ...]) -> Iterator[str]:
    """Each key with what both say; contradictions stand out."""
    rows = [
        (
            safe(line.key),
            safe(spelled(line.config)),
            "agrees" if line.agrees else f"CONTRADICTS the file: {safe(spelled(line.file))}",
            f"({safe(line.where)})",
        )
        for line in lines
    ]
    return in_columns(rows)


def name_lines(facts: ModelFacts) -> Iterator[str]:
    """What wrappers put into names, and the presets that rename."""
    for prefix in facts.prefixes:
        remedy = f"`rename: {{preset: {prefix.preset}}}` removes it"
        if facts.adapter is not None and facts.adapter.modules:
            remedy = "`op: lora` reads past it"
        elif prefix.preset is None:
            remedy = f'trained copies; `drop: ["**.{prefix.text}.**"]` leaves them out'
        yield f"`{prefix.text}` in {counted(prefix.tensors, 'name')}: {remedy}"
    # Names are looked at without their wrappers, so these have to go first.
    first = list(dict.fromkeys(prefix.preset for prefix in facts.prefixes if prefix.preset is not None))
    for preset in facts.presets:
        written = ", ".join(f"{{preset: {name}}}" for name in (*first, preset.name))
        rename = f"[{written}]" if first else written
        yield f"`rename: {rename}` leads to the layout {preset.leads_to}"


def quantised_lines(facts: ModelFacts) -> Iterator[str]:
    """Each quantisation, and what a recipe can do about it."""
    for one in facts.quantised:
        tensors = counted(one.tensors, "tensor")
        end = f"they cannot be made dense: {safe(one.problem)}"
        if one.parameters is not None:
            amount = f"{format_count(one.parameters)} parameters"
            end = f"`dequantize: true` on the source makes {amount} of them"
        yield f"{safe(one.what)}: {counted(len(one.weights), 'weight')} in {tensors}; {end}"
