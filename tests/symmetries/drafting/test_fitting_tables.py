from __future__ import annotations

from mergec.symmetries.drafting.fitting_tables import fitting_tables
from mergec.symmetries.model_shape import ModelShape

LAYER = {
    "input_layernorm": (24,),
    "post_attention_layernorm": (24,),
    "self_attn.q_proj": (24, 24),
    "self_attn.k_proj": (8, 24),
    "self_attn.v_proj": (8, 24),
    "self_attn.o_proj": (24, 24),
    "mlp.gate_proj": (20, 24),
    "mlp.up_proj": (20, 24),
    "mlp.down_proj": (24, 20),
}
LLAMA = {f"model.layers.{i}.{name}.weight": shape for i in range(2) for name, shape in LAYER.items()}
LLAMA |= {"model.embed_tokens.weight": (30, 24), "model.norm.weight": (24,), "lm_head.weight": (30, 24)}
CONFIG: dict[str, object] = {"hidden_size": 24, "num_attention_heads": 6, "num_key_value_heads": 2}


def test_a_table_that_says_the_same_is_left_out() -> None:
    """`moe` builds on `llama`, and has nothing to add where there are no experts."""
    (fit,) = fitting_tables(ModelShape("a", LLAMA, CONFIG))
    assert (fit.table, fit.left, fit.lacking, fit.moved) == ("llama", (), (), 21)


def test_what_a_table_does_not_list() -> None:
    more = {**LLAMA, "extra.b": (3,), "extra.a": (3,)}
    assert fitting_tables(ModelShape("a", more, CONFIG))[0].left == ("extra.a", "extra.b")


def test_a_table_that_leaves_most_of_a_model_does_not_fit() -> None:
    more = {**LLAMA, **{f"vision.{i}.x.weight": (3, 3) for i in range(20)}}
    assert fitting_tables(ModelShape("a", more, CONFIG)) == []


def test_sizes_that_nothing_tells() -> None:
    (fit, *_) = fitting_tables(ModelShape("a", LLAMA))
    assert fit.table == "llama"
    assert set(fit.lacking) == {"kv", "q", "_hd"}
    assert (fit.symmetry, fit.moved) == (None, 0)


def test_shapes_that_contradict_a_table() -> None:
    wrong = {**LLAMA, "model.layers.0.mlp.down_proj.weight": (24, 19)}
    assert fitting_tables(ModelShape("a", wrong, CONFIG)) == []


def test_a_model_without_tensors() -> None:
    assert fitting_tables(ModelShape("a", {})) == []
