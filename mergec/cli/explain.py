"""`mergec explain`: a code, an operation, a topic of the language, or a rename preset."""

from __future__ import annotations

import inspect
import string
from typing import TYPE_CHECKING

import click

from mergec.cli.all_codes import all_codes
from mergec.cli.command import command
from mergec.cli.operation_page import PAGES, operation_page
from mergec.cli.preset_page import MARK, preset_page, preset_table
from mergec.cli.streams import print_result
from mergec.diagnostics import Severity, did_you_mean, safe
from mergec.lower.bind import operations
from mergec.recipe.rename_preset import preset_names

if TYPE_CHECKING:
    from mergec.diagnostics import Diagnostic

_MORE_FIELDS = {"more", "others_text"}  # "and 12 more"


@command("explain")
@click.argument("what")
def explain(what: str) -> None:
    """Explain WHAT: a code such as MC0402, an operation such as linear, or a topic.

    The topics are adapters, blocks, inspect, patterns, recipe, renames and schedules; rename:NAME prints a
    rename preset.
    """
    codes, known = all_codes(), operations()
    presets = {f"{MARK}{name}": name for name in preset_names()}
    if what.upper() in codes:
        print_result(_code_page(codes[what.upper()]))
    elif what in known:
        print_result(operation_page(known[what]))
    elif what in topics():
        print_result(_topic_page(what))
    elif what in presets:
        print_result(preset_page(presets[what]))
    else:
        near = did_you_mean(what, [*known, *topics(), *presets]) or did_you_mean(what.upper(), codes)
        advice = near or f"operations: see `mergec methods`; topics: {', '.join(topics())}"
        raise click.UsageError(f"no code, operation or topic `{safe(what)}`: {advice}")


def topics() -> list[str]:
    """The topics that have a page."""
    return sorted(page.name.removesuffix(".md") for page in PAGES.iterdir() if page.name.endswith(".md"))


def _topic_page(topic: str) -> str:
    text = (PAGES / f"{topic}.md").read_text("utf-8").rstrip("\n")
    return f"{text}\n\n{preset_table()}" if topic == "renames" else text


def _code_page(of: type[Diagnostic]) -> str:
    head = f"{of.code}: {_title(of.title)}"
    is_warning = of.severity is Severity.WARNING
    kind = "warning" if is_warning else f"error, exit code {int(of.exit_code)}"
    return "\n".join([head, kind, "", inspect.getdoc(of) or ""])


def _title(title: str) -> str:
    """The title with `<name>` where a fact goes."""
    parts = []
    for text, field, _, _ in string.Formatter().parse(title):
        parts.append(text)
        if field is not None and field not in _MORE_FIELDS:
            parts.append(f"<{field}>")
    return "".join(parts)
