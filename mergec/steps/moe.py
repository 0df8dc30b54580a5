"""Dense models as the experts of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mergec.ir.config_edit import ConfigValue
from mergec.ir.graph import Remark
from mergec.ir.model_table import ModelTable
from mergec.recipe.recipe_model import Strict
from mergec.steps.experts import Experts
from mergec.steps.init import NormalFill
from mergec.steps.moe_errors import WrongNumberOfExperts
from mergec.steps.moe_layouts import MOE_LAYOUTS
from mergec.steps.operation import Call, ModelUse, Operation, named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.ir.config_edit import SideChange
    from mergec.recipe.place import TreePlace
    from mergec.steps.moe_layouts import MoeLayout


class GivenGates(Strict):
    """Routers from a model."""

    model: str = Field(description="The model (or source) that holds the routers")


class MoeKeys(Strict):
    """The keys of `op: moe`."""

    base: str = Field(description="The model that all but the MLPs come from")
    experts: Annotated[list[str], Field(min_length=1)] = Field(
        description="The models whose MLPs become the experts, in order; one may come several times"
    )
    layout: Literal["mixtral", "qwen2_moe", "qwen3_moe"] = Field(description="The kind of mixture")
    shared: str | None = Field(
        default=None, description="The model whose MLPs all tokens go through (qwen2_moe)"
    )
    gates: GivenGates | NormalFill | Literal["zeros"] = Field(
        default=NormalFill(normal=0.02),
        description="The routers: {model: NAME}, {normal: standard deviation}, or zeros",
    )
    experts_per_token: int = Field(default=2, ge=1, description="How many experts a token goes through")
    seed: int = Field(default=0, ge=0, lt=2**64, description="Chooses the random routers")


class Moe(Operation):
    """A mixture of experts made of dense models: Mixtral, Qwen2-MoE or Qwen3-MoE.

    Attention, norms and embeddings come from `base`, and expert k is the MLP of the k-th model of
    `experts`. Nothing is computed: tensors are copied under the names of the mixture, and config.json
    follows. Mixtral takes Mistral and Llama models without biases, Qwen2-MoE takes Qwen2 models, Qwen3-MoE
    takes Qwen3 models.

    `gates` are the routers. {model: NAME} takes them from a model or source that holds one for each layer,
    named as the mixture names them: model.layers.N.block_sparse_moe.gate.weight for Mixtral and
    model.layers.N.mlp.gate.weight for Qwen, (experts, hidden size). {normal: 0.02} draws them, by `seed` and
    the tensor's name alone; a mixture with random routers has to be trained. With `zeros` the router tells
    no expert from another, and implementations then differ in which ones they take.

    The outputs of the experts at a token are weighted so that their weights sum to 1: a mixture of equal
    experts is the dense model, whatever its routers. Qwen2-MoE adds the output of an expert that all tokens
    go through, `shared`, times a sigmoid. Where `gates` does not hold
    model.layers.N.mlp.shared_expert_gate.weight (1, hidden size), its weights are zeros, so that the sigmoid
    is 1/2, and the down_proj of `shared` is doubled.
    """

    name = "moe"
    summary = "A mixture of experts made of dense models."
    keys = MoeKeys

    def inputs(self, keys: MoeKeys, place: TreePlace) -> Iterator[ModelUse]:
        """`base`, the experts, then `shared` and `gates`."""
        yield named(place, "base", keys.base)
        for index, name in enumerate(keys.experts):
            yield ModelUse(name, place.child("experts").child(index).span())
        if keys.shared is not None:
            yield named(place, "shared", keys.shared)
        if isinstance(keys.gates, GivenGates):
            yield ModelUse(keys.gates.model, place.child("gates").child("model").span())

    def lower(self, keys: MoeKeys, call: Call) -> ModelTable:
        """The base's table with experts and routers for MLPs."""
        layout = MOE_LAYOUTS[keys.layout]
        base = call.models[keys.base]
        before = len(call.report.diagnostics)
        _check_numbers(keys, layout, call)
        experts = Experts(keys, layout, call)
        entries = experts.entries()
        if len(call.report.diagnostics) > before:
            return base
        call.remarks.append(
            Remark(call.name, f"{len(keys.experts)} experts in each of {len(experts.layers)} layers", ())
        )
        width = experts.width
        return ModelTable(call.name, entries, (*base.config, *_described(keys, layout, width)), base.facts)


def _check_numbers(keys: MoeKeys, layout: MoeLayout, call: Call) -> None:
    """Report MC0398 where there are not as many experts as there have to be."""
    count, place = len(keys.experts), call.place
    problems = []
    if count < 2:
        problems.append((place.child("experts").span(), "one expert is no mixture"))
    elif keys.experts_per_token > count:
        told = f"`experts_per_token` is {keys.experts_per_token}, and there are {count} experts"
        problems.append((place.child("experts_per_token").span(), told))
    if layout.shared and keys.shared is None:
        told = f"a {keys.layout} model has an expert that all tokens go through: name its model as `shared`"
        problems.append((place.child("layout").span(), told))
    elif keys.shared is not None and not layout.shared:
        told = f"a {keys.layout} model has no expert that all tokens go through"
        problems.append((place.child("shared").span(), told))
    for span, problem in problems:
        call.report.add(WrongNumberOfExperts(span=span, operation="moe", problem=problem))


def _described(keys: MoeKeys, layout: MoeLayout, width: int) -> Iterator[SideChange]:
    """What config.json says of the mixture."""
    told = {
        "model_type": layout.model_type,
        "architectures": [layout.architecture],
        **layout.config,
        layout.count_key: len(keys.experts),
        "num_experts_per_tok": keys.experts_per_token,
        layout.width_key: width,
    }
    if layout.shared:
        told["shared_expert_intermediate_size"] = width
    yield from (ConfigValue((key,), value) for key, value in told.items())
