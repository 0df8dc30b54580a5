"""The "did you mean" of every message."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Past this many candidates a full comparison costs seconds; names that share a long
# ending with the wanted one are the likely ones, so they are compared alone.
_MANY = 2000


def nearest(wanted: str, candidates: Iterable[str], *, count: int = 3) -> tuple[str, ...]:
    """Up to `count` candidates that resemble `wanted`, most similar first."""
    pool = sorted(set(candidates))
    if len(pool) > _MANY:
        ending = wanted.rsplit(".", 2)[-1]
        pool = [name for name in pool if name.endswith(ending)][:_MANY] or pool[:_MANY]
    return tuple(difflib.get_close_matches(wanted, pool, n=count, cutoff=0.6))


def did_you_mean(wanted: str, candidates: Iterable[str]) -> str | None:
    """The help line for a misspelt name; None when nothing resembles it."""
    near = nearest(wanted, candidates, count=1)
    return f"did you mean `{near[0]}`?" if near else None
