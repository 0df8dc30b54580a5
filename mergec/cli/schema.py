"""`mergec schema`: the JSON schemas of recipes, for editors, and of locks."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mergec.cli.command import command
from mergec.cli.streams import print_message, print_result
from mergec.diagnostics import ExitCode, MergecError
from mergec.lock.lock_schema import lock_schema
from mergec.lower.recipe_schema import recipe_schema
from mergec.output.errors import CannotWrite

_FOLDER = Path("schemas")
_SCHEMAS = {"recipe": recipe_schema, "lock": lock_schema}


def schema_file(name: str) -> Path:
    """Where a schema lies."""
    return _FOLDER / f"{name}.schema.json"


def schema_text(name: str) -> str:
    """A schema as its file holds it."""
    return json.dumps(_SCHEMAS[name](), indent=2) + "\n"


@command("schema")
@click.argument("action", type=click.Choice(["write", "check", "show"]))
@click.argument("name", type=click.Choice(list(_SCHEMAS)), default="recipe", metavar="[recipe|lock]")
@click.pass_context
def schema(context: click.Context, action: str, name: str) -> None:
    """Write the JSON schemas to the folder schemas, check those files, or show one: that of recipes.

    The schemas follow from the operations and the locks that this mergec has; the files are never edited
    by hand.
    """
    if action == "show":
        print_result(schema_text(name).rstrip("\n"))
        return
    for one in _SCHEMAS:
        text, file = schema_text(one), schema_file(one)
        if action == "write":
            _write(text, file)
            print_result(str(file))
            continue
        if not file.is_file() or file.read_bytes() != text.encode():
            what = "is out of date" if file.exists() else "does not exist"
            print_message(f"{file} {what}: run `mergec schema write`")
            context.exit(ExitCode.RECIPE)
        print_result(f"{file}: up to date")


def _write(text: str, file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    except OSError as error:
        problem = error.strerror or str(error)
        raise MergecError([CannotWrite(path=str(file), problem=problem)]) from error
