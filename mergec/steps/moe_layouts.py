"""Mixtures of experts as transformers names and describes them, and the dense models that they are made of.

Data only. Names are those of files; transformers puts experts together when it loads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

# The matrices of a dense MLP, in every layout that experts are made from.
DENSE = ("gate_proj", "up_proj", "down_proj")


class MoeLayout(NamedTuple):
    """One kind of mixture.

    `dense` are the model types whose layers fit. Names are those after `model.layers.N.`: `router`, and
    `expert` with the expert's number and the matrix' name, which `matrices` gives for those of DENSE.
    `biased`: its attention has biases for q, k and v, as its dense models have; all others have none.
    `config` holds what config.json says whatever the experts; `count_key` and `width_key` are those of the
    number of experts and of their inner size. `shared` begins the names of an expert that all tokens go
    through, where there is one.
    """

    model_type: str
    architecture: str
    dense: tuple[str, ...]
    router: str
    expert: str
    matrices: tuple[str, str, str]
    biased: bool
    config: Mapping[str, object]
    count_key: str
    width_key: str
    shared: str = ""


_QWEN: dict[str, object] = {
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "norm_topk_prob": True,  # else the experts' outputs would come out smaller than those of a dense model
    "output_router_logits": False,
}

MOE_LAYOUTS: dict[str, MoeLayout] = {
    "mixtral": MoeLayout(
        model_type="mixtral",
        architecture="MixtralForCausalLM",
        dense=("mistral", "llama"),
        router="block_sparse_moe.gate.weight",
        expert="block_sparse_moe.experts.{number}.{matrix}.weight",
        matrices=("w1", "w3", "w2"),
        biased=False,
        config={"output_router_logits": False},
        count_key="num_local_experts",
        width_key="intermediate_size",
    ),
    "qwen2_moe": MoeLayout(
        model_type="qwen2_moe",
        architecture="Qwen2MoeForCausalLM",
        dense=("qwen2",),
        router="mlp.gate.weight",
        expert="mlp.experts.{number}.{matrix}.weight",
        matrices=DENSE,
        biased=True,
        config={**_QWEN, "qkv_bias": True},
        count_key="num_experts",
        width_key="moe_intermediate_size",
        shared="mlp.shared_expert",
    ),
    "qwen3_moe": MoeLayout(
        model_type="qwen3_moe",
        architecture="Qwen3MoeForCausalLM",
        dense=("qwen3",),
        router="mlp.gate.weight",
        expert="mlp.experts.{number}.{matrix}.weight",
        matrices=DENSE,
        biased=False,
        config=_QWEN,
        count_key="num_experts",
        width_key="moe_intermediate_size",
    ),
}
