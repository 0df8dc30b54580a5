"""The parameters of mergekit: numbers, gradients over the layers, and choices by parts of tensor names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.importing.config_values import constant, entries, is_null, items, text, unexpected, wrong
from mergec.importing.mergekit_config import Choice, Setting
from mergec.recipe.yaml_tree import YamlMapping, YamlSequence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Report
    from mergec.recipe.yaml_tree import YamlNode

_ALL = "*"


def read_settings(node: YamlNode, report: Report) -> Mapping[str, Setting]:
    """What a mapping under `parameters` says of each parameter.

    Raises:
        MergecError: MC0840.
    """
    if not isinstance(node, YamlMapping):
        raise unexpected(node, "`parameters`", "a mapping")
    return {
        name: Setting(_choices(value, f"`{safe(name)}`", report), node.key_spans[name])
        for name, value in node.entries.items()
        if not is_null(value)
    }


def _choices(node: YamlNode, what: str, report: Report) -> tuple[Choice, ...]:
    if isinstance(node, YamlMapping):
        return (_choice(node, what, report),)
    if isinstance(node, YamlSequence) and any(isinstance(one, YamlMapping) for one in node.items):
        return tuple(_choice(one, what, report) for one in node.items)
    return (Choice(None, _values(node, what), node.span),)


def _choice(node: YamlNode, what: str, report: Report) -> Choice:
    found = entries(node, f"a choice of {what}", ("filter", "value"), report)
    if "value" not in found.entries:
        raise wrong(node.span, f"a choice of {what} has no `value`")
    part = found.entries.get("filter")
    written = None if part is None else text(part, "`filter`")
    return Choice(
        None if written == _ALL else written,
        _values(found.entries["value"], what),
        found.entries["value"].span,
    )


def _values(node: YamlNode, what: str) -> tuple[float | bool | str, ...]:
    if isinstance(node, YamlSequence):
        return tuple(constant(one, what) for one in items(node, what))
    return (constant(node, what),)
