"""A symmetry table for a checkpoint, to be reviewed: on a built-in one where one fits, else a scaffold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from mergec.diagnostics import Report, Severity, SourceText
from mergec.recipe.pattern import escape
from mergec.recipe.place import TreePlace
from mergec.recipe.yaml_tree import plain, read_yaml
from mergec.symmetries.axis_errors import OneSided, VectorsOnly
from mergec.symmetries.drafting.fitting_tables import Fit, fitting_tables
from mergec.symmetries.drafting.model_facts import model_facts
from mergec.symmetries.drafting.name_tree import name_tree
from mergec.symmetries.drafting.scaffold import REVIEW, scaffold
from mergec.symmetries.instantiate import instantiate
from mergec.symmetries.table import read_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mergec.diagnostics import Diagnostic
    from mergec.symmetries.model_shape import ModelShape

_HEAD = "# Drafted by `mergec symmetry infer` from names, shapes and config.json: review it before use."
_USUAL_HEAD = 64
_MOST_TRIES = 10


def draft(model: ModelShape) -> str:
    """The text of the table, YAML with comments. What the static checks say of it stands at its top."""
    fits = fitting_tables(model)
    body = "\n".join(_on_built_in(fits, model)) + "\n" if fits else _scaffold(model)
    problems = (f"# {REVIEW}{one.code}: {one.message}" for one in _problems(body, model))
    return "\n".join([_HEAD, *problems, body])


def _on_built_in(fits: Sequence[Fit], model: ModelShape) -> Iterator[str]:
    best = fits[0]
    listed = f"lists {len(model.tensors) - len(best.left)} of {len(model.tensors)} tensors"
    moved = f", and {best.moved} of them may move" if best.moved else ""
    yield f"# The built-in table `{best.table}` fits: it {listed}{moved}."
    if not best.left and not best.lacking:
        yield f"# `symmetry: {best.table}` in a recipe says the same."
    for other in fits[1:]:
        if len(other.left) == len(best.left):
            given = f", with the sizes of {', '.join(other.lacking)} given" if other.lacking else ""
            yield f"# {REVIEW}`{other.table}` fits as well{given}: names and shapes do not tell which it is."
    yield f"extends: {best.table}"
    if best.lacking:
        yield from _usual_sizes(best, model)
    if best.left:
        yield from _left_over(best, model)


def _usual_sizes(fit: Fit, model: ModelShape) -> Iterator[str]:
    """The sizes that nothing tells, as they often are."""
    width = model_facts(model, name_tree(model.tensors)).width or _USUAL_HEAD
    yield "sizes:"
    for name in fit.lacking:
        usual = max(width // _USUAL_HEAD, 1)
        yield f"  {name}: {usual}  # {REVIEW}nothing tells it; {_USUAL_HEAD} to a head is usual"


def _left_over(fit: Fit, model: ModelShape) -> Iterator[str]:
    """The tensors that the table does not list, as they are."""
    yield "fixed:"
    yield f"  # {REVIEW}`{fit.table}` does not know these. They stay as they are, which is right only where"
    yield "  # what they read and write stays too."
    for name in fit.left:
        yield f"  - {json.dumps(escape(name))}  # {list(model.tensors[name])}"


def _scaffold(model: ModelShape) -> str:
    """The scaffold without the groups that the checks refuse."""
    dropped: set[str] = set()
    text = scaffold(model)
    for _ in range(_MOST_TRIES):
        refused = {
            one.group.rpartition("/")[2]
            for one in _problems(text, model)
            if isinstance(one, OneSided | VectorsOnly)
        }
        if refused <= dropped:
            break
        dropped |= refused
        text = scaffold(model, dropped)
    return f"# No built-in table fits.\n{text}"


def _problems(text: str, model: ModelShape) -> list[Diagnostic]:
    """What keeps the table from being used on the model."""
    tree = read_yaml(SourceText("the draft", text))
    value = plain(tree)
    assert isinstance(value, dict)
    report = Report()
    table = read_table(value, TreePlace(tree), Path(), report)
    if table is not None:
        instantiate(table, model, report)
    return [one for one in report.diagnostics if one.severity is Severity.ERROR]
