"""The models that an output descends from, as their own files name them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import Label
from mergec.provenance.errors import CardUnreadable, LicencesDiffer
from mergec.provenance.source_card import Licence, SourceCard, read_card

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.diagnostics import Report
    from mergec.lower.bind import BoundRecipe
    from mergec.recipe.load import Recipe
    from mergec.sources.source_table import Source, SourceTable

# How the Hub names repositories, and how its cache names their folders.
_REPOSITORY = re.compile(r"(?=.{1,96}$)(?:[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9](?:[\w.-]*\w)?", re.ASCII)
_CACHED = "models--"
_OTHER = Licence(("other",))


class Ancestor(NamedTuple):
    """A source: what it is called in the recipe, which models it is, and what its card says.

    `is_merged` tells that it gives weights, and not only files beside them.
    """

    name: str
    models: tuple[str, ...]
    card: SourceCard
    is_merged: bool


def ancestors(bound: BoundRecipe, sources: SourceTable) -> list[Ancestor]:
    """The sources of a recipe, in order of first use."""
    uses = {use.name for model in bound.models for use in model.uses} | {bound.recipe.output.model}
    found: list[Ancestor] = []
    for name, source in sources.sources.items():
        card = read_card(source.folder)
        found.append(Ancestor(name, _models(source, card), card, name in uses))
    return found


def _models(source: Source, card: SourceCard) -> tuple[str, ...]:
    """What the source is called where it was published, or what it was made from, or its name here."""
    for part in source.path.parts:
        if part.startswith(_CACHED):
            return (part.removeprefix(_CACHED).replace("--", "/"),)
    origin = source.facts.config.get("_name_or_path")
    if isinstance(origin, str) and _REPOSITORY.fullmatch(origin):
        return (origin,)
    listed = tuple(model for model in card.base_models if _REPOSITORY.fullmatch(model))
    return listed or (source.name,)


def base_models(found: Sequence[Ancestor]) -> list[str]:
    """All models that gave weights, sorted."""
    return sorted({model for ancestor in found if ancestor.is_merged for model in ancestor.models})


def common_licence(found: Sequence[Ancestor]) -> Licence | None:
    """The licence that all sources name; `other` where they differ; None where some name none."""
    stated = [ancestor.card.licence for ancestor in found if ancestor.card.licence is not None]
    if not stated:
        return None
    first, *others = stated
    if not all(first.is_same(other) for other in others):
        return _OTHER
    if len(stated) < len(found):
        return None
    return first if all(first.link == other.link for other in others) else first._replace(link=None)


def report_cards(found: Sequence[Ancestor], recipe: Recipe, report: Report) -> None:
    """Report MC0830 where licences differ, and MC0831 for each card that cannot be used."""
    for ancestor in found:
        if ancestor.card.problem:
            span = recipe.source_place(ancestor.name).span()
            report.add(CardUnreadable(span=span, source=ancestor.name, problem=ancestor.card.problem))
    if common_licence(found) is not _OTHER:
        return
    first, *others = [
        Label(recipe.source_place(ancestor.name).span(), str(ancestor.card.licence))
        for ancestor in found
        if ancestor.card.licence is not None
    ]
    listed = ", ".join(dict.fromkeys(label.text for label in (first, *others)))
    report.add(LicencesDiffer(span=first.span, label=first.text, others=tuple(others), licences=listed))
