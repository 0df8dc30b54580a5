"""Elemental lines of SuperMerger: `blocks:elements:ratio`, a ratio for single layers of a U-Net."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.diagnostics import did_you_mean, safe
from mergec.importing.block_weights import bad
from mergec.importing.errors import NotCarriedOver
from mergec.importing.tensor_values import literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Report, Span
    from mergec.recipe.block_maps import BlockMap

_NOT = "NOT"
_UNET = "^model[.]diffusion_model[.]"
_UNET_PARTS = {"IN00": "time_embed", "M00": "middle_block"}
_FLUX = {
    "CLIP": "text_encoders[.]clip[^.]*",
    "T5": "text_encoders[.]t5xxl[^.]*",
    "IN": "[a-z]+_in",
    "OUT": "final_layer",
}
# Blocks that are layers of a list, by the beginnings of their names.
_LISTS = {"IN": "input_blocks", "OUT": "output_blocks", "D": "double_blocks", "S": "single_blocks"}
_BASE = {"sd1": "^(cond_stage_model|first_stage_model)[.]", "sdxl": "^(conditioner|first_stage_model)[.]"}


@dataclass(frozen=True, slots=True)
class Elemental:
    """A ratio, and the patterns of the tensors that it holds for."""

    patterns: tuple[str, ...]
    ratio: float


def read_elemental(line: str, span: Span, block_map: BlockMap, report: Report) -> Elemental | None:
    """What a line says; None, with a warning (MC0842), where no pattern can say it.

    Raises:
        MergecError: MC0844.
    """
    parts = line.split(":")
    if len(parts) != 3:
        help_ = "write `blocks:elements:ratio`, such as `OUT03 OUT04:attn2:0.5`"
        raise bad(span, f"an elemental line has two colons, found {len(parts) - 1}", help_)
    blocks, elements, written = (part.strip() for part in parts)
    ratio = _ratio(written, span)
    words = elements.replace(",", " ").split()
    if words[:1] == [_NOT]:
        reason = "patterns say what a name holds, not what it lacks"
        report.add(NotCarriedOver(span=span, what=f"`{safe(line.strip())}`", reason=reason))
        return None
    chosen = _blocks(blocks.replace(",", " ").split(), block_map, span)
    return Elemental(_patterns(chosen, words, block_map), ratio)


def _ratio(written: str, span: Span) -> float:
    try:
        ratio = float(written)
    except ValueError:
        ratio = math.nan
    if not math.isfinite(ratio):
        raise bad(span, f"expected a ratio after the second colon, found `{safe(written)}`")
    return ratio


def _blocks(words: list[str], block_map: BlockMap, span: Span) -> list[str]:
    """The blocks that words name, in the order of the map; none for all."""
    if not words:
        return []
    is_not = words[:1] == [_NOT]
    found: set[str] = set()
    for word in words[1:] if is_not else words:
        first, _, last = word.upper().partition("-")
        ends = [_block(one, block_map, span) for one in (first, last or first)]
        found.update(block_map.blocks[min(ends) : max(ends) + 1])
    chosen = [one for one in block_map.blocks if (one in found) is not is_not]
    if not chosen:
        raise bad(span, "these are no blocks at all", f"the blocks are {block_map.summary}")
    return chosen


def _block(word: str, block_map: BlockMap, span: Span) -> int:
    if word not in block_map.blocks:
        help_ = did_you_mean(word, block_map.blocks) or f"the blocks are {block_map.summary}"
        raise bad(span, f"`{block_map.name}` has no block `{safe(word)}`", help_)
    return block_map.blocks.index(word)


def _patterns(blocks: list[str], words: list[str], block_map: BlockMap) -> tuple[str, ...]:
    """The names that lie in one of the blocks and hold one of the words; without either, all."""
    elements = _one_of([literal(word) for word in words]) if words else ""
    if not blocks:
        return (f"re:{elements}",) if words else ("**",)
    tail = f".*{elements}" if words else ""
    return tuple(f"re:{place}{tail}" for place in _places(blocks, block_map))


def _places(blocks: list[str], block_map: BlockMap) -> list[str]:
    """Expressions for the beginnings of names in these blocks, in the layout that web UIs read."""
    if block_map.name == "flux":
        return [f"(^|[.])({'|'.join(_together(blocks, _FLUX))})[.]"]
    parts = {**_UNET_PARTS, block_map.blocks[-1]: "out"}
    if block_map.name == "sdxl":
        parts["IN00"] = "time_embed|label_emb"
    found = [_BASE[block_map.name]] if "BASE" in blocks else []
    inner = _together([one for one in blocks if one != "BASE"], parts)
    return [*found, f"{_UNET}({'|'.join(inner)})[.]"] if inner else found


def _together(blocks: list[str], parts: Mapping[str, str]) -> list[str]:
    """The parts of a model that blocks are, those of one list of layers as one."""
    numbers: dict[str, list[str]] = {}
    found: list[str] = [parts[one] for one in blocks if one in parts]
    for one in blocks:
        kind = one.rstrip("0123456789")
        if kind in _LISTS and kind != one:
            numbers.setdefault(_LISTS[kind], []).append(str(int(one[len(kind) :])))
    return [*found, *(f"{name}[.]{_one_of(of)}" for name, of in numbers.items())]


def _one_of(choices: list[str]) -> str:
    return choices[0] if len(choices) == 1 else f"({'|'.join(choices)})"
