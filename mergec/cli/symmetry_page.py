"""What `mergec explain` says of symmetry tables: all of them in a list, or one with its notation."""

from __future__ import annotations

import textwrap
from importlib.resources import files

from mergec.cli.columns import in_columns
from mergec.symmetries.table import built_in, built_in_tables

MARK = "symmetry:"
_TABLES = files("mergec.symmetries") / "tables"
_KEYS = ("summary:", "caution:")
_WIDTH = 110
_LEGEND = (
    ("_", "indices that stay where they are; a number: so many"),
    ("res", "a group: indices that may be exchanged, everywhere it stands in the same way"),
    ("(a b)", "an axis of a times b indices"),
    ("(a | b)", "indices of a, and then those of b"),
    ("v[h]", "a family: a permutation of v for each index of h"),
    ("S{s-1}", "the group whose name has the index that the pattern captured, less one"),
    ("!", "permuted, but not used to find the permutation"),
)


def symmetry_list() -> str:
    """A line for each table."""
    rows = [(name, summary) for name, summary in built_in_tables().items()]
    return "\n".join(in_columns(rows, indent="  "))


def symmetry_page(name: str) -> str:
    """A table as it stands in its file, and what its signs mean."""
    table = built_in(name)
    text = (_TABLES / f"{name}.yaml").read_text("utf-8")
    shown = (line for line in text.splitlines() if not line.startswith(_KEYS))
    lines = [name, "", table.summary, "", *textwrap.wrap(table.caution, _WIDTH), *[""] * bool(table.caution)]
    lines += (f"  {line}".rstrip() for line in shown)
    lines += ["", "Axes, one for each dimension of a tensor:", *in_columns(_LEGEND, indent="  ")]
    lines += ["", "In a recipe:", f"  aligned: {{op: align, model: b, to: a, symmetry: {name}}}"]
    see = f"mergec explain {MARK}{name} --model PATH"
    return "\n".join([*lines, "", f"The groups of a checkpoint: {see}"])
