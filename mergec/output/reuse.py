"""Which tensors a build takes from what is there, and why it makes the others."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from mergec.ir.plan import OutputLayout, PlacedTensor
    from mergec.output.old_output import OldOutput


class Why(Enum):
    """Why a tensor is not taken from the output that is there, as far as that output tells."""

    FRESH = "everything was to be made anew"
    NO_OUTPUT = "there is no output yet"
    NO_RECORD = "the output does not tell what its tensors were made from"
    NEW = "new"
    FORM = "another dtype or shape"
    MADE_OTHERWISE = "made otherwise, or from something else"
    DAMAGED = "missing or edited in the output"
    UNREAD = "unknown until its sources are read"
    UNSOLVED = "unknown until its permutations are found"

    @property
    def is_unknown(self) -> bool:
        """Whether the build may take it after all."""
        return self in {Why.UNREAD, Why.UNSOLVED}


@dataclass(frozen=True, slots=True)
class Reuse:
    """The tensors of a plan by number: those that are there, and why each of the others is made.

    `resumed` are those of `kept` that a stopped build left; all others come from the `old` output. Before a
    build, `kept` is what is claimed to be there: the build hashes it, unless it knows that nobody touched it.
    """

    kept: frozenset[int]
    resumed: frozenset[int]
    others: Mapping[int, Why]
    old: OldOutput | None


def reuse_of(
    layout: OutputLayout,
    keys: Sequence[str | Why],
    old: OldOutput | None,
    resumed: Collection[int],
    none: Why,
) -> Reuse:
    """What can be taken, by the keys of tensors, or by why one is not known.

    `old` is what can be taken from the output, or `none` tells why there is nothing.
    """
    kept = {
        number
        for number, (placed, key) in enumerate(zip(layout.tensors, keys, strict=True))
        if old is not None and placed.nbytes and isinstance(key, str) and old.same(placed, key) is not None
    }
    return reuse_with(layout, keys, old, kept | set(resumed), resumed, none)


def reuse_with(
    layout: OutputLayout,
    keys: Sequence[str | Why],
    old: OldOutput | None,
    kept: Collection[int],
    resumed: Collection[int],
    none: Why,
) -> Reuse:
    """As `reuse_of`, where it is known what is kept. Without an `old` output no key is looked at."""
    others = {
        number: _why(placed, keys[number], old) if old is not None else none
        for number, placed in enumerate(layout.tensors)
        if number not in kept and placed.nbytes
    }
    return Reuse(frozenset(kept), frozenset(resumed), others, old)


def why_nothing(target: Path, *, is_fresh: bool) -> Why:
    """Why no tensor can be taken from what is at a path, if none can be."""
    if is_fresh:
        return Why.FRESH
    return Why.NO_RECORD if target.exists() else Why.NO_OUTPUT


def _why(placed: PlacedTensor, key: str | Why, old: OldOutput) -> Why:
    listed = old.manifest.tensors.get(placed.name)
    if isinstance(key, Why):
        return key if listed is not None else Why.NEW
    if key in old.listed_keys:
        return Why.DAMAGED
    if listed is None:
        return Why.NEW
    if listed.key is None:
        return Why.NO_RECORD
    is_formed = (listed.dtype, listed.shape) == (placed.dtype.code, placed.shape)
    return Why.MADE_OTHERWISE if is_formed else Why.FORM
