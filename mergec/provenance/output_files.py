"""The files that tell of an output's making, beside the weights of a directory output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.primitive import Reproducibility
from mergec.provenance.ancestors import ancestors
from mergec.provenance.built_recipe import BUILT_RECIPE, built_recipe
from mergec.provenance.model_card import CardFacts, model_card
from mergec.provenance.source_card import CARD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mergec.ir.plan import OutputLayout
    from mergec.lock.lock_model import LockedSource
    from mergec.lower.bind import BoundRecipe
    from mergec.sources.source_table import SourceTable


def provenance_names(bound: BoundRecipe) -> list[str]:
    """The names of the files, sorted."""
    return sorted([BUILT_RECIPE, *([CARD] if bound.recipe.output.card else [])])


def provenance_files(
    bound: BoundRecipe,
    sources: SourceTable,
    layout: OutputLayout,
    copied: Iterable[str],
    locked: Mapping[str, LockedSource],
) -> dict[str, bytes]:
    """The content of each file by its name.

    `copied` names the other files beside the weights, and `locked` tells the digests of the files of
    those sources for which they are known.
    """
    output = bound.recipe.output
    recipe = built_recipe(bound)
    found = {BUILT_RECIPE: recipe.encode()}
    if output.card:
        classes = (tensor.reproducibility for tensor in layout.tensors)
        facts = CardFacts(
            ancestors=ancestors(bound, sources),
            recipe=recipe,
            description=bound.recipe.description,
            is_delta=output.kind == "delta",
            reproducibility=max(classes, key=lambda one: one.value, default=Reproducibility.R0),
            files=frozenset(copied),
            sources=locked,
        )
        found[CARD] = model_card(facts).encode()
    return found
