"""Rounding in the middle of a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, WithJsonSchema

from mergec.diagnostics import MergecError
from mergec.ir.expression import Tensor
from mergec.ir.model_table import Entry, ModelTable
from mergec.recipe.dtype_schedule import DTypeSchedule
from mergec.recipe.recipe_model import DTYPE_SCHEDULE_SCHEMA
from mergec.steps.operation import Call, ModelUse, Operation, named
from mergec.steps.where import RestrictedKeys, restricted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.diagnostics import Span
    from mergec.ir.dtype import DType
    from mergec.ir.graph import Graph
    from mergec.recipe.place import TreePlace


class CastKeys(RestrictedKeys):
    """The keys of `op: cast`."""

    model: str = Field(description="The model to round")
    dtype: Annotated[Any, WithJsonSchema(DTYPE_SCHEDULE_SCHEMA)] = Field(
        description="One dtype, or a mapping of patterns to dtypes"
    )


class Cast(Operation):
    """A model with its float tensors rounded to another dtype.

    The rounding happens here, to nearest with ties to even, before anything that uses the result.
    To choose only the dtype of the file, use `output: dtype:`, which rounds once at the end. Integer
    and packed tensors stay as they are.
    """

    name = "cast"
    summary = "A model with its float tensors rounded to another dtype."
    keys = CastKeys

    def inputs(self, keys: CastKeys, place: TreePlace) -> Iterator[ModelUse]:
        """`model`."""
        yield named(place, "model", keys.model)

    def lower(self, keys: CastKeys, call: Call) -> ModelTable:
        """The table with a cast on each float entry."""
        model = call.models[keys.model]
        dtypes = resolve_dtypes(keys.dtype, call.place.child("dtype"), list(model.entries), call)
        span = call.place.child("dtype").span()
        entries = {
            name: _cast(entry, dtypes.get(name), call.graph, span) for name, entry in model.entries.items()
        }
        result = ModelTable(call.name, entries, model.config)
        return restricted(result, model, keys, call)


def resolve_dtypes(value: object, place: TreePlace, names: list[str], call: Call) -> dict[str, DType | None]:
    """The dtype that a schedule gives to each name, None for "as it is"; reports what is wrong."""
    try:
        return DTypeSchedule.parse(value, place).resolve(names, call.report)
    except MergecError as error:
        call.report.extend(error.diagnostics)
        return {}


def _cast(entry: Entry, dtype: DType | None, graph: Graph, span: Span) -> Entry:
    if dtype is None or not entry.dtype.is_float:
        return entry
    return Entry(Tensor(graph, entry.node, span).cast(dtype).node, dtype)
