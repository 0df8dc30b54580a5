"""`mergec explain`: a code, an operation, a topic of the language, a rename preset, or a symmetry table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mergec.cli import symmetry_page
from mergec.cli.all_codes import all_codes
from mergec.cli.command import command
from mergec.cli.method_facts import method_document
from mergec.cli.operation_page import PAGES, operation_page
from mergec.cli.plugin_option import known_operations, plugin_option
from mergec.cli.preset_page import MARK, preset_page, preset_table
from mergec.cli.settings import current_settings
from mergec.cli.size_option import size_option
from mergec.cli.streams import print_diagnostics, print_document, print_result
from mergec.diagnostics import MergecError, Report, did_you_mean, safe
from mergec.diagnostics.explanation import explanation
from mergec.methods.method_operation import MethodOperation
from mergec.recipe.rename_preset import preset_names
from mergec.symmetries.instantiate import instantiate
from mergec.symmetries.table import built_in, built_in_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.steps.operation import Operation


@command("explain", has_json=True)
@click.argument("what")
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="With symmetry:NAME, show the groups that the table has for this checkpoint.",
)
@click.option("--nest", help="Where the tensors sit in a nested PyTorch file, such as model.state_dict.")
@size_option
@plugin_option
def explain(
    *, what: str, model: Path | None, nest: str | None, sizes: dict[str, int], plugins: tuple[Path, ...]
) -> None:
    """Explain WHAT: a code such as MC0402, an operation such as linear, or a topic.

    The topics are adapters, blocks, inspect, patterns, plugins, recipe, renames, schedules and symmetries;
    rename:NAME prints a rename preset, symmetry:NAME a symmetry table.
    """
    if model is not None:
        print_result(_groups(what, model, nest, sizes))
    elif nest is not None or sizes:
        raise click.UsageError("--nest and --size go with --model")
    elif current_settings().wants_json:
        print_document(_document(what, known_operations(plugins)))
    else:
        print_result(_page(what, known_operations(plugins)))


def _document(what: str, known: Mapping[str, Operation]) -> dict[str, Any]:
    """The facts of a method; of everything else, the page."""
    operation = known.get(what)
    if isinstance(operation, MethodOperation):
        return method_document(operation)
    return {"name": what, "text": _page(what, known)}


def _page(what: str, known: Mapping[str, Operation]) -> str:
    codes = all_codes()
    if what.upper() in codes:
        return explanation(codes[what.upper()])
    if what in known:
        return operation_page(known[what])
    if what in topics():
        return _topic_page(what)
    presets = {f"{MARK}{name}": name for name in preset_names()}
    if what in presets:
        return preset_page(presets[what])
    tables = {f"{symmetry_page.MARK}{name}": name for name in built_in_names()}
    if what in tables:
        return symmetry_page.symmetry_page(tables[what])
    near = did_you_mean(what, [*known, *topics(), *presets, *tables]) or did_you_mean(what.upper(), codes)
    advice = near or f"operations: see `mergec methods`; topics: {', '.join(topics())}"
    raise click.UsageError(f"no code, operation or topic `{safe(what)}`: {advice}")


def _groups(what: str, path: Path, nest: str | None, sizes: dict[str, int]) -> str:
    """The groups of a table for the checkpoint at `path`."""
    from mergec.cli.checkpoint_shape import checkpoint_shape  # the other pages do without
    from mergec.cli.symmetry_groups import groups_text

    tables = {f"{symmetry_page.MARK}{name}": name for name in built_in_names()}
    if what not in tables:
        advice = did_you_mean(what, tables) or f"the tables are {', '.join(tables)}"
        raise click.UsageError(f"--model goes with a symmetry table, and `{safe(what)}` is none: {advice}")
    model, report = checkpoint_shape(path, nest), Report()
    symmetry = instantiate(built_in(tables[what]), model, report, sizes=sizes)
    if symmetry is None:
        raise MergecError(report.diagnostics)
    if not current_settings().is_quiet:
        print_diagnostics(report.diagnostics, current_settings())
    return groups_text(tables[what], model, symmetry)


def topics() -> list[str]:
    """The topics that have a page."""
    return sorted(page.name.removesuffix(".md") for page in PAGES.iterdir() if page.name.endswith(".md"))


def _topic_page(topic: str) -> str:
    text = (PAGES / f"{topic}.md").read_text("utf-8").rstrip("\n")
    listed = {"renames": preset_table, "symmetries": symmetry_page.symmetry_list}
    return f"{text}\n\n{listed[topic]()}" if topic in listed else text
