"""What whoever asks for a build may choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_MEMORY = 1 << 30


@dataclass(frozen=True, slots=True)
class Options:
    """What a build may use and do. `out` replaces the recipe's output path.

    With `fresh`, everything is computed, whatever an earlier build left. With `locked`, the recipe, its
    sources and what comes of them must be what the recipe's lock says.
    """

    memory: int = DEFAULT_MEMORY
    workers: int = 0  # 0: one per processor
    out: Path | None = None
    force: bool = False
    fresh: bool = False
    locked: bool = False
