"""What `mergec explain` says of an operation."""

from __future__ import annotations

import inspect
from importlib.resources import files
from typing import TYPE_CHECKING

from mergec.cli.columns import in_columns
from mergec.cli.key_table import key_rows
from mergec.cli.method_facts import example_text, method_facts
from mergec.methods.method_operation import MethodOperation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mergec.cli.key_table import KeyRow
    from mergec.steps.operation import Operation

PAGES = files("mergec.cli") / "pages"


def operation_page(operation: Operation) -> str:
    """The documentation, the keys and an example; of a method also what it takes."""
    if isinstance(operation, MethodOperation):
        return "\n".join(_method_lines(operation))
    documentation = inspect.getdoc(type(operation)) or operation.summary
    lines = [operation.name, "", documentation, "", "Keys:", *_keys(key_rows(operation))]
    return "\n".join([*lines, "", "Example:", *_indented(example(operation))])


def _method_lines(operation: MethodOperation) -> Iterator[str]:
    method, facts = operation.method, method_facts(operation)
    yield from (method.name, "", method.documentation)
    if method.formula:
        yield from ("", f"Formula: {method.formula}")
    yield from ("", "Keys:", *_keys(facts.keys))
    if facts.per_model and method.listed is not None:
        yield from ("", f"For each model of `{method.listed.key}`:", *_keys(facts.per_model))
    told = (
        ("Models", facts.models + (f", which must be {facts.needs}" if facts.needs else "")),
        ("Bytes", facts.bytes_),
        ("Holds", facts.memory),
        ("Reads first", facts.sweeps),
        ("Reference", method.reference),
        ("From", facts.origin if method.plugin is not None else ""),
    )
    yield ""
    yield from (f"{what}: {text}" for what, text in told if text)
    written = example(operation)
    yield from ("", "Example:", *_indented(written))
    if facts.example and facts.example != written:
        yield from ("", "In numbers:", *_indented(facts.example))


def _keys(rows: Sequence[KeyRow]) -> list[str]:
    kinds = in_columns([(row.name, row.kind, row.default) for row in rows], indent="  ")
    meanings = in_columns([(row.name, row.meaning) for row in rows if row.meaning], indent="  ")
    return [*kinds, "", *meanings]


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]


def example(operation: Operation) -> str:
    """A model of this operation as a recipe writes it: a page of its own, a method's own, or one made up."""
    page = PAGES / "examples" / f"{operation.name}.yaml"
    if page.is_file():
        return page.read_text("utf-8").rstrip("\n")
    if isinstance(operation, MethodOperation) and operation.method.example is not None:
        return example_text(operation.name, operation.method.example)
    needed = [row for row in key_rows(operation) if row.default == "required"]
    keys = [f"  {row.name}: {_sample(row.name, row.kind)}" for row in needed]
    return "\n".join(["merged:", f"  op: {operation.name}", *keys])


def _sample(name: str, kind: str) -> str:
    """A value of that kind. Where texts are wanted they name models, mostly."""
    if "mapping of names to" in kind:
        return "{a: 0.6, b: 0.4}"
    if "list of" in kind:
        return "[a, b]"
    return "0.5" if kind in {"schedule", "number"} else name
