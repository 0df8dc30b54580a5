"""Adapters made from fine-tunes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from mergec.adapters.extraction_errors import LeftOutOfAdapter, NothingToExtract
from mergec.adapters.images.written import kohya_entries, kohya_files
from mergec.adapters.peft.written import peft_config, peft_entries, peft_files
from mergec.diagnostics import safe
from mergec.ir.graph import Remark
from mergec.ir.model_table import ModelTable
from mergec.recipe.pattern_list import select_names
from mergec.recipe.recipe_model import Strict
from mergec.steps.common_names import common_names
from mergec.steps.errors import BadOperation
from mergec.steps.extraction import Sorted, extraction, sort_tensors
from mergec.steps.operation import Call, ModelUse, Operation, named
from mergec.steps.where import Where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.adapters.extraction import Extraction
    from mergec.diagnostics import Diagnostic
    from mergec.recipe.place import TreePlace

_SHOWN = 3
_SCHEDULE: dict[str, Any] = {"$ref": "#/$defs/Schedule"}
_Scheduled = Annotated[Any, WithJsonSchema(_SCHEDULE)]
_Patterns = Annotated[list[str] | None, Field(min_length=1)]


class ExtractLoraKeys(Strict):
    """The keys of `op: extract_lora`."""

    of: str = Field(description="The fine-tune")
    base: str = Field(description="The model that it was trained from, and that the adapter is for")
    rank: _Scheduled = Field(description="The most singular values that are kept of a matrix: a schedule")
    energy: _Scheduled = Field(
        default=1.0,
        description="Keep no more than hold this share of the sum of the squares of all of them: a schedule",
    )
    epsilon: _Scheduled = Field(
        default=0.0, description="Keep only singular values above this one: a schedule"
    )
    format: Literal["peft", "kohya"] = Field(default="peft", description="How the adapter is written")
    where: Where = None
    exclude: _Patterns = Field(default=None, description="Patterns of tensors that the adapter leaves out")
    whole: _Patterns = Field(
        default=None,
        description="Patterns of tensors to be saved in the adapter whole (PEFT's modules_to_save)",
    )
    others: Literal["save", "drop"] | None = Field(
        default=None,
        description="What becomes of biases, norms and other tensors that have no factors: saved whole "
        "(PEFT's format, where it is the default) or left out",
    )
    embeddings: _Patterns = Field(
        default=None, description="Patterns of the weights of embedding layers; default: by their usual names"
    )
    fan_in_fan_out: _Patterns = Field(
        default=None,
        description="Patterns of the linear weights that are stored as (in, out); default: those of GPT-2 "
        "and its like, by config.json",
    )


class ExtractLora(Operation):
    """A LoRA adapter that makes of the base what comes closest to the fine-tune: the change, truncated.

    The change of each matrix, D = of - base, becomes B @ A of rank r, the best approximation that there is
    of that rank: the largest r singular values of D with their vectors (Eckart, Young and Mirsky). `rank` is
    a schedule over the matrices. `energy` and `epsilon` keep fewer where that is enough; the factors then
    have columns of zeros, so that the shapes are known before anything is read. Scales are all 1
    (alpha = rank). A rank beyond the shorter side of a matrix is cut to it, and such a pair holds the whole
    change.

    Convolutions are taken as matrices (out, in * kernel), embeddings as (words, width); weights that GPT-2
    and its like store as (in, out) are turned. `format: peft` makes a folder with adapter_config.json and
    adapter_model.safetensors: ranks that differ are in rank_pattern, embeddings are lora_embedding_A and
    lora_embedding_B, and tensors that have no factors are saved whole, as modules_to_save and as biases,
    unless `others: drop`. `format: kohya` makes one file, whose flat names are made of those of the base; it
    holds factors of linear layers and convolutions only. Tensors with no change by the recipe's own doing
    (the same in both) are left out, and so is what holds no floats.

    Names in the adapter are made of those of the files. Where transformers calls its modules otherwise than
    its files do, rename both models first: `rename: {preset: hf-file-to-memory}`.

    Each matrix is read twice, piece by piece: once for its Gram matrix on the shorter side, and once for the
    longer factor. That takes five matrices of the shorter side in float64. Singular values below a millionth
    of the largest count as zero. Numbers are rounded once, to the dtype of the fine-tune or that of the
    output. A value that is no finite number makes both factors of its matrix so.
    """

    name = "extract_lora"
    summary = "A LoRA adapter made from the change between two models."
    keys = ExtractLoraKeys

    def inputs(self, keys: ExtractLoraKeys, place: TreePlace) -> Iterator[ModelUse]:
        """`of`, then `base`."""
        yield named(place, "of", keys.of)
        yield named(place, "base", keys.base)

    def lower(self, keys: ExtractLoraKeys, call: Call) -> ModelTable:
        """The adapter as a table."""
        tuned, base = call.models[keys.of], call.models[keys.base]
        empty = ModelTable(call.name, {})
        before = len(call.report.diagnostics)
        if keys.format == "kohya" and (keys.others == "save" or keys.whole is not None):
            told = "`others: save`" if keys.others == "save" else "`whole`"
            problem = f"{told}: an adapter in kohya's format holds factors only"
            call.report.add(BadOperation(span=call.span, operation=self.name, problem=problem))
        universe = dict.fromkeys([*base.entries, *tuned.entries])
        chosen = _chosen(keys, universe, call)
        whole = _selected(keys.whole, chosen, "whole", call)
        shared, _ = common_names([tuned, base], (n for n in chosen if n not in whole), "error", call)
        if len(call.report.diagnostics) > before:
            return empty
        found = sort_tensors(keys, shared, [name for name in chosen if name in whole], call)
        made = extraction(keys, found, call)
        if len(call.report.diagnostics) > before or made is None:
            return empty
        if not made.factors:
            call.report.add(NothingToExtract(span=call.span, model=keys.of))
            return empty
        _tell(keys, found, call)
        return _written(keys, made, call)


def _chosen(keys: ExtractLoraKeys, universe: dict[str, None], call: Call) -> dict[str, None]:
    """The names that `where` and `exclude` leave."""
    kept = universe
    if keys.where is not None:
        found = select_names(keys.where, universe, call.place.child("where"), call.report)
        kept = {name: None for name in universe if name in found}
    dropped = _selected(keys.exclude, universe, "exclude", call)
    left = {name: None for name in kept if name not in dropped}
    outside = tuple(name for name in universe if name not in left)
    if outside:
        call.remarks.append(Remark(call.name, "not in the adapter, as `where` and `exclude` say", outside))
    return left


def _selected(patterns: list[str] | None, names: dict[str, None], key: str, call: Call) -> set[str]:
    return (
        select_names(patterns, names, call.place.child(key), call.report) if patterns is not None else set()
    )


def _tell(keys: ExtractLoraKeys, found: Sorted, call: Call) -> None:
    """Remarks for the plan, and MC0392 for tensors that may have changed and are left out."""
    for what, names in found.told.items():
        call.remarks.append(Remark(call.name, what, tuple(names)))
    dropped = found.dropped
    if not dropped:
        return
    call.remarks.append(Remark(call.name, "not in the adapter, as they have no factors", tuple(dropped)))
    if keys.others is None:
        more = f" and {len(dropped) - _SHOWN} more" if len(dropped) > _SHOWN else ""
        notes = (", ".join(f"`{safe(name)}`" for name in dropped[:_SHOWN]) + more,)
        help_ = "say so, and this is not told: `others: drop`"
        call.report.add(
            LeftOutOfAdapter(span=call.span, model=keys.of, count=len(dropped), notes=notes, help=help_)
        )


def _written(keys: ExtractLoraKeys, made: Extraction, call: Call) -> ModelTable:
    base = call.models[keys.base]
    if keys.format == "kohya":
        problems: list[Diagnostic] = []
        entries = kohya_entries(made, base.entries, problems)
        call.report.extend([replace(one, span=call.span) for one in problems])
        return ModelTable(call.name, entries, (kohya_files(made),))
    config = peft_config(made, base.facts.config if base.facts else {})
    facts = None
    if base.facts is not None:
        facts = replace(base.facts, source=call.name, config={}, adapter_config=config, metadata={})
    return ModelTable(call.name, peft_entries(made), (peft_files(config),), facts)
