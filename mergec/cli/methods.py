"""`mergec methods`: what operations there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mergec.cli.columns import in_columns
from mergec.cli.command import command
from mergec.cli.method_facts import class_of, method_document, needs_of, takes
from mergec.cli.methods_markdown import methods_markdown
from mergec.cli.plugin_option import known_operations, plugin_option
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_document, print_result
from mergec.methods.method_operation import MethodOperation

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.steps.operation import Operation

_HEAD = ("name", "takes", "needs", "bytes", "")


@command("methods", has_json=True)
@click.option("--markdown", is_flag=True, help="Print all that is known of the merge methods, as a page.")
@plugin_option
def methods(*, markdown: bool, plugins: tuple[Path, ...]) -> None:
    """List all operations of the recipe language, each with a line on what it does.

    Of merge methods also the models that they take, what these must be (weights or deltas), and how far the
    bytes of the result are promised: R0, equal on every machine; R1, for the same builds of torch and NumPy;
    R2, within a tolerance. `rows` marks those that hold whole rows of a tensor, `whole` those that hold whole
    tensors.
    """
    known = known_operations(plugins)
    if markdown:
        print_result(methods_markdown(known))
    elif current_settings().wants_json:
        print_document({"operations": [_document(name, one) for name, one in known.items()]})
    else:
        rows = [_HEAD, *(_row(name, operation) for name, operation in known.items())]
        print_result("\n".join(in_columns(rows)))


def _row(name: str, operation: Operation) -> tuple[str, ...]:
    if not isinstance(operation, MethodOperation):
        return name, "", "", "", operation.summary
    method = operation.method
    return name, takes(method), needs_of(method), class_of(operation), operation.summary


def _document(name: str, operation: Operation) -> dict[str, Any]:
    if isinstance(operation, MethodOperation):
        return method_document(operation)
    return {"name": name, "summary": operation.summary, "reference": ""}
