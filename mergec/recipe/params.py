"""`params:` and `${name}`: values that a recipe names once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mergec.diagnostics import did_you_mean
from mergec.recipe.errors import BadParam, UnknownParam, UnusedParam, WrongValue
from mergec.recipe.yaml_tree import YamlMapping, YamlNode, YamlScalar, YamlSequence, scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Report, Span

_USE = re.compile(r"\$(?:(\$)|\{([^{}]*)\}?|)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def substitute(tree: YamlNode, overrides: Mapping[str, str], report: Report) -> YamlNode:
    """The tree with every `${name}` replaced, and `params:` holding the values that were used.

    A scalar that is nothing but `${name}` takes the parameter's value with its type, quoted or not;
    inside a longer text the value's text is put in. `overrides` are the texts of `--set`, read as
    YAML scalars. Reports MC0112, MC0114, MC0115, MC0116.
    """
    if not isinstance(tree, YamlMapping):
        return tree
    params = tree.entries.get("params")
    substitution = _Substitution(_defined(params, overrides, report), report)
    entries = {
        key: node if key == "params" else substitution.node(node) for key, node in tree.entries.items()
    }
    if isinstance(params, YamlMapping):
        entries["params"] = YamlMapping(substitution.values, params.key_spans, params.span)
        for name in params.entries:
            if name not in substitution.used:
                report.add(UnusedParam(span=params.key_spans[name], name=name))
    return YamlMapping(entries, tree.key_spans, tree.span)


def _defined(params: YamlNode | None, overrides: Mapping[str, str], report: Report) -> dict[str, YamlScalar]:
    values: dict[str, YamlScalar] = {}
    if isinstance(params, YamlMapping):
        for name, node in params.entries.items():
            if isinstance(node, YamlScalar):
                values[name] = node
            else:
                problem = f"the parameter `{name}` must be a number, a text or a boolean"
                report.add(WrongValue(span=node.span, problem=problem))
    for name, text in overrides.items():
        if name not in values:
            help_ = did_you_mean(name, values) or "the recipe defines no such parameter under `params:`"
            report.add(UnknownParam(name=name, help=help_))
            continue
        values[name] = YamlScalar(scalar(text), text, quoted=False, span=values[name].span)
    return values


class _Substitution:
    def __init__(self, values: dict[str, YamlScalar], report: Report) -> None:
        self.values = values
        self.used: set[str] = set()
        self._report = report

    def node(self, node: YamlNode) -> YamlNode:
        if isinstance(node, YamlSequence):
            return YamlSequence(tuple(self.node(item) for item in node.items), node.span)
        if isinstance(node, YamlMapping):
            entries = {key: self.node(value) for key, value in node.entries.items()}
            return YamlMapping(entries, node.key_spans, node.span)
        if not isinstance(node.value, str) or "$" not in node.value:
            return node
        return self._scalar(node, node.value)

    def _scalar(self, node: YamlScalar, text: str) -> YamlScalar:
        whole = _USE.fullmatch(text)
        if whole is not None and whole[2] is not None:
            value = self._lookup(whole, node.span).value
            return YamlScalar(value, text, node.quoted, node.span)

        def replacement(use: re.Match[str]) -> str:
            return "$" if use[1] else self._lookup(use, node.span).text

        # Expressions such as re:^a$ keep their `$`: only `${` and `$$` are ours.
        filled = _USE.sub(lambda use: use[0] if use[0] == "$" else replacement(use), text)
        return YamlScalar(filled, filled, node.quoted, node.span)

    def _lookup(self, use: re.Match[str], span: Span) -> YamlScalar:
        name = use[2].strip()
        place = span.sub(use.start(), len(use[0]))
        nothing = YamlScalar(None, "", quoted=False, span=span)
        if not use[0].endswith("}") or not _NAME.fullmatch(name):
            self._report.add(BadParam(span=place, problem=f"`{use[0]}` is not of the form `${{name}}`"))
            return nothing
        if name not in self.values:
            help_ = did_you_mean(name, self.values) or f"define it: `params: {{{name}: ...}}`"
            self._report.add(UnknownParam(span=place, name=name, help=help_))
            return nothing
        self.used.add(name)
        return self.values[name]
