"""A schedule written as values of named blocks: `{blocks: sdxl, values: [...]}`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, did_you_mean, nearest
from mergec.recipe.block_maps import BLOCK_MAPS, BlockMap
from mergec.recipe.errors import UnknownKey
from mergec.recipe.finite_number import described, finite_number
from mergec.recipe.name_errors import (
    BadSchedule,
    UncoveredByBlocks,
    UnknownBlock,
    UnknownBlockMap,
    WrongBlockCount,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mergec.diagnostics import Diagnostic, Span
    from mergec.recipe.value_place import Place

DEFAULT = "default"
_KEYS = ("blocks", "values", DEFAULT)


@dataclass(frozen=True, slots=True)
class BlockValues:
    """Values of the blocks of a map. `default` is for blocks and tensors without a value."""

    map: BlockMap
    values: Mapping[str, float]
    default: float | None = None
    span: Span | None = field(default=None, compare=False, repr=False)

    @classmethod
    def parse(cls, value: Mapping[str, object], place: Place, found: list[Diagnostic]) -> BlockValues | None:
        """Read `{blocks: MAP, values: LIST or MAPPING, default: NUMBER}`.

        None, with MC0110, MC0126, MC0130, MC0131 or MC0132 added to `found`, where something is wrong.
        """
        for key in value:
            if key not in _KEYS:
                help_ = did_you_mean(key, _KEYS) or "its keys are `blocks`, `values` and `default`"
                found.append(UnknownKey(span=place.key_span(key), key=key, where="a block map", help=help_))
        block_map = _block_map(value["blocks"], place.child("blocks"), found)
        if block_map is None:
            return None
        if "values" not in value and any(nearest(key, ["values"]) for key in value):
            return None  # misspelt, and told so
        values = _values(block_map, value.get("values"), place, found)
        default = values.pop(DEFAULT, None)
        if DEFAULT in value:
            if default is not None:
                help_ = "keep one of the two"
                error = BadSchedule(
                    span=place.key_span(DEFAULT), found="a second `default`", wanted="allowed", help=help_
                )
                found.append(error)
            default = finite_number(value[DEFAULT], place.child(DEFAULT), found)
        return cls(block_map, values, default, place.span())

    def resolve(self, names: Collection[str]) -> dict[str, float]:
        """The value of each tensor, in the order of `names`.

        Raises:
            MergecError: MC0133 for tensors outside all blocks, and for those of blocks without a value,
                unless there is a default; always where no tensor is in a block.
        """
        blocks = self.map.blocks_of(names)
        outside = [name for name in names if name not in blocks]
        unset: dict[str, list[str]] = {}
        for name, block in blocks.items():
            if block not in self.values:
                unset.setdefault(block, []).append(name)
        is_for_others = bool(outside) and not blocks
        if is_for_others or (self.default is None and (outside or unset)):
            raise MergecError(self._uncovered(outside, unset, any_covered=bool(blocks)))
        values = {block: self.values.get(block, self.default) for block in self.map.blocks}
        given = ((name, values[blocks[name]] if name in blocks else self.default) for name in names)
        return {name: value for name, value in given if value is not None}

    def _uncovered(
        self, outside: list[str], unset: dict[str, list[str]], *, any_covered: bool
    ) -> list[Diagnostic]:
        found: list[Diagnostic] = []
        if outside:
            what = f"the block map `{self.map.name}` has no block for"
            help_ = "add `default: VALUE` beside `blocks:`, or restrict the operation with `where:`"
            if not any_covered:
                help_ = f"the names are others than the map expects; rename them to `{self.map.example}`"
            found.append(self._error(what, outside, help_))
        for block, names in unset.items():
            what = f"block {block} has no value, but holds"
            help_ = f"add `default: VALUE` beside `blocks:`, or give values by name, with `{block}: VALUE`"
            found.append(self._error(what, names, help_))
        return found

    def _error(self, what: str, names: list[str], help_: str) -> UncoveredByBlocks:
        others = len(names) - 1
        others_text = f" and {others} more" if others else ""
        return UncoveredByBlocks(
            span=self.span, what=what, tensor=names[0], others_text=others_text, help=help_
        )


def _block_map(value: object, place: Place, found: list[Diagnostic]) -> BlockMap | None:
    if isinstance(value, str) and value in BLOCK_MAPS:
        return BLOCK_MAPS[value]
    known = ", ".join(f"`{name}`" for name in BLOCK_MAPS)
    if isinstance(value, str):
        help_ = did_you_mean(value.lower(), BLOCK_MAPS) or f"the block maps are {known}"
        found.append(UnknownBlockMap(span=place.span(), name=value, help=help_))
    else:
        wanted, help_ = "the name of a block map", f"write `blocks: NAME`; the block maps are {known}"
        found.append(BadSchedule(span=place.span(), found=described(value), wanted=wanted, help=help_))
    return None


def _values(block_map: BlockMap, value: object, place: Place, found: list[Diagnostic]) -> dict[str, float]:
    here = place.child("values")
    if isinstance(value, list):
        return _listed(block_map, value, here, found)
    if isinstance(value, dict) and value:
        return _named(block_map, value, here, found)
    wanted = "the values of the blocks"
    count = len(block_map.blocks)
    help_ = f"write `values:` with a list of {count} numbers, or a mapping of blocks to numbers"
    found.append(BadSchedule(span=here.span(), found=described(value), wanted=wanted, help=help_))
    return {}


def _listed(
    block_map: BlockMap, value: list[object], place: Place, found: list[Diagnostic]
) -> dict[str, float]:
    blocks = block_map.listed(len(value))
    if blocks is None:
        lengths = [len(block_map.blocks), *map(len, block_map.lists)]
        wanted = " or ".join(filter(None, (", ".join(map(str, lengths[:-1])), str(lengths[-1]))))
        help_ = f"one for each of {block_map.summary}"
        name, span = block_map.name, place.span()
        found.append(WrongBlockCount(span=span, name=name, wanted=wanted, found=len(value), help=help_))
        return {}
    numbers = [finite_number(item, place.child(index), found) for index, item in enumerate(value)]
    pairs = zip(blocks, numbers, strict=True)
    return {block: number for block, number in pairs if block is not None and number is not None}


def _named(
    block_map: BlockMap, value: dict[str, object], place: Place, found: list[Diagnostic]
) -> dict[str, float]:
    values: dict[str, float] = {}
    for key, item in value.items():
        number = finite_number(item, place.child(key), found)
        if key not in block_map.blocks and key != DEFAULT:
            help_ = did_you_mean(key.upper(), block_map.blocks) or f"the blocks are {block_map.summary}"
            span = place.key_span(key)
            found.append(UnknownBlock(span=span, name=block_map.name, block=key, help=help_))
        elif number is not None:
            values[key] = number
    return values
