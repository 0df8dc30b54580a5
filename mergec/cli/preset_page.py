"""What `mergec explain` says of rename presets: all of them in a table, or one with its rules."""

from __future__ import annotations

import textwrap

from mergec.cli.columns import in_columns
from mergec.recipe.rename_preset import load_preset, preset_names

MARK = "rename:"
_WIDTH = 110


def preset_table() -> str:
    """A line for each preset."""
    rows = [(name, load_preset(name).summary) for name in preset_names()]
    return "\n".join([*in_columns(rows, indent="  "), "", "See also: mergec explain patterns"])


def preset_page(name: str) -> str:
    """A preset's purpose, where its names come from, its rules, and examples before and after."""
    preset = load_preset(name)
    rules = (f"{rule.text}{' (until nothing matches)' if rule.repeats else ''}" for rule in preset.rules)
    lines = [name, "", preset.summary, "", textwrap.fill(preset.facts, _WIDTH), "", "Rules:"]
    lines += [f"  {rule}" for rule in rules]
    lines += ["", "Examples:"]
    for before, after in preset.examples:
        lines.append(f"  {before}")
        lines += ["    keeps its name"] if after == (before,) else [f"    -> {name}" for name in after]
    if preset.inverse is not None:
        lines += ["", f"The way back: {preset.inverse}"]
    return "\n".join([*lines, "", "In a recipe:", f"  rename: {{preset: {name}}}"])
