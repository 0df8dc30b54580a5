"""What `mergec explain` says of an operation."""

from __future__ import annotations

import inspect
from importlib.resources import files
from typing import TYPE_CHECKING

from mergec.cli.columns import in_columns
from mergec.cli.key_table import key_rows
from mergec.methods.method_operation import MethodOperation

if TYPE_CHECKING:
    from mergec.steps.operation import Operation

PAGES = files("mergec.cli") / "pages"


def operation_page(operation: Operation) -> str:
    """The documentation, the keys, the reference and an example."""
    rows = key_rows(operation)
    documentation = inspect.getdoc(type(operation)) or operation.summary
    reference = ""
    if isinstance(operation, MethodOperation):
        documentation, reference = operation.method.documentation, operation.method.reference
    lines = [operation.name, "", documentation, "", "Keys:"]
    lines += in_columns([(row.name, row.kind, row.default) for row in rows], indent="  ")
    lines += ["", *in_columns([(row.name, row.meaning) for row in rows if row.meaning], indent="  ")]
    if reference:
        lines += ["", f"Reference: {reference}"]
    lines += ["", "Example:", *(f"  {line}" for line in example(operation).splitlines())]
    return "\n".join(lines)


def example(operation: Operation) -> str:
    """A model of this operation as a recipe writes it: a page of its own, or made from its keys."""
    page = PAGES / "examples" / f"{operation.name}.yaml"
    if page.is_file():
        return page.read_text("utf-8").rstrip("\n")
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
