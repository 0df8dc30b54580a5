"""The quantised weights of a source: made dense where the recipe asks for it, else known as what they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mergec.sources.dequantised import dequantised, packed_parts, refuse_blocks, without_quantisation
from mergec.sources.quantised.gguf_blocks import gguf_groups
from mergec.sources.quantised.group import Stored
from mergec.sources.quantised.recognise import recognise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Report
    from mergec.ir.layout import Layout
    from mergec.ir.packed import PackedPart
    from mergec.ir.source_facts import SourceFacts
    from mergec.ir.strided_view import StridedView
    from mergec.recipe.place import TreePlace
    from mergec.recipe.recipe_model import SourceSpec


def packed_weights(
    views: Mapping[str, StridedView],
    facts: SourceFacts,
    block_types: Mapping[str, int],
    spec: SourceSpec,
    place: TreePlace,
    report: Report,
) -> tuple[dict[str, Layout], SourceFacts, dict[tuple[int, int], PackedPart]]:
    """A source's tensors, its facts, and the parts of quantised weights that stay packed, by their place.

    Reports MC022x.
    """
    stored = Stored(views, facts.config, facts.read_values)
    groups = [*gguf_groups(stored, block_types), *recognise(stored)]
    if spec.dequantize:
        tensors = dequantised(stored, groups, facts.source, place.child("dequantize").span(), report)
        return tensors, replace(facts, config=without_quantisation(facts.config)), {}
    if block_types:
        refuse_blocks(groups, facts.source, place.child("path").span(), report)
    return dict(views), facts, packed_parts(stored, groups)
