from __future__ import annotations

import pytest

from mergec.recipe.proposals.likeness import likeness


def alike(one: str, other: str) -> float:
    return likeness(tuple(one.split(".")), tuple(other.split(".")))


@pytest.mark.parametrize(
    ("name", "better", "worse"),
    [
        ("attention.self.query", "attn.q_proj", "attn.out_proj"),
        ("attention.output.LayerNorm", "self_attn_layer_norm", "final_layer_norm"),
        ("attention_norm", "input_layernorm", "post_attention_layernorm"),
        ("tok_embeddings", "model.embed_tokens", "lm_head"),
        ("feed_forward.w2", "mlp.down_proj", "mlp.up_proj"),
        ("cross_attn.key", "encoder_attn.k_proj", "self_attn.k_proj"),
    ],
)
def test_the_words_of_models(name: str, better: str, worse: str) -> None:
    assert alike(name, better) > alike(name, worse)
    assert alike(name, better) == alike(better, name)


@pytest.mark.parametrize(
    ("one", "other"), [("query", "k_proj"), ("w1", "up_proj"), ("ln_1", "norm2"), ("gamma", "bias")]
)
def test_what_cannot_mean_the_same(one: str, other: str) -> None:
    assert alike(one, other) < 0


def test_words_without_a_meaning_are_alike_only_if_equal() -> None:
    assert alike("foo", "bar") == 0
    assert alike("foo.bar", "bar.foo") == 1
    assert alike("", "foo") == 0
