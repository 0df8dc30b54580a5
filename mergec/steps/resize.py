"""Tensors with more or fewer rows, or on another grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mergec.diagnostics import MergecError
from mergec.ir.expression import Tensor
from mergec.ir.graph import Remark
from mergec.ir.model_table import Entry, ModelTable
from mergec.ir.tied_names import EMBEDDINGS, HEADS
from mergec.recipe.first_match import first_match
from mergec.recipe.no_match import matches_nothing
from mergec.recipe.pattern import Pattern
from mergec.recipe.recipe_model import Strict
from mergec.steps.errors import BadResize, PartedVocabulary
from mergec.steps.operation import Call, ModelUse, Operation, named
from mergec.steps.resized_config import config_changes
from mergec.steps.resized_grid import grid_of, on_grid
from mergec.steps.resized_rows import Pad, with_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.ir.strided_view import Shape
    from mergec.recipe.place import TreePlace

_Size = Annotated[int, Field(ge=1, lt=2**32)]
_GridSize = _Size | Annotated[list[_Size], Field(min_length=2, max_length=2)]


class ResizedTensor(Strict):
    """What becomes of the tensors that a pattern matches: another number of rows, or another grid."""

    rows: _Size | None = Field(default=None, description="The number of rows (axis 0) to have")
    shape: list[_Size] | None = Field(
        default=None, min_length=1, description="The whole new shape, which may differ in its rows only"
    )
    pad: Pad | None = Field(
        default=None, description="What new rows hold: mean (of the old ones), zeros, or {normal: deviation}"
    )
    truncate: bool = Field(default=False, description="Allow rows to be cut off at the end")
    size: _GridSize | None = Field(
        default=None, description="The new grid of position embeddings: a side, or [height, width]"
    )
    mode: Literal["bicubic", "bilinear", "nearest"] = Field(
        default="bicubic", description="How positions between the old ones are interpolated"
    )
    antialias: bool = Field(default=False, description="Smooth before a grid is made coarser")
    from_size: _GridSize | None = Field(
        default=None, description="The old grid; default: the square that fits"
    )
    prefix_tokens: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Rows before the grid, such as a class token; default: what is left of it"
    )


class ResizeKeys(Strict):
    """The keys of `op: resize`."""

    model: str = Field(description="The model to change")
    tensors: dict[str, ResizedTensor] = Field(
        min_length=1, description="What to do by pattern; the first that matches a tensor decides"
    )
    seed: int = Field(default=0, ge=0, lt=2**64, description="Chooses the values of {normal: deviation}")


class Resize(Operation):
    """A model with vocabulary rows added or cut off, or position embeddings on another grid.

    `rows: 32064` (or `shape: [32064, 4096]`) changes the number of rows of a tensor. New rows come last,
    and `pad` says what they hold: `mean`, the mean of the old rows, which makes a new token as likely as
    an average one; `zeros`; or `{normal: 0.02}` for normal values around 0, which depend on `seed`, the
    tensor's name and the position alone. Rows are cut off only with `truncate: true`. Do the same to
    `lm_head` as to the embeddings.

    `size: 24` (or `[24, 32]`) interpolates position embeddings (n, d) or (1, n, d) on a new grid of
    patches, bicubically as transformers does unless `mode` says otherwise; `antialias: true` as timm
    does. A class token before the grid is kept as it is: where n is a square plus 0, 1 or 2 this is
    found, else `from_size` or `prefix_tokens` say it. It is computed in float32 and rounded to the
    tensor's dtype once.

    `vocab_size` and `image_size` in the output's config.json follow where they held the old sizes.
    """

    name = "resize"
    summary = "Vocabulary rows added or cut off, position embeddings on another grid."
    keys = ResizeKeys

    def inputs(self, keys: ResizeKeys, place: TreePlace) -> Iterator[ModelUse]:
        """`model`."""
        yield named(place, "model", keys.model)

    def lower(self, keys: ResizeKeys, call: Call) -> ModelTable:
        """The table with the matched entries resized."""
        model = call.models[keys.model]
        wanted = _wanted(keys, model, call)
        entries = dict(model.entries)
        sizes: dict[str, tuple[Shape, Shape]] = {}
        for name, (pattern, how) in wanted.items():
            span = call.place.child("tensors").child(pattern).span()
            old = Tensor(call.graph, model.entries[name].node, span)
            try:
                new = _resized(old, name, how, keys.seed)
            except _Unfit as found:
                call.report.add(BadResize(span=span, problem=str(found), help=found.help))
                continue
            if new.node != old.node:
                entries[name] = Entry(new.node, entries[name].dtype)
                sizes[name] = old.shape, new.shape
                what = f"resized from {list(old.shape)} to {list(new.shape)}"
                call.remarks.append(Remark(call.name, what, (name,)))
        _warn_of_parted_vocabulary(sizes, model, call)
        grids = [_pair(wanted[name][1].size) for name in sizes]
        edits = config_changes(sizes, [grid for grid in grids if grid is not None], model.facts)
        return ModelTable(call.name, entries, (*model.config, *edits), model.facts)


def _wanted(keys: ResizeKeys, model: ModelTable, call: Call) -> dict[str, tuple[str, ResizedTensor]]:
    """For each tensor to resize the pattern that decides. Reports patterns that are wrong or match none."""
    chosen: list[tuple[Pattern, dict[str, tuple[str, ResizedTensor]]]] = []
    for text, how in keys.tensors.items():
        try:
            pattern = Pattern.parse(text, call.place.child("tensors").key_span(text))
        except MergecError as error:
            call.report.extend(error.diagnostics)
            continue
        bound = pattern.bind(model.entries)
        if not len(bound):
            call.report.add(matches_nothing(pattern, model.entries))
        chosen.append((pattern, dict.fromkeys(bound.matches, (text, how))))
    return first_match(chosen, call.report)


def _warn_of_parted_vocabulary(
    sizes: Mapping[str, tuple[Shape, Shape]], model: ModelTable, call: Call
) -> None:
    """Embeddings and head have a row for each word: one that was as high as the other should stay so."""
    words = [name for name in model.entries if name.endswith((*EMBEDDINGS, *HEADS))]
    for name in (name for name in words if name in sizes):
        (old, *_), (new, *_) = sizes[name]
        for other in words:
            rows = call.graph.type(model.entries[other].node).shape[:1]
            if other not in sizes and rows == (old,):
                call.report.add(
                    PartedVocabulary(span=call.span, tensor=name, rows=new, other=other, others_rows=old)
                )


def _pair(size: int | list[int] | None) -> tuple[int, int] | None:
    """A grid's (height, width)."""
    if size is None:
        return None
    return (size, size) if isinstance(size, int) else (size[0], size[1])


