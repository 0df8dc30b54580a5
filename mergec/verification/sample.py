"""Which tensors a sample holds."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def sampled(names: Iterable[str], count: int, seed: int) -> list[str]:
    """So many of the names, or all where there are fewer.

    Each name has a place of its own for each seed, so that neither the order of the names nor those that
    are added or taken away decide on others more than they must.
    """

    def place(name: str) -> bytes:
        return sha256(f"{seed}\0{name}".encode("utf-8", "surrogatepass")).digest()

    return sorted(sorted(names, key=place)[:count])
