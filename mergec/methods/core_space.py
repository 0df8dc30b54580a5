"""LoRA adapters merged in the space that their factors span."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from mergec.adapters.adapter import Delta
from mergec.adapters.extraction_errors import NoFactors
from mergec.adapters.tied import kept_heads, untied
from mergec.diagnostics import MergecError, safe
from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor, promoted
from mergec.ir.matrix_primitives import MATMUL, PERMUTE, RESHAPE
from mergec.ir.model_table import Entry, ModelTable
from mergec.ir.primitives import WITH_DEGREE
from mergec.methods.method_keys import SCHEDULE_SCHEMA
from mergec.methods.pieces import deltas as pieces
from mergec.methods.pieces.cores import Product, core_space
from mergec.methods.pieces.matrices import merged_as_matrices
from mergec.methods.pieces.sign_election import Election, elected
from mergec.methods.pieces.singular_spaces import isotropic, task_singular_vectors
from mergec.methods.pieces.span import added
from mergec.methods.pieces.trimming import trimmed
from mergec.recipe.recipe_model import Strict
from mergec.recipe.schedule import Schedule
from mergec.steps.adapter_use import BaseView, read_adapter
from mergec.steps.operation import Call, ModelUse, Operation, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mergec.recipe.place import TreePlace
    from mergec.steps.adapter_use import AdapterUse

_ADAPTERS: dict[str, Any] = {
    "anyOf": [
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {"type": "object", "additionalProperties": SCHEDULE_SCHEMA, "minProperties": 1},
    ]
}
_Names = Annotated[list[str], Field(min_length=1)]
_Mapping = Annotated[dict[str, Any], Field(min_length=1)]


class CoreSpaceKeys(Strict):
    """The keys of `op: core_space`."""

    base: str = Field(description="The model that the adapters were trained on")
    adapters: Annotated[_Names | _Mapping, WithJsonSchema(_ADAPTERS)] = Field(
        description="The LoRA adapters, in order, each with its weight: a schedule"
    )
    merge: Literal["ties", "linear", "tsv_m", "iso_c"] = Field(
        default="ties", description="How the changes are merged in the common space"
    )
    density: float = Field(
        default=1.0, ge=0, le=1, description="The share of elements that `ties` keeps, the largest"
    )
    normalize: bool = Field(
        default=True, description="`ties`: divide by the weights of those that agree in sign"
    )
    sign: Election = Field(default="unweighted", description="What elects the signs of `ties`")
    lambda_: float = Field(
        default=1.0,
        alias="lambda",
        allow_inf_nan=False,
        description="The factor of what is added to the base",
    )


@dataclass(frozen=True, slots=True)
class _Change:
    """What an adapter does to a tensor: a product, the views that give it the tensor's shape, its weight."""

    product: Product
    views: tuple[tuple[object, tuple[object, ...]], ...]
    weight: float


class CoreSpace(Operation):
    """LoRA adapters merged in the small space that their factors span, and folded into the base.

    Each adapter changes a weight by B_i A_i, its scale alpha / rank in B_i. Of all of them side by side, U
    are the left singular vectors of [B_1 B_2 ...] and V the right ones of [A_1; A_2; ...]. The change is U
    M_i V^T with a core M_i = U^T B_i A_i V as large as the sum of the ranks (or the weight's own sides, where
    these are shorter), and nothing is lost. The cores are merged to M, and the result is W + lambda U M V^T:

    - `ties` trims the cores to `density`, elects signs and averages what agrees, as `op: ties` does
    - `linear` adds them up by weight, which is the same in every space
    - `tsv_m` makes the largest singular directions of the cores orthogonal, as `op: tsv_m` does
    - `iso_c` gives all singular values of their sum the same size, as `op: iso_c` does, over k directions

    Reference: arXiv:2509.17786. Adapters of all dialects can be merged, on linear layers, convolutions and
    embeddings; what they change must be a product of two factors, as LoRA's is. A tensor that only some of
    them change is merged from those. Weights of 0 take an adapter out. No change is ever held whole.
    """

    name = "core_space"
    summary = "LoRA adapters merged in the space that their factors span."
    keys = CoreSpaceKeys

    def inputs(self, keys: CoreSpaceKeys, place: TreePlace) -> Iterator[ModelUse]:
        """`base`, then the adapters."""
        yield named(place, "base", keys.base)
        for name, _, at in _listed(keys, place):
            yield ModelUse(name, at.name_span())

    def lower(self, keys: CoreSpaceKeys, call: Call) -> ModelTable:
        """The base's table with the merged changes added."""
        base = call.models[keys.base]
        view = BaseView.of(base, call)
        before = len(call.report.diagnostics)
        listed = list(_listed(keys, call.place))
        uses = [use for one in listed if (use := read_adapter(*one, view, call)) is not None]
        changes = _changes(uses, call) if len(uses) == len(listed) else {}
        entries = dict(base.entries)
        if len(call.report.diagnostics) == before:
            for target, found in changes.items():
                entries[target] = _merged(view, target, found, keys)
        ties = {target for use in uses for target in use.reading.keeps_ties}
        entries |= kept_heads(base.entries, entries, ties, view.config, call.graph)
        told, edits = untied(base.entries, entries, ties, view.config, call.span)
        call.report.extend(told)
        return ModelTable(call.name, entries, (*base.config, *edits))


