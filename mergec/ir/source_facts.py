"""What lies beside the weights of a source, for the operations that need to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mergec.ir.strided_view import StridedView


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """A source as its folder and headers describe it.

    `config` is its config.json and `adapter_config` its adapter_config.json, where there is one;
    `metadata` joins the metadata of its weight files' headers. `read_values` gives the elements of a
    small tensor, such as the alpha of an adapter, as floats: the one look at weights that compiling may
    take.
    """

    source: str
    path: Path
    folder: Path
    config: Mapping[str, object] = field(default_factory=dict)
    adapter_config: Mapping[str, object] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    read_values: Callable[[StridedView], list[float]] = lambda _: []