class _Unfit(Exception):  # noqa: N818  # a finding, reported by the caller
    """A tensor cannot be resized as asked."""

    def __init__(self, problem: str, help_: str | None = None) -> None:
        super().__init__(problem)
        self.help = help_


def _resized(value: Tensor, name: str, how: ResizedTensor, seed: int) -> Tensor:
    """A tensor in its new size.

    Raises:
        _Unfit: it cannot be.
    """
    given = [key for key in ("rows", "shape", "size") if getattr(how, key) is not None]
    if len(given) != 1:
        problem = f"it needs exactly one of `rows`, `shape` and `size`, and has {len(given)}"
        raise _Unfit(problem, "`rows: N` for vocabularies, `size: N` for position embeddings")
    if not value.dtype.is_float:
        raise _Unfit(f"`{name}` is {value.dtype}: only floats can be resized")
    grid = _pair(how.size)
    return _with_rows(value, name, how, seed) if grid is None else _on_grid(value, name, how, grid)


def _with_rows(value: Tensor, name: str, how: ResizedTensor, seed: int) -> Tensor:
    old = value.shape
    new = (how.rows, *old[1:]) if how.rows is not None else tuple(how.shape or ())
    if not old or len(new) != len(old) or new[1:] != old[1:]:
        help_ = "only the number of rows, axis 0, can change; `op: init` makes new tensors"
        raise _Unfit(f"`{name}` is {list(old)} and cannot become {list(new)}", help_)
    rows = new[0]
    if rows > old[0] and how.pad is None:
        help_ = "say what they hold: `pad: mean`, `pad: zeros` or `pad: {normal: 0.02}`"
        raise _Unfit(f"`{name}` gets {rows - old[0]} new rows", help_)
    if rows > old[0] == 0 and how.pad == "mean":
        raise _Unfit(f"`{name}` has no rows to take the mean of", "use `pad: zeros`")
    if rows < old[0] and not how.truncate:
        help_ = "if the last rows are not needed, say `truncate: true`"
        raise _Unfit(f"`{name}` has {old[0]} rows, {old[0] - rows} more than asked for", help_)
    return value if rows == old[0] else with_rows(value, rows, how.pad, seed, name)


def _on_grid(value: Tensor, name: str, how: ResizedTensor, new: tuple[int, int]) -> Tensor:
    flat = value.shape[1:] if len(value.shape) == 3 and value.shape[0] == 1 else value.shape
    if len(flat) != 2:
        raise _Unfit(f"`{name}` is {list(value.shape)}, not position embeddings (n, d) or (1, n, d)")
    old = grid_of(flat[0], _pair(how.from_size), how.prefix_tokens)
    if old is None:
        help_ = "`from_size: [height, width]` gives the old grid, `prefix_tokens` the rows before it"
        raise _Unfit(f"it cannot be told what grid the {flat[0]} rows of `{name}` are", help_)
    return on_grid(value, old, new, how.mode, smooth=how.antialias)