def _listed(keys: CoreSpaceKeys, place: TreePlace) -> Iterator[tuple[str, object, TreePlace]]:
    at = place.child("adapters")
    if isinstance(keys.adapters, dict):
        yield from ((name, value, at.child(name)) for name, value in keys.adapters.items())
    else:
        yield from ((name, 1.0, at.child(index)) for index, name in enumerate(keys.adapters))


def _changes(uses: Sequence[AdapterUse], call: Call) -> dict[str, list[_Change]]:
    """The changes of each tensor; reports what is no product of two factors, and wrong schedules."""
    found: dict[str, list[_Change]] = {}
    for use in uses:
        weights = _weights(use, call)
        for fold in use.reading.folds:
            form = _low_rank_form(fold.value) if isinstance(fold, Delta) else None
            known = found.get(fold.target)
            if form is None or (known and known[0].views != form[1]):
                problem = "is no product of two factors" if form is None else "is laid out in another way"
                call.report.add(
                    NoFactors(
                        span=use.adapter.span,
                        adapter=use.adapter.name,
                        tensor=safe(fold.target),
                        problem=problem,
                    )
                )
                break
            assert isinstance(fold, Delta)
            product, views = form
            scaled = Product(product.left.cast(DType.F64) * fold.scale, product.right.cast(DType.F64))
            weight = weights.get(fold.target, 0.0)
            if weight:
                found.setdefault(fold.target, []).append(_Change(scaled, views, weight))
    return found


def _weights(use: AdapterUse, call: Call) -> dict[str, float]:
    try:
        return Schedule.parse(use.strength, use.place).resolve(use.targets, call.report)
    except MergecError as error:
        call.report.extend(error.diagnostics)
        return {}


def _low_rank_form(value: Tensor) -> tuple[Product, tuple[tuple[object, tuple[object, ...]], ...]] | None:
    """The two factors of a value, and what is done to the order and the shape of their product."""
    graph, node = value.graph, value.node
    views: list[tuple[object, tuple[object, ...]]] = []
    while graph[node].primitive in {PERMUTE, RESHAPE, WITH_DEGREE}:
        if graph[node].primitive is not WITH_DEGREE:
            views.insert(0, (graph[node].primitive, graph[node].attributes))
        node = graph[node].inputs[0]
    if graph[node].primitive is not MATMUL:
        return None
    left, right = (Tensor(graph, i, value.origin) for i in graph[node].inputs)
    return (Product(left, right), tuple(views)) if len(right.shape) == 2 else None


def _merged(view: BaseView, target: str, changes: Sequence[_Change], keys: CoreSpaceKeys) -> Entry:
    space = core_space([change.product for change in changes])
    result = space.restored(_merged_core(space.cores, [change.weight for change in changes], keys))
    for primitive, attributes in changes[0].views:
        result = result._apply(primitive, attributes=attributes)  # type: ignore[arg-type]  # noqa: SLF001
    tensor, change = promoted([view.tensors[target], result.with_degree(0.0)])
    return Entry((tensor + change * keys.lambda_).node, view.entries[target].dtype)


def _merged_core(cores: Sequence[Tensor], weights: Sequence[float], keys: CoreSpaceKeys) -> Tensor:
    terms = [core * weight for core, weight in zip(cores, weights, strict=True)]
    if keys.merge == "linear":
        return added(terms)
    if keys.merge == "iso_c":
        return merged_as_matrices(terms, lambda matrices: isotropic(added(matrices)))
    if keys.merge == "tsv_m":
        return merged_as_matrices(terms, task_singular_vectors)
    seen = [pieces.Delta(*one, at) for at, one in enumerate(zip(cores, weights, strict=True))]
    kept = trimmed(seen, [keys.density] * len(seen), None)
    return elected(kept, weights, keys.sign, normalize=keys.normalize, compat=None)
