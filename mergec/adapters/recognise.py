"""Which dialect an adapter is written in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.adapters.errors import AdapterAsModel
from mergec.adapters.images.diffusers import Diffusers
from mergec.adapters.images.kohya import Kohya
from mergec.adapters.peft.dialect import Peft

if TYPE_CHECKING:
    from collections.abc import Collection

    from mergec.adapters.dialect import Dialect
    from mergec.diagnostics import Span
    from mergec.ir.source_facts import SourceFacts

# The first that recognises an adapter reads it. Flat names are unmistakable; what else has an
# adapter_config.json is always PEFT's.
DIALECTS: tuple[Dialect, ...] = (Kohya(), Diffusers(), Peft())


def dialect_names() -> list[str]:
    """The dialects as a recipe spells them."""
    return [dialect.name for dialect in DIALECTS]


def find_dialect(name: str) -> Dialect | None:
    """The dialect of this name."""
    return next((dialect for dialect in DIALECTS if dialect.name == name), None)


def dialect_of(names: Collection[str], facts: SourceFacts | None) -> Dialect | None:
    """The dialect that a source with these tensor names is an adapter of; None for a model."""
    if facts is None:
        return None
    return next((dialect for dialect in DIALECTS if dialect.recognises(names, facts)), None)


def adapter_as_model(name: str, place: str, span: Span) -> AdapterAsModel:
    """MC0331 with the way out: `name` is the adapter, `place` what wants a model."""
    advice = (
        f"fold it into the model that it was trained on: {{op: lora, base: MODEL, adapters: {{{name}: 1.0}}}}"
    )
    return AdapterAsModel(span=span, name=name, place=place, help=advice)
