"""Weights of blocks as people pass them on: numbers between commas, or the name of a preset."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, did_you_mean, safe
from mergec.importing.block_presets import presets
from mergec.importing.errors import BadBlockWeights
from mergec.recipe.block_maps import BLOCK_MAPS

if TYPE_CHECKING:
    from mergec.diagnostics import Span

# The maps of whole models, and those of the blocks that adapters change.
_MODELS = ("sd1", "sdxl", "flux")
_ADAPTERS = ("lbw-sd1", "lbw-sdxl", "lbw-flux")


@dataclass(frozen=True, slots=True)
class BlockWeights:
    """One number for all blocks, or one for each in the order of a map."""

    values: tuple[float, ...]
    span: Span
    preset: str | None = None

    @property
    def is_single(self) -> bool:
        """Whether all blocks have the same."""
        return len(self.values) == 1

    def with_base(self, base: float) -> BlockWeights:
        """The weights with one before them for what is in no block of the U-Net."""
        return BlockWeights((base, *self.values), self.span)


def read_weights(written: str, span: Span) -> BlockWeights:
    """The weights that a line holds.

    Raises:
        MergecError: MC0844.
    """
    line = written.strip()
    known = presets()
    if line.upper() in known:
        return BlockWeights(known[line.upper()], span, line.upper())
    parts = [part.strip() for part in re.split(r"[,\t]", line)]
    if len(parts) == 1 and re.fullmatch(r"[A-Za-z][\w*/-]*", line):
        help_ = did_you_mean(line.upper(), known) or f"the presets are {', '.join(known)}"
        raise bad(span, f"no preset is called `{safe(line)}`", help_)
    return BlockWeights(tuple(_number(part, span) for part in parts), span)


def bad(span: Span, problem: str, help_: str | None = None) -> MergecError:
    """MC0844 at this place."""
    return MergecError([BadBlockWeights(span=span, problem=problem, help=help_)])


def map_for(weights: BlockWeights, *, is_adapter: bool) -> str:
    """The name of the block map that has a list of this length.

    Raises:
        MergecError: MC0844 where none has.
    """
    names = _ADAPTERS if is_adapter else _MODELS
    count = len(weights.values)
    found = next((name for name in names if len(BLOCK_MAPS[name].blocks) == count), None)
    found = found or next((name for name in names if BLOCK_MAPS[name].listed(count) is not None), None)
    if found is not None:
        return found
    lengths = sorted(
        {len(one) for name in names for one in (BLOCK_MAPS[name].blocks, *BLOCK_MAPS[name].lists)}
    )
    what = ", ".join(map(str, lengths))
    raise bad(weights.span, f"{count} numbers, and lists of blocks have {what}", _advice(count, names))


def _advice(count: int, names: tuple[str, ...]) -> str:
    if any(len(BLOCK_MAPS[name].blocks) == count + 1 for name in names):
        return "the weight of what is in no block is missing: give it with `--alpha`"
    return "`mergec explain blocks` lists the blocks in order"


def _number(part: str, span: Span) -> float:
    try:
        value = float(part)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        found = f"`{safe(part)}`" if part else "nothing between two commas"
        raise bad(span, f"expected numbers between commas, found {found}")
    return int(value) if value.is_integer() and "." not in part else value
