"""`mergec inspect`: what is in a checkpoint, and how does it differ from another one?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mergec.cli.command import command
from mergec.cli.inspect_names import renamed_tensors, source_named
from mergec.cli.inspect_text import renamed_text
from mergec.cli.inspection.subject import Subject, subject
from mergec.cli.opened import opened, without_recipe
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_diagnostics, print_document, print_result
from mergec.diagnostics import Report, did_you_mean, safe
from mergec.recipe.load import load_recipe

if TYPE_CHECKING:
    from mergec.recipe.load import Recipe

_STDOUT = "-"
_PAGE = "<!doctype html>"


@command("inspect", has_json=True)
@click.argument("path")
@click.argument("other", required=False)
@click.option(
    "--recipe",
    "recipe_path",
    type=click.Path(path_type=Path),
    metavar="RECIPE",
    help="Show the names before and after the rules of this recipe; PATH may be the name of a source.",
)
@click.option("--nest", help="Where the tensors sit in a nested PyTorch file, such as model.state_dict.")
@click.option("--tensors", is_flag=True, help="A line for every tensor, instead of one for those alike.")
@click.option("--html", metavar="FILE", help="Write one HTML page, without scripts; `-` is stdout.")
def inspect(  # click hands over each option
    path: str,
    other: str | None,
    recipe_path: Path | None,
    nest: str | None,
    *,
    tensors: bool,
    html: str | None,
) -> None:
    """Show what the checkpoint or adapter at PATH is: components, layers, dtypes, sizes, config.

    With OTHER, show what differs, and propose rename rules that line OTHER up with PATH. Both are a
    weight file, an index or a directory. `mergec explain inspect` tells more.
    """
    report = Report()
    if recipe_path is not None:
        if other is not None or html is not None or tensors:
            raise click.UsageError("--recipe goes with one PATH, and not with --html or --tensors")
        _inspect_names(path, recipe_path, nest, report)
    elif html is not None and current_settings().wants_json:
        raise click.UsageError("choose one of --json and --html")
    elif other is not None:
        _inspect_pair(_subject(Path(path), nest, report), _subject(Path(other), nest, report), html)
    else:
        _inspect_one(_subject(Path(path), nest, report), html, every_tensor=tensors)
    if not current_settings().is_quiet:
        print_diagnostics(map(without_recipe, report.diagnostics), current_settings())


def _inspect_one(of: Subject, html: str | None, *, every_tensor: bool) -> None:
    from mergec.cli.inspection.model_facts import model_facts  # `--recipe` and a pair do without

    facts = model_facts(of)
    if current_settings().wants_json:
        from mergec.cli.inspection.model_json import model_document

        print_document(model_document(facts))
    elif html is not None:
        from mergec.cli.inspection.model_html import model_html

        _write_page(html, model_html(facts))
    else:
        from mergec.cli.inspection.model_text import model_text

        print_result(model_text(facts, every_tensor=every_tensor))


def _inspect_pair(first: Subject, second: Subject, html: str | None) -> None:
    from mergec.cli.inspection.pair_facts import pair_facts  # one checkpoint alone does without
    from mergec.cli.inspection.pair_text import pair_text

    facts = pair_facts(first, second)
    if current_settings().wants_json:
        from mergec.cli.inspection.pair_json import pair_document

        print_document(pair_document(facts))
    elif html is not None:
        from mergec.cli.inspection.model_html import text_html

        _write_page(html, text_html(f"{first.path} and {second.path}", pair_text(facts)))
    else:
        print_result(pair_text(facts))


def _inspect_names(path: str, recipe_path: Path, nest: str | None, report: Report) -> None:
    from mergec.cli.inspection.model_json import checkpoint_document, renamed_document

    recipe = load_recipe(recipe_path, {}, report)
    source = _source(recipe, path)
    where = recipe.folder / recipe.sources[source].path
    checkpoint = opened(where, nest or recipe.sources[source].nest, report)
    renamed = renamed_tensors(recipe, source, checkpoint, report)
    if current_settings().wants_json:
        document = checkpoint_document(str(where), checkpoint)
        print_document({**document, "renamed": renamed_document(renamed)})
    else:
        print_result(f"{source}: {safe(where)}\n{renamed_text(renamed)}")


def _source(recipe: Recipe, text: str) -> str:
    name = source_named(recipe, text)
    if name is None:
        advice = did_you_mean(text, recipe.sources) or f"its sources are {', '.join(recipe.sources)}"
        raise click.BadParameter(f"the recipe has no source `{safe(text)}`: {advice}", param_hint="'PATH'")
    return name


def _subject(path: Path, nest: str | None, report: Report) -> Subject:
    return subject(path, opened(path, nest, report))


def _write_page(target: str, page: str) -> None:
    """Write a page. A file that is there and is no page is not ours to replace."""
    if target == _STDOUT:
        print_result(page)
        return
    file = Path(target)
    try:
        if file.exists() and not _is_page(file):
            raise click.BadParameter(f"`{safe(file)}` is there, and is no HTML page", param_hint="'--html'")
        file.write_text(page + "\n", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        reason = error.strerror or str(error)
        raise click.BadParameter(
            f"`{safe(file)}` cannot be written: {reason}", param_hint="'--html'"
        ) from None


def _is_page(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(len(_PAGE)).lower() in {_PAGE.encode(), b""}
