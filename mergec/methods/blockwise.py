"""`op: blockwise`: another method, or the same with other parameters, for each group of tensors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from mergec.diagnostics import Report
from mergec.ir.graph import Remark
from mergec.ir.model_table import ModelTable
from mergec.methods.blocks import INHERITED, KEEP, read_blocks
from mergec.methods.errors import UncoveredByBlocks
from mergec.recipe.first_match import first_match
from mergec.recipe.no_match import each_matches_nothing
from mergec.recipe.recipe_model import Strict
from mergec.steps.operation import Call, ModelUse, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.ir.model_table import Entry
    from mergec.methods.blocks import Block
    from mergec.methods.known_methods import KnownMethods
    from mergec.recipe.place import TreePlace

_Inputs = Annotated[
    list[str] | dict[str, Any],
    WithJsonSchema(
        {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "object"}], "minItems": 1}
    ),
]
_BLOCK = {"$ref": "#/$defs/Block"}


class BlockwiseKeys(Strict):
    """The keys of `op: blockwise`."""

    blocks: Annotated[
        dict[str, Any],
        WithJsonSchema({"type": "object", "additionalProperties": _BLOCK, "minProperties": 1}),
    ] = Field(min_length=1, description="Patterns and the method of each; the first that matches wins")
    base: str | None = Field(default=None, description="The base of all blocks that name no other")
    inputs: _Inputs | None = Field(default=None, description="The inputs of all blocks that name no others")
    missing: Literal["error", "skip", "base"] = Field(
        default="error", description="What becomes of tensors that not all inputs of a block hold"
    )
    seed: int = Field(default=0, ge=0, lt=2**64, description="Chooses the random values of all blocks")
    arithmetic: Literal["float32", "float64"] = Field(
        default="float32", description="The dtype that all blocks compute in"
    )


class Blockwise(Operation):
    """Another method, or other parameters, for each group of tensors.

    `blocks` maps patterns to methods with their keys; the first pattern that matches a tensor decides, and
    every tensor must be matched. `keep` takes tensors unchanged from `base`, or from the first input.
    `base`, `inputs`, `missing`, `seed` and `arithmetic` are those of each block that has none of its own,
    as far as its method knows them: of what an input is given, a method takes the parameters that it has.
    Schedules of a block see its own tensors alone.
    """

    name = "blockwise"
    summary = "Another method for each group of tensors."
    keys = BlockwiseKeys

    def __init__(self, known: KnownMethods) -> None:
        """Take the methods of blocks from those that are known."""
        self._known = known

    def check_keys(self, keys: BlockwiseKeys, place: TreePlace, report: Report) -> None:
        """Report what is wrong inside the blocks."""
        self._blocks(keys, place, report)

    def inputs(self, keys: BlockwiseKeys, place: TreePlace) -> Iterator[ModelUse]:
        """The common models, then those that single blocks name."""
        uses: dict[str, ModelUse] = {}
        if keys.base is not None:
            uses[keys.base] = ModelUse(keys.base, place.child("base").span())
        for block in self._blocks(keys, place, Report()):
            if block.operation is not None:
                for use in block.operation.inputs(block.keys, block.place):
                    uses.setdefault(use.name, use)
        yield from uses.values()

    def lower(self, keys: BlockwiseKeys, call: Call) -> ModelTable:
        """Each block's method applied to the tensors of the block."""
        first = next(iter(call.models.values()))
        universe = dict.fromkeys(name for table in call.models.values() for name in table.entries)
        blocks = {block.pattern.text: block for block in self._blocks(keys, call.place, Report())}
        chosen = _chosen(list(blocks.values()), universe, call)
        made: dict[str, Entry] = {}
        config = first.config
        for text, block in blocks.items():
            names = [name for name in universe if chosen.get(name) == text]
            if not names:
                continue
            if block.operation is None:
                made.update((name, first.entries[name]) for name in names if name in first.entries)
                what = f"kept from {first.name} (`{text}`)"
            else:
                models = {key: _part(table, names) for key, table in call.models.items()}
                within = replace(call, models=models, place=block.place)
                table = block.operation.lower(block.keys, within)
                made.update(table.entries)
                config = (*config, *(edit for edit in table.config if edit not in config))
                what = f"by {block.operation.name} (`{text}`)"
            call.remarks.append(Remark(call.name, what, tuple(names)))
        return ModelTable(call.name, {name: made[name] for name in universe if name in made}, config)

    def _blocks(self, keys: BlockwiseKeys, place: TreePlace, report: Report) -> list[Block]:
        common = {key: getattr(keys, key) for key in INHERITED if key in keys.model_fields_set}
        return read_blocks(common, keys.blocks, place, self._known, report)


def _chosen(blocks: list[Block], universe: Mapping[str, None], call: Call) -> dict[str, str]:
    """The pattern that decides over each tensor; reports those that match none, and tensors without one."""
    bound = {block.pattern: block.pattern.bind(universe) for block in blocks}
    empty = [(pattern, universe) for pattern, one in bound.items() if not len(one)]
    call.report.extend(each_matches_nothing(empty))
    matches = ((pattern, dict.fromkeys(one.matches, pattern.text)) for pattern, one in bound.items())
    chosen = first_match(matches, call.report)
    left = [name for name in universe if name not in chosen]
    if left and not empty:  # a misspelt pattern leaves tensors over: one message about it is enough
        more = f", nor {len(left) - 1} more" if len(left) > 1 else ""
        span = call.place.key_span("blocks")
        help_ = f'add `"**": {KEEP}` as the last block, or a method for all others'
        call.report.add(UncoveredByBlocks(span=span, name=left[0], more=more, help=help_))
    return chosen


def _part(table: ModelTable, names: list[str]) -> ModelTable:
    """The tensors of a model that belong to a block."""
    return replace(table, entries={name: table.entries[name] for name in names if name in table.entries})
