"""`params:` and `${name}`: values that a recipe names once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mergec.diagnostics import did_you_mean, safe
from mergec.recipe.errors import BadParam, UnknownParam, UnusedParam, WrongValue
from mergec.recipe.value_place import within_written
from mergec.recipe.yaml_tree import YamlMapping, YamlNode, YamlScalar, YamlSequence, scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.diagnostics import Report, Span

_USE = re.compile(r"\$(?:(\$)|\{([^{}]*)\}?|)")
PARAM_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def substitute(tree: YamlNode, overrides: Mapping[str, str], report: Report) -> YamlNode:
    """The tree with every `${name}` replaced, and `params:` holding the values that were used.

    A scalar that is nothing but `${name}` takes the parameter's value with its type, quoted or not;
    inside a longer text the value's text is put in. `overrides` are the texts of `--set`, read as
    YAML scalars. What cannot be replaced stays as it is written (`is_unresolved`). Reports MC0112,
    MC0114, MC0115, MC0116.
    """
    if not isinstance(tree, YamlMapping):
        return tree
    params = tree.entries.get("params")
    is_readable = params is None or isinstance(params, YamlMapping)
    declared = params.entries if isinstance(params, YamlMapping) else {}
    substitution = _Substitution(
        _defined(params, overrides, report), declared if is_readable else None, report
    )
    entries = {
        key: node if key == "params" else substitution.node(node) for key, node in tree.entries.items()
    }
    if isinstance(params, YamlMapping):
        entries["params"] = YamlMapping(substitution.values, params.key_spans, params.span)
        # One that is misspelt where it is used, or cannot be used, is no second finding.
        if not substitution.has_failed:
            report.extend(
                UnusedParam(
                    span=params.key_spans[name], name=name, help=f"remove it, or use it as `${{{name}}}`"
                )
                for name in params.entries
                if name not in substitution.used and PARAM_NAME.fullmatch(name)
            )
    return YamlMapping(entries, tree.key_spans, tree.span)


def is_unresolved(value: object) -> bool:
    """Whether a value holds a use of a parameter that `substitute` has reported."""
    return isinstance(value, str) and "${" in value


def uses_in(text: str) -> Iterator[tuple[str, int, int]]:
    """The parameters that a text uses, each with where its use begins and ends."""
    for use in _USE.finditer(text):
        if use[2] is not None:
            yield use[2].strip(), use.start(), use.end()


def _defined(params: YamlNode | None, overrides: Mapping[str, str], report: Report) -> dict[str, YamlScalar]:
    values: dict[str, YamlScalar] = {}
    if isinstance(params, YamlMapping):
        for name, node in params.entries.items():
            if isinstance(node, YamlScalar):
                values[name] = node
                if is_unresolved(node.value):
                    problem = "the value of a parameter cannot use another one"
                    report.add(BadParam(span=node.span, problem=problem, help="write the value out"))
            else:
                problem = f"the parameter `{name}` must be a number, a text or a boolean"
                report.add(WrongValue(span=node.span, problem=problem))
    declared = list(params.entries) if isinstance(params, YamlMapping) else []
    for name, text in overrides.items():
        if name not in declared:
            known = f"the parameters are {', '.join(f'`{known}`' for known in declared)}"
            known = known if declared else "the recipe has no `params:`"
            report.add(UnknownParam(name=name, help=did_you_mean(name, declared) or known))
            continue
        if scalar(text) is None:
            problem = f"`--set {safe(name)}={safe(text)}` gives the parameter no value"
            report.add(WrongValue(problem=problem, help=f"write `--set {safe(name)}=VALUE`"))
        elif name in values:
            values[name] = YamlScalar(scalar(text), text, quoted=False, span=values[name].span)
    return values


class _Substitution:
    def __init__(
        self, values: dict[str, YamlScalar], declared: Mapping[str, YamlNode] | None, report: Report
    ) -> None:
        self.values = values
        self.used: set[str] = set()
        self.has_failed = declared is None or len(values) < len(declared)
        self._declared = declared
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
            found = self._lookup(whole, node.span)
            return YamlScalar(found.value if found else text, text, node.quoted, node.span)

        def replacement(use: re.Match[str]) -> str:
            found = None if use[1] else self._lookup(use, node.span)
            return "$" if use[1] else found.text if found else use[0]

        # Expressions such as re:^a$ keep their `$`: only `${` and `$$` are ours.
        filled = _USE.sub(lambda use: use[0] if use[0] == "$" else replacement(use), text)
        return YamlScalar(filled, filled, node.quoted, node.span)

    def _lookup(self, use: re.Match[str], span: Span) -> YamlScalar | None:
        """The parameter's value; None, and the text stays, after reporting why there is none."""
        name = use[2].strip()
        if use[0].endswith("}") and name in self.values:
            self.used.add(name)
            return self.values[name]
        self.has_failed = True
        place = within_written(span, use.start(), len(use[0]))
        if not use[0].endswith("}"):
            problem, help_ = f"`{use[0]}` is never closed", f"write `{use[0]}}}`"
            self._report.add(BadParam(span=place, problem=problem, help=help_))
        elif not PARAM_NAME.fullmatch(name):
            problem = f"`{name}` is not a name" if name else "it names no parameter"
            help_ = "names are letters, digits and underscores"
            self._report.add(BadParam(span=place, problem=problem, help=help_))
        elif self._declared is not None and name not in self._declared:
            near = did_you_mean(name, self.values)
            help_ = near or f"define it: `{name}: VALUE` under `params:`"
            self._report.add(UnknownParam(span=place, name=name, help=help_))
        return None
