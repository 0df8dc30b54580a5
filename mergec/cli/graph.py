"""`mergec graph`: the recipe's models as a drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mergec.cli.command import command
from mergec.cli.recipe_options import allows_plugins, plugins_option, recipe_argument, set_option
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_diagnostics, print_result
from mergec.diagnostics import Report, safe
from mergec.lower.bind import BoundOperation, bind
from mergec.recipe.load import load_recipe

if TYPE_CHECKING:
    from pathlib import Path

    import networkx as nx

    from mergec.lower.bind import BoundModel, BoundRecipe

_OUTPUT = "output:"  # no model can have this name
_SHAPES = {"source": "cylinder", "model": "box", "output": "note"}
_BRACKETS = {"source": ("[(", ")]"), "model": ("[", "]"), "output": ("[[", "]]")}


@command("graph")
@recipe_argument
@set_option
@plugins_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["dot", "mermaid"]),
    default="dot",
    show_default=True,
    help="dot for Graphviz, mermaid for Markdown.",
)
def graph(recipe: Path, overrides: dict[str, str], form: str) -> None:
    """Draw the sources and models of RECIPE and how they make the output. No source is opened."""
    report = Report()
    found = load_recipe(recipe, overrides, report, allow_plugins=allows_plugins())
    bound = bind(found, report)
    if not current_settings().is_quiet:
        print_diagnostics(report.diagnostics, current_settings())
    drawn = model_graph(bound)
    print_result(as_dot(drawn) if form == "dot" else as_mermaid(drawn))


def model_graph(bound: BoundRecipe) -> nx.DiGraph[str]:
    """Sources, models and the output; an edge leads from what is used to its user."""
    import networkx as nx  # slow to import

    made: nx.DiGraph[str] = nx.DiGraph()
    for name in bound.sources:
        made.add_node(name, kind="source", text=bound.recipe.sources[name].path)
    for model in bound.models:
        made.add_node(model.name, kind="model", text=_what(model))
    made.add_node(_OUTPUT, kind="output", text=bound.recipe.output.path)
    for model in bound.models:
        made.add_edges_from((use.name, model.name) for use in model.uses)
    made.add_edge(bound.recipe.output.model, _OUTPUT)
    return made


def as_dot(drawn: nx.DiGraph[str]) -> str:
    """The graph in the language of Graphviz."""
    lines = ["digraph recipe {", "  rankdir=LR;"]
    for name, facts in drawn.nodes(data=True):
        label = f"{_quoted(_title(name))}\\n{_quoted(facts['text'])}"
        lines.append(f'  "{_quoted(name)}" [shape={_SHAPES[facts["kind"]]}, label="{label}"];')
    lines += [f'  "{_quoted(user)}" -> "{_quoted(used)}";' for user, used in drawn.edges]
    return "\n".join([*lines, "}"])


def as_mermaid(drawn: nx.DiGraph[str]) -> str:
    """The graph in the language of Mermaid."""
    numbers = {name: f"n{number}" for number, name in enumerate(drawn.nodes)}
    lines = ["graph LR"]
    for name, facts in drawn.nodes(data=True):
        left, right = _BRACKETS[facts["kind"]]
        label = f"{_entities(_title(name))}<br/>{_entities(facts['text'])}"
        lines.append(f'  {numbers[name]}{left}"{label}"{right}')
    lines += [f"  {numbers[used]} --> {numbers[user]}" for used, user in drawn.edges]
    return "\n".join(lines)


def _title(name: str) -> str:
    return "output" if name == _OUTPUT else name


def _what(model: BoundModel) -> str:
    return model.operation.name if isinstance(model, BoundOperation) else "arithmetic"


def _quoted(text: str) -> str:
    return safe(text).replace("\\", "\\\\").replace('"', '\\"')


def _entities(text: str) -> str:
    return safe(text).replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
