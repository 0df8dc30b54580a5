"""Virtual checkpoints: names -> graph nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.ir.config_edit import SideChange
    from mergec.ir.dtype import DType
    from mergec.ir.graph import NodeId
    from mergec.ir.source_facts import SourceFacts


class Entry(NamedTuple):
    """A tensor of a model: its value, and the dtype it is stored in where nothing else is said.

    A computed value lives in float32 or float64 and is rounded to `dtype` only when it is written,
    so that a chain of operations rounds once.
    """

    node: NodeId
    dtype: DType


@dataclass(frozen=True, slots=True)
class ModelTable:
    """A model by name. `config` holds what the recipe changes beside its weights, in order.

    `facts` describes the source that the model is, or the one that its first input comes from.
    """

    name: str
    entries: Mapping[str, Entry]
    config: tuple[SideChange, ...] = ()
    facts: SourceFacts | None = None
