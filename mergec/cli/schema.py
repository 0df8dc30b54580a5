"""`mergec schema`: the JSON schema that editors complete and check recipes with."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mergec.cli.command import command
from mergec.cli.streams import print_message, print_result
from mergec.diagnostics import ExitCode, MergecError
from mergec.lower.recipe_schema import recipe_schema
from mergec.output.errors import CannotWrite

SCHEMA_FILE = Path("schemas/recipe.schema.json")


def schema_text() -> str:
    """The schema as its file holds it."""
    return json.dumps(recipe_schema(), indent=2) + "\n"


@command("schema")
@click.argument("action", type=click.Choice(["write", "check", "show"]))
@click.pass_context
def schema(context: click.Context, action: str) -> None:
    """Write the JSON schema of recipes to schemas/recipe.schema.json, check that file, or show it.

    The schema follows from the operations that this mergec has; the file is never edited by hand.
    """
    text = schema_text()
    if action == "show":
        print_result(text.rstrip("\n"))
        return
    if action == "write":
        _write(text)
        print_result(str(SCHEMA_FILE))
        return
    if not SCHEMA_FILE.is_file() or SCHEMA_FILE.read_bytes() != text.encode():
        what = "is out of date" if SCHEMA_FILE.exists() else "does not exist"
        print_message(f"{SCHEMA_FILE} {what}: run `mergec schema write`")
        context.exit(ExitCode.RECIPE)
    print_result(f"{SCHEMA_FILE}: up to date")


def _write(text: str) -> None:
    try:
        SCHEMA_FILE.parent.mkdir(parents=True, exist_ok=True)
        SCHEMA_FILE.write_bytes(text.encode())
    except OSError as error:
        problem = error.strerror or str(error)
        raise MergecError([CannotWrite(path=str(SCHEMA_FILE), problem=problem)]) from error
