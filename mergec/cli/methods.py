"""`mergec methods`: what operations there are."""

from __future__ import annotations

from mergec.cli.columns import in_columns
from mergec.cli.command import command
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_document, print_result
from mergec.lower.bind import operations
from mergec.methods.method_operation import MethodOperation


@command("methods", has_json=True)
def methods() -> None:
    """List all operations of the recipe language, each with a line on what it does."""
    known = operations()
    if current_settings().wants_json:
        listed = [
            {
                "name": name,
                "summary": operation.summary,
                "reference": operation.method.reference if isinstance(operation, MethodOperation) else "",
            }
            for name, operation in known.items()
        ]
        print_document({"operations": listed})
        return
    rows = [(name, operation.summary) for name, operation in known.items()]
    print_result("\n".join(in_columns(rows)))
